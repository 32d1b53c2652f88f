import heapq
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from froude.cost import Decoder
from froude.documents.document_error import DocumentError
from froude.errors import InputError
from froude.tank import Design, PilotRecipe, Speed, Trunk, design_pilot
from froude.tank import design as module
from froude.tank.speed import WIDTHS
from tiny import write_plan

# FLOP/s of one core at widths 16, 32, 64, 128: 15 to 65% of the 80 GFLOP/s that a server gives in fp32.
TYPICAL = (12e9, 24e9, 36e9, 50e9)
RECIPE = PilotRecipe(corpus="0")


def speed_of(flops_per_s: tuple[float, ...]) -> Speed:
    return Speed(seconds_per_flop={w: 1 / f for w, f in zip(WIDTHS, flops_per_s, strict=True)})


def design_for(minutes: float, workers: int, factor: float, rise: float = 1.0, seed: int = 0) -> Design:
    """The design on a machine `factor` times as fast as TYPICAL; `rise` says how much width gains."""
    rates = np.array(TYPICAL) ** rise * TYPICAL[1] ** (1 - rise)
    return design_pilot(
        minutes=minutes, workers=workers, speed=speed_of(tuple(factor * rates)), recipe=RECIPE, seed=seed
    )


machines = st.tuples(
    st.sampled_from([1.0, 2.0, 5.0, 10.0, 60.0]),
    st.sampled_from([1, 2, 4, 16]),
    st.floats(0.3, 30.0),
    st.floats(0.0, 1.5),
    st.integers(0, 20),
)


def plan_or_refusal(machine: tuple[float, int, float, float, int]) -> Design | None:
    """The design for a machine, None where the minutes are refused as too few."""
    try:
        return design_for(*machine)
    except InputError:
        return None


def flops(trunk: Trunk) -> int:
    """FLOPs of a trunk's longest run."""
    return trunk.decoder.training_flops_per_token * trunk.tokens[-1]


@given(machines)
@settings(max_examples=150)
def test_the_target_is_out_of_reach_of_every_pilot(machine: tuple[float, int, float, float, int]) -> None:
    if design := plan_or_refusal(machine):
        assert flops(design.target) >= 8 * max(map(flops, design.pilots))
        largest = max(trunk.decoder.n_non_embedding for trunk in design.pilots)
        assert design.target.decoder.n_non_embedding >= 4 * largest
        assert design.target.tokens[-1] >= max(trunk.tokens[-1] for trunk in design.pilots)
        assert design.target.tokens[-1] >= 30 * design.target.decoder.n_non_embedding


@given(machines)
@settings(max_examples=150)
def test_pilots_and_target_fit_into_their_share_of_the_minutes(
    machine: tuple[float, int, float, float, int],
) -> None:
    if design := plan_or_refusal(machine):
        minutes, workers, factor, rise, _ = machine
        pilots, target = (60 * minutes * share for share in (module.SHARE_OF_PILOTS, module.SHARE_OF_TARGET))
        assert design.pilot_seconds <= pilots
        assert design.target_seconds <= module.STRETCH * target
        rates = np.array(TYPICAL) ** rise * TYPICAL[1] ** (1 - rise)
        # Trunks of uneven length leave workers idle at the end: some of the time that no share claims.
        wall = makespan(design, workers, speed_of(tuple(factor * rates)))
        assert wall <= 1.15 * pilots
        assert wall + design.target_seconds <= 1.4 * 60 * minutes  # 7 for 5: the whole command may take 8


def makespan(design: Design, workers: int, speed: Speed) -> float:
    """Seconds until the last pilot ends when every idle worker takes the next one."""
    busy = [0.0] * workers
    for trunk in design.pilots:
        heapq.heapreplace(busy, busy[0] + module.trunk_seconds(trunk, speed))
    return max(busy)


@given(machines)
@settings(max_examples=150)
def test_every_pilot_is_long_enough_for_a_law_and_holds_sizes_out(
    machine: tuple[float, int, float, float, int],
) -> None:
    if design := plan_or_refusal(machine):
        for trunk in design.pilots:
            shortest = trunk.tokens[0] + trunk.batch_tokens  # lengths round down
            floor = max(
                module.FEWEST_TOKENS_A_PARAMETER * trunk.decoder.n_non_embedding,
                module.FEWEST_STEPS * trunk.batch_tokens,
            )
            assert shortest > (floor if len(trunk.tokens) > 2 else floor / 2)  # two at least, if one is short
            ratios = [long / short for short, long in pairwise(trunk.tokens)]
            assert ratios == pytest.approx([module.LENGTH_RATIO] * len(ratios), rel=0.01)
        assert len({trunk.decoder.width for trunk in design.pilots}) >= 4  # what choosing a law takes


@given(machines)
@settings(max_examples=50)
def test_a_family_differs_in_width_alone(machine: tuple[float, int, float, float, int]) -> None:
    if design := plan_or_refusal(machine):
        for trunk in design.pilots:
            shape = replace(trunk.decoder, width=design.target.decoder.width)
            assert shape == design.target.decoder
            same = {"decoder": shape, "tokens": design.target.tokens, "seed": design.target.seed}
            assert replace(trunk, **same) == design.target


@given(machines)
@settings(max_examples=50)
def test_no_trunk_is_trained_twice_within_a_plan_or_by_two_seeds(
    machine: tuple[float, int, float, float, int],
) -> None:
    minutes, workers, factor, rise, seed = machine
    plans = [plan_or_refusal((minutes, workers, factor, rise, s)) for s in (seed, seed + 1)]
    ids = [trunk.id for plan in plans if plan for trunk in (*plan.pilots, plan.target)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("factor", [0.9, 1.0, 2.0, 4.0, 8.0])
@pytest.mark.parametrize("workers", [2, 4, 8])
def test_five_minutes_buy_a_target_of_a_hundred_thousand_parameters(factor: float, workers: int) -> None:
    design = design_for(5.0, workers, factor)
    n = design.target.decoder.n_non_embedding
    assert n >= 100_000
    assert design.target.tokens[-1] >= 30 * n
    assert len({trunk.decoder.width for trunk in design.pilots}) >= 4
    assert sum(len(trunk.tokens) for trunk in design.pilots) >= 15


@pytest.mark.parametrize("factor", [0.75, 1.0, 4.0])
def test_one_minute_on_two_cores_is_enough(factor: float) -> None:
    design = design_for(1.0, 2, factor)
    assert len({trunk.decoder.width for trunk in design.pilots}) >= 4


def test_more_minutes_buy_a_larger_target() -> None:
    costs = [flops(design_for(minutes, 2, 1.0).target) for minutes in (2.0, 10.0, 60.0, 480.0)]
    assert costs == sorted(set(costs))


@pytest.mark.parametrize(("minutes", "factor"), [(0.01, 1.0), (5.0, 1e-4)])
def test_too_few_minutes_are_refused_in_one_line_with_the_remedy(minutes: float, factor: float) -> None:
    with pytest.raises(InputError, match=r"too few .* on this machine: give") as caught:
        design_for(minutes, 2, factor)
    assert "--minutes" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_design_survives_json() -> None:
    design = design_for(5.0, 2, 1.0, seed=3)
    assert Design.from_dict(json.loads(json.dumps(design.to_dict()))) == design


def test_what_is_no_design_is_told_apart(tmp_path: Path) -> None:
    good = json.loads(write_plan(tmp_path / "plan.json").read_text())["design"]
    assert Design.from_dict(good).to_dict() == good
    for name in good:
        with pytest.raises(DocumentError, match=f"{name} is missing"):
            Design.from_dict({k: v for k, v in good.items() if k != name})


@given(st.integers(1, 4000), st.integers(1, 50), st.integers(1, 3))
def test_a_speed_between_measured_widths_lies_between_theirs(width: int, layers: int, context: int) -> None:
    speed = speed_of(TYPICAL)
    decoder = Decoder(width=2 * width, layers=layers, heads=1, context=32 * context)
    per_flop = speed.seconds_per_token(decoder) / decoder.training_flops_per_token
    assert 1 / TYPICAL[-1] <= per_flop * (1 + 1e-9)
    assert per_flop <= 1 / TYPICAL[0] * (1 + 1e-9)
    exact = speed.seconds_per_token(replace(decoder, width=64)) / replace(decoder, width=64).training_flops_per_token
    assert exact == pytest.approx(1 / TYPICAL[2])
