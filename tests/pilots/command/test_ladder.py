"""The ladder of a trainer's pilot keeps to its budget and its ratios, whatever the trainer's speed."""

import pytest

from froude.errors import InputError
from froude.pilots.command.ladder import (
    COMPUTE_RATIO,
    PARAMS_RATIO,
    LadderBudget,
    PilotLadder,
    plan_ladder,
    target_size,
)
from froude.pilots.command.scale import FirstRun, Scale, is_clear, scale_of
from froude.pilots.command.settings import CommandSettings, read_dial
from froude.sweeps.trainer import trainer_of

SIZES = (8, 16, 32, 64, 128, 256)
COMMAND = "true --width {width} --tokens {tokens}"


def scale(start: float = 1.0, seconds_a_flop: float = 1e-11) -> Scale:
    """A transformer's: 48 parameters a squared width, and the seconds that its FLOPs take."""
    params = tuple(48.0 * size**2 for size in SIZES)
    flops = tuple(6 * n for n in params)
    return Scale(
        sizes=SIZES, n_params=params, flops_per_token=flops, start_seconds=start,
        seconds_per_token=tuple(seconds_a_flop * each for each in flops),
    )  # fmt: skip


def settings(command: str = COMMAND, dial: str = "width=8:256:2", ratio: float = 20.0) -> CommandSettings:
    """The settings of a pilot with this command."""
    return CommandSettings(
        trainer=trainer_of(command), dial=read_dial(dial), derived={}, minutes=5.0, flops=None, ratio=ratio,
        first_tokens=1000, seed=0, engine="local",
    )  # fmt: skip


def ladder(seconds: float, workers: int = 1, asked: CommandSettings | None = None, start: float = 1.0) -> PilotLadder:
    """The ladder for so many seconds."""
    budget = LadderBudget(amount=seconds, in_flops=False, workers=workers, remedy="give more")
    asked = asked or settings()
    return plan_ladder(scale(start), target_size(scale(start), asked, budget), asked, budget)


@pytest.mark.parametrize("seconds", [100, 300, 3000])
@pytest.mark.parametrize("workers", [1, 4])
def test_pilots_and_target_fit_and_keep_their_distance(seconds: float, workers: int) -> None:
    made, here = ladder(seconds, workers), scale()
    assert made.target_seconds is not None
    assert made.pilot_seconds is not None
    assert made.target_seconds + made.pilot_seconds < 0.9 * seconds
    params = [here.params_at(rung.size) for rung in made.pilots]
    assert made.n_params >= PARAMS_RATIO * max(params)
    costliest = max(here.flops_at(rung.size, rung.tokens) for rung in made.pilots)
    assert made.target_flops >= COMPUTE_RATIO * costliest * 0.99  # tokens are rounded to three digits
    assert made.target.tokens == pytest.approx(20 * made.n_params, rel=0.01)
    assert len({rung.size for rung in made.pilots}) >= 4
    assert all(rung.size % 2 == 0 for rung in (*made.pilots, made.target))


def test_more_time_makes_a_larger_target() -> None:
    sizes = [ladder(seconds).n_params for seconds in (100, 1000, 10000)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_a_larger_target_that_still_fits_is_none() -> None:
    budget = LadderBudget(amount=500.0, in_flops=False, workers=1, remedy="give more")
    best = target_size(scale(), settings(), budget)
    larger = scale().seconds_at(best + 2, 20 * scale().params_at(best + 2))
    assert larger > budget.for_target


def test_seeds_fill_the_time_where_the_command_takes_one() -> None:
    without, with_seeds = (ladder(3000, 8, settings(each)) for each in (COMMAND, COMMAND + " --seed {seed}"))
    assert {rung.seed for rung in without.pilots} == {0}
    assert len({rung.seed for rung in with_seeds.pilots}) > 1
    assert len(with_seeds.pilots) > len(without.pilots)


def test_what_cannot_be_planned_says_what_to_give() -> None:
    with pytest.raises(InputError, match="even width = 8 is too large a target: give more"):
        ladder(0.1)
    with pytest.raises(InputError, match=r"pilots fit, of .* \(the start of a run alone takes 30 s\): give more"):
        ladder(300, start=30.0)
    with pytest.raises(InputError, match="too few sizes up to a quarter of that"):
        ladder(300, asked=settings(dial="width=32:256:16"))


def test_a_start_is_told_from_the_seconds_of_a_token() -> None:
    def first(size: float, tokens: int, start: float) -> FirstRun:
        seconds = start + 1e-5 * size * tokens
        return FirstRun(size=size, tokens=tokens, n_params=size**2, tokens_said=tokens, flops=6e9, seconds=seconds)

    runs = [first(8, 1000, 5.0), first(8, 4000, 5.0)]
    assert not is_clear(runs)
    runs.append(first(8, 100_000, 5.0))
    assert is_clear(runs)
    made = scale_of([*runs, first(16, 50_000, 5.0), first(32, 50_000, 2.0)])
    assert made.start_seconds == pytest.approx(5.0)
    assert made.seconds_per_token[:2] == pytest.approx((8e-5, 16e-5))
    assert made.seconds_per_token[2] >= made.seconds_per_token[1]  # a start that was shorter by chance
