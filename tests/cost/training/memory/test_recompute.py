"""What to recompute: equal to brute force, monotone in the bound, and the classical square root as a special case."""

import itertools
import math

import numpy as np
import pytest

from froude.cost.training.memory.recompute import Item, KeptOrRepeated, RecomputePlan, TooLittle, best_recompute
from froude.errors import InputError


def chain(rng: np.random.Generator, length: int) -> list[Item]:
    """A chain of operators with whole sizes, so that sums are exact."""
    sizes = rng.integers(0, (12, 6, 9), (length, 3)).astype(float)
    return [
        Item(name=str(k), saved_bytes=saved, input_bytes=read, seconds=seconds)
        for k, (saved, read, seconds) in enumerate(sizes.tolist())
    ]


def block(scale: float = 1.0) -> list[Item]:
    """The operators of a transformer block: bytes a token and unit of width as in Korthikanti et al., times made up."""
    rows = [
        ("norm", 2, 2, 1),
        ("attention.in", 2, 2, 6),
        ("attention.scores", 20, 6, 2),
        ("attention.out", 2, 2, 2),
        ("residual", 1, 2, 1),
        ("norm", 2, 2, 1),
        ("mlp.in", 2, 2, 8),
        ("gelu", 8, 8, 2),
        ("mlp.out", 8, 8, 8),
        ("residual", 1, 2, 1),
    ]
    return [Item(name=n, saved_bytes=scale * s, input_bytes=scale * i, seconds=t * 1e-3) for n, s, i, t in rows]


def cost_of(items: list[Item], choice: KeptOrRepeated) -> tuple[float, float, float]:
    """Kept bytes, working bytes and seconds of a choice, counted from its segments."""
    again = {k for start, end in choice.segments for k in range(start, end)}
    kept = sum(item.saved_bytes for k, item in enumerate(items) if k not in again)
    kept += sum(items[start].input_bytes for start, _ in choice.segments)
    working = max((sum(i.saved_bytes for i in items[a:b]) for a, b in choice.segments), default=0.0)
    return kept, working, sum(items[k].seconds for k in again)


def every_choice(items: list[Item]) -> list[tuple[float, float, float]]:
    """The costs of all ways to keep, begin a segment at or go on with one at each operator."""
    found = set()
    for marks in itertools.product(["kept", "begun", "on"], repeat=len(items)):
        if any(mark == "on" and (k == 0 or marks[k - 1] == "kept") for k, mark in enumerate(marks)):
            continue
        begins = [k for k, mark in enumerate(marks) if mark == "begun"]
        ends = [next((k for k in range(b + 1, len(items)) if marks[k] != "on"), len(items)) for b in begins]
        segments = tuple(zip(begins, ends, strict=True))
        found.add(cost_of(items, KeptOrRepeated(segments=segments, kept_bytes=0, working_bytes=0, seconds=0)))
    return sorted(found)


def by_brute_force(items: list[Item], layers: int, bound: float, in_flight: float) -> tuple[float, float]:
    """Fewest seconds within the bound, inf where there are none, and the least bound that would do."""
    best = least = math.inf
    for chosen in itertools.combinations_with_replacement(every_choice(items), layers):
        needed = in_flight * sum(kept for kept, _, _ in chosen) + max(working for _, working, _ in chosen)
        least = min(least, needed)
        if needed <= bound:
            best = min(best, sum(seconds for _, _, seconds in chosen))
    return best, least


@pytest.mark.parametrize("seed", range(25))
def test_the_choice_is_the_best_of_all_there_are(seed):
    rng = np.random.default_rng(seed)
    items, layers, in_flight = chain(rng, int(rng.integers(1, 5))), int(rng.integers(1, 4)), float(rng.integers(1, 4))
    all_kept = layers * in_flight * sum(item.saved_bytes for item in items)
    for bound in np.floor(rng.uniform(0, 1.1, 4) * all_kept):
        best, least = by_brute_force(items, layers, bound, in_flight)
        found = best_recompute(items, layers, bound, in_flight)
        if isinstance(found, TooLittle):
            assert best == math.inf
            assert found.least_bytes == least
        else:
            assert found.seconds == best
            assert found.kept_bytes + found.working_bytes <= bound


def test_a_plan_counts_what_its_choices_cost():
    items = block()
    found = best_recompute(items, 24, 4 * 24 * 25.0, in_flight=4)
    assert isinstance(found, RecomputePlan)
    assert sum(count for count, _ in found.choices) == 24
    costs = [(count, *cost_of(items, choice)) for count, choice in found.choices]
    assert found.kept_bytes == pytest.approx(4 * sum(count * kept for count, kept, _, _ in costs))
    assert found.working_bytes == pytest.approx(max(working for _, _, working, _ in costs))
    assert found.seconds == pytest.approx(sum(count * seconds for count, _, _, seconds in costs))
    for (_, choice), (_, *cost) in zip(found.choices, costs, strict=True):
        assert (choice.kept_bytes, choice.working_bytes, choice.seconds) == pytest.approx(tuple(cost))


def test_less_memory_never_takes_less_time_and_the_least_bound_is_enough():
    items, layers = block(scale=1e6), 32
    all_kept = layers * sum(item.saved_bytes for item in items)
    too_little = best_recompute(items, layers, 0.0)
    assert isinstance(too_little, TooLittle)
    bounds = np.linspace(too_little.least_bytes, all_kept, 30).tolist()
    found = [best_recompute(items, layers, bound) for bound in bounds]
    plans = [plan for plan in found if isinstance(plan, RecomputePlan)]
    assert len(plans) == 30
    assert np.all(np.diff([plan.seconds for plan in plans]) <= 1e-12)
    assert plans[0].seconds > plans[15].seconds > plans[-1].seconds == 0
    assert all(p.kept_bytes + p.working_bytes <= b * (1 + 1e-9) for p, b in zip(plans, bounds, strict=True))
    assert isinstance(best_recompute(items, layers, too_little.least_bytes * 0.999), TooLittle)


def test_attention_scores_are_what_is_recomputed_first():
    # Korthikanti et al. 2022, arXiv:2205.05198: the scores are large and cheap, which is why selective recomputation
    # repeats only them.
    items = block()
    all_kept = 24 * sum(item.saved_bytes for item in items)
    found = best_recompute(items, 24, 0.75 * all_kept)
    assert isinstance(found, RecomputePlan)
    assert {items[a].name for _, choice in found.choices for a, _ in choice.segments} == {"attention.scores"}


@pytest.mark.parametrize("length", [4, 9, 12, 16, 25])
def test_an_even_chain_needs_twice_the_root_of_its_length(length):
    # Chen et al. 2016, arXiv:1604.06174: segments of √n operators keep √n inputs, and √n while one is recomputed, for
    # at most one more forward pass.
    even = [Item(name=str(k), saved_bytes=1, input_bytes=1, seconds=1) for k in range(length)]
    least = best_recompute(even, 1, 0.0)
    assert isinstance(least, TooLittle)
    assert least.least_bytes == min(math.ceil(length / size) + size for size in range(1, length + 1))
    if math.isqrt(length) ** 2 == length:
        assert least.least_bytes == 2 * math.isqrt(length)
    found = best_recompute(even, 1, least.least_bytes)
    assert isinstance(found, RecomputePlan)
    assert found.seconds <= length


def test_counts_mix_choices_where_all_layers_alike_would_waste_memory():
    items = [Item(name="a", saved_bytes=10, input_bytes=1, seconds=1.0)]
    found = best_recompute(items, 10, 100 - 5 * 9 + 10.0)
    assert isinstance(found, RecomputePlan)
    assert [(count, choice.segments) for count, choice in found.choices] == [(5, ()), (5, ((0, 1),))]


def test_nothing_to_recompute_and_sizes_below_zero_are_refused():
    with pytest.raises(InputError, match="0 operators in 4 layers"):
        best_recompute([], 4, 1e9)
    with pytest.raises(InputError, match="operator 'x' has a negative size or time"):
        Item(name="x", saved_bytes=-1, input_bytes=0, seconds=0)
