"""The search of layouts: equal to trying every one of them, and what it counts."""

import itertools
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import RUNTIME_BYTES
from froude.cost.model.catalogue import get_model
from froude.cost.training.evaluation import evaluate
from froude.cost.training.layout import Layout
from froude.cost.training.legal import legal
from froude.cost.training.memory.device_memory import memory_bytes
from froude.errors import InputError
from froude.planning.layouts.layout_search import least_memory, least_share, search
from froude.planning.layouts.simplicity import mechanisms
from froude.planning.layouts.space import (
    CATEGORIES,
    NUMBERS,
    LayoutSpace,
    divides_equally,
    divisors,
    layout_of,
    space_of,
    task_layout,
    usual_batch,
)

SMALL = get_model("layers=6,hidden=256,heads=4,vocab=4096,context=512")
EXPERTS = get_model("layers=4,hidden=128,heads=4,vocab=1024,context=256,experts=4,top_k=2,expert_width=128")


def machine_of(devices, memory=82 * 2**30):
    """A100s with so much memory."""
    machine = get_machine(f"{devices} x a100-80")
    return replace(machine, chip=replace(machine.chip, memory_bytes=memory))


def every_layout(model, machine, space, seq_len, global_batch):
    """Every legal layout of a space one by one, with every share of full recomputation that the stages have.

    A shard group says nothing where ZeRO divides nothing.
    """
    task = task_layout(machine, space, seq_len=seq_len, global_batch=global_batch)
    for numbers in itertools.product(*(getattr(space, name) for name in NUMBERS)):
        numbers = dict(zip(NUMBERS, numbers, strict=True))
        for categories in space.combinations():
            layout = replace(task, **numbers, **categories)
            idle = layout.shard > 0 == layout.zero and 0 in space.shard
            if idle or layout.model_parallel > machine.devices or not legal(model, machine, layout):
                continue
            if not divides_equally(model, space, layout):
                continue
            blocks = int(np.ceil(model.layers / layout.pipeline)) if layout.recompute == "full" else 1
            for block in range(1, blocks + 1):
                yield replace(layout, recomputed=block / blocks)


def brute_force(model, machine, space, seq_len, global_batch):
    """The least seconds of all that fit (inf: none), and the least bytes of those that have the least recomputation."""
    costs = [evaluate(model, machine, one) for one in every_layout(model, machine, space, seq_len, global_batch)]
    seconds = min((float(cost.step_seconds) for cost in costs if cost.fits), default=np.inf)
    return seconds, min((float(cost.memory.total) for cost in costs), default=np.inf)


def check_against_brute_force(model, machine, space, seq_len, global_batch):
    """The search finds the seconds of brute force; where nothing fits, its bytes."""
    layouts = search(model, machine, seq_len=seq_len, global_batch=global_batch, space=space)
    seconds, least = brute_force(model, machine, space, seq_len, global_batch)
    assert layouts.legal == layouts.computed + layouts.pruned
    assert (layouts.best[0].step_seconds if layouts.best else np.inf) == pytest.approx(seconds, rel=1e-12)
    if layouts.least and not layouts.best:
        assert layouts.least.memory_bytes == pytest.approx(least, rel=1e-12)
    return layouts


def tight(share, task, space):
    """Four devices with memory that far between the leanest layout and the leanest without recomputation."""
    least, unrecomputed = (
        least_memory(SMALL, machine_of(4), **task, space=one).memory_bytes
        for one in (space, replace(space, recompute=("none",)))
    )
    return machine_of(4, least + share * (unrecomputed - least))


@pytest.mark.parametrize("share", [0.5, 1.1, 100.0])
def test_search_finds_what_trying_every_layout_finds(share):
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    space = replace(
        space_of(SMALL, machine_of(4), **task),
        **{"micro_batch": (1, 8), "interleave": (1, 3), "shard": (0,), "zero": (1, 3), "schedule": ("1f1b",)},
    )
    layouts = check_against_brute_force(SMALL, tight(share, task, space), space, 512, 8)
    assert layouts.best
    assert layouts.legal > 50


@settings(max_examples=12, derandomize=True)
@given(st.data())
def test_search_finds_the_best_of_random_small_spaces(data):
    def some(*options):
        return tuple(sorted(data.draw(st.sets(st.sampled_from(options), min_size=1, max_size=2)), key=str))

    model = data.draw(st.sampled_from([SMALL, EXPERTS]))
    space = LayoutSpace(
        tensor=some(1, 2, 4),
        pipeline=some(1, 2, 3),
        interleave=some(1, 2, 3),
        context=some(1, 2),
        expert=some(1, 2),
        micro_batch=some(1, 2, 4),
        shard=some(0, 2),
        zero=some(0, 1, 2, 3),
        recompute=some("none", "selective", "operators", "full"),
        schedule=some("gpipe", "1f1b", "zero-bubble"),
        sequence_parallel=some(False, True),
        offload_optimizer=some("device", "host"),
        rest={"attention": data.draw(st.sampled_from(["unfused", "flash-2"]))},
    )
    machine = machine_of(data.draw(st.sampled_from([4, 6, 8])), RUNTIME_BYTES + data.draw(st.floats(5, 400)) * 2**20)
    check_against_brute_force(model, machine, space, 256, 12)


def test_layouts_that_are_left_out_cost_the_same_as_one_that_is_searched():
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    machine = machine_of(4)
    space = replace(space_of(SMALL, machine, **task), micro_batch=(1,), recompute=("none",))
    every = list(every_layout(SMALL, machine, space, **task))
    everything = [evaluate(SMALL, machine, one) for one in every if one.tensor == 1 or one.sequence_parallel]
    layouts = search(SMALL, machine, **task, space=space, keep=10**6, reach=np.inf)
    costs = {(round(one.step_seconds, 9), round(one.memory_bytes)) for one in layouts.best}
    known = {(round(float(cost.step_seconds), 9), round(float(cost.memory.total))) for cost in everything}
    assert layouts.computed == layouts.legal < len(everything)
    assert costs <= known
    assert len(known) <= layouts.legal
    for plain in (one for one in every if one.tensor > 1 and not one.sequence_parallel and one.zero < 3):
        one, better = (evaluate(SMALL, machine, each) for each in (plain, replace(plain, sequence_parallel=True)))
        assert better.step_seconds <= one.step_seconds * (1 + 1e-9)
        assert better.memory.total <= one.memory.total


@pytest.mark.slow
def test_the_simplest_is_of_the_fewest_mechanisms_within_the_tolerance():
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    machine = machine_of(4)
    space = replace(space_of(SMALL, machine, **task), micro_batch=(1, 2), recompute=("none", "operators"))
    costs = [(one, evaluate(SMALL, machine, one)) for one in every_layout(SMALL, machine, space, **task)]
    fastest = min(float(cost.step_seconds) for _, cost in costs)
    for tolerance in (0.0, 0.03, 0.3):
        near = [one for one, cost in costs if cost.step_seconds <= fastest * (1 + tolerance) * (1 + 1e-12)]
        simplest = search(SMALL, machine, **task, space=space, tolerance=tolerance).simplest
        assert simplest is not None
        assert mechanisms(simplest.layout) == min(mechanisms(one) for one in near)


@pytest.mark.slow
def test_a_layout_that_is_found_fits_with_the_certainty_asked_for():
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    space = space_of(SMALL, machine_of(4), **task)
    machine = tight(4.0, task, space)
    even, sure = (search(SMALL, machine, **task, space=space, memory_certainty=p) for p in (0.5, 0.95))
    costs = [evaluate(SMALL, machine, one) for one in every_layout(SMALL, machine, space, **task)]
    best = min(float(cost.step_seconds) for cost in costs if cost.fits_probability >= 0.95)
    assert sure.best[0].step_seconds == pytest.approx(best, rel=1e-12)
    assert even.best[0].step_seconds <= sure.best[0].step_seconds
    assert all(one.cost.fits_probability >= 0.95 - 1e-9 for one in sure.best)


def test_the_share_recomputed_is_the_smallest_that_fits():
    # With many logits the last stage is the fullest until most is recomputed: memory falls in two straight lines.
    model = get_model("layers=24,hidden=256,heads=4,vocab=4000,context=512")
    task = Layout(devices=4, global_batch=32, seq_len=512, micro_batch=8, recompute="full")
    shares, bent = [], 0
    for pipeline in (1, 2, 4):
        one, blocks = replace(task, pipeline=pipeline), 24 // pipeline
        sizes = np.asarray(memory_bytes(model, replace(one, recomputed=np.arange(1, blocks + 1) / blocks)).total)
        bent += np.ptp(np.diff(sizes)) > 1e-6 * np.ptp(sizes)
        for room in np.linspace(sizes[-1] * 0.99, sizes[0] * 1.01, 40):
            (share,), memory = least_share(model, machine_of(4, room), replace(one, pipeline=np.array([pipeline])))
            assert memory.total == pytest.approx(float(memory_bytes(model, replace(one, recomputed=share)).total))
            assert share == ((1 + np.argmax(sizes <= room)) / blocks if sizes[-1] <= room else 1.0)
            shares.append(share)
    assert bent
    assert len({*shares}) > 20


def test_pruned_layouts_are_counted_apart_and_change_nothing():
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    space = space_of(SMALL, machine_of(4), **task)
    machine = tight(0.2, task, space)
    pruning, whole = (search(SMALL, machine, **task, space=space, reach=reach) for reach in (1.0, np.inf))
    assert pruning.pruned > 0 == whole.pruned
    assert pruning.legal == whole.legal
    assert pruning.best == whole.best


def test_the_best_alone_are_the_best_or_the_least_where_there_are_none():
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    space = space_of(SMALL, machine_of(4), **task)
    for room in (0.2, -0.1):
        machine = tight(room, task, space)
        whole, alone = (search(SMALL, machine, **task, space=space, best_alone=only) for only in (False, True))
        assert (alone.best, alone.legal, alone.computed) == (whole.best, whole.legal, whole.computed)
        assert alone.least == (None if whole.best else whole.least)


def test_families_differ_and_come_fastest_first():
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    machine = machine_of(4)
    layouts = search(SMALL, machine, **task, space=space_of(SMALL, machine, **task), keep=8)
    families = [one.family for one in layouts.best]
    seconds = [one.step_seconds for one in layouts.best]
    assert len({*families}) == len(families) == 8
    assert seconds == sorted(seconds)


def test_candidates_that_do_not_fit_are_told_only_where_they_are_faster():
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    space = space_of(SMALL, machine_of(4), **task)
    machine = tight(0.2, task, space)
    layouts = search(SMALL, machine, **task, space=space)
    needed = [one.memory_bytes for one in layouts.beyond]
    assert layouts.beyond
    assert all(not one.cost.fits and one.step_seconds < layouts.best[0].step_seconds for one in layouts.beyond)
    assert needed == sorted(needed)


def test_what_is_fixed_stays():
    fixed = {"tensor": 2, "zero": 3, "attention": "flash", "offload_optimizer": "host"}
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    machine = machine_of(4)
    layouts = search(SMALL, machine, **task, space=space_of(SMALL, machine, **task, fixed=fixed))
    assert layouts.best
    assert {tuple(getattr(one.layout, name) for name in fixed) for one in layouts.best} == {tuple(fixed.values())}


def test_nothing_is_offloaded_to_a_host_without_room():
    task: dict[str, Any] = {"seq_len": 512, "global_batch": 8}
    machine = machine_of(4)
    space = space_of(SMALL, machine, **task, fixed={"offload_optimizer": "host", "zero": 0, "tensor": 1, "pipeline": 1})
    states = 16 * float(SMALL.n_params)
    for share, fit in ((1.1, True), (0.9, False)):
        host = replace(machine.tiers["host"], memory_bytes=share * states)
        full = replace(machine, tiers={"host": host})
        assert bool(search(SMALL, full, **task, space=space).best) is fit
    with pytest.raises(InputError, match="no host memory to offload to"):
        space_of(SMALL, replace(machine, tiers={}), **task, fixed={"offload_optimizer": "host"})


def test_a_misspelt_pin_names_the_fields_there_are():
    with pytest.raises(InputError, match=r"no tensr; it has .*tensor \(tp\)"):
        space_of(SMALL, machine_of(4), seq_len=512, global_batch=8, fixed={"tensr": 2})
    with pytest.raises(InputError, match="devices cannot be fixed"):
        space_of(SMALL, machine_of(4), seq_len=512, global_batch=8, fixed={"devices": 2})


def test_every_dimension_that_is_searched_is_a_field_of_a_layout():
    assert {*NUMBERS, *CATEGORIES} < {one.name for one in fields(Layout)}
    layout = layout_of(Layout(devices=4, global_batch=8, seq_len=512), {"tensor": np.array([2])}, {"zero": 3})
    assert (np.asarray(layout.tensor).tolist(), layout.zero, layout.devices) == ([2], 3, 4)


@given(st.integers(1, 5000))
def test_divisors_are_all_numbers_that_divide(number):
    assert divisors(number) == tuple(n for n in range(1, number + 1) if number % n == 0)


@pytest.mark.parametrize(("devices", "seq_len"), [(1, 2048), (8, 2048), (1024, 8192), (3072, 2048), (24, 131072)])
def test_the_usual_batch_is_near_four_million_tokens(devices, seq_len):
    batch = usual_batch(devices, seq_len)
    assert batch % devices == 0 or devices % batch == 0
    assert 0.5 < batch * seq_len / (4 * 2**20) < 2
