"""What rows of the atlas say of two methods side by side: crossings, multipliers, and a winner where there is one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from froude import InputError, Law, Runs, backtest, get_law
from froude.cost import get_model
from froude.cost.model.formats import BF16, Format, model_bytes
from froude.fitting import Estimate, choose, compare, error_ratio, fit, frontier, warn_of_reversal
from planted import write_csv

pytest_plugins = ["door"]

Noted = Callable[[str, object], None]
LAW = get_law("power", x="C")
CROSSING = 1e21
SMALL = np.repeat(np.geomspace(1e17, 1e20, 7), 3)
SLOW = {"A": 2.0 * 1e18**0.10, "alpha": 0.10}
FAST = {"A": LAW(C=CROSSING, **SLOW) * CROSSING**0.15, "alpha": 0.15}


def interval_of(estimate: Estimate) -> tuple[float, float]:
    """The interval of an estimate, which some draws have."""
    assert estimate.lo is not None
    assert estimate.hi is not None
    return estimate.lo, estimate.hi


def holds(estimate: Estimate, truth: float) -> bool:
    """Whether an interval holds a number."""
    low, high = interval_of(estimate)
    return low <= truth <= high


def table(law: Law, constants: dict[str, float], seed: int, noise: float = 0.003, **inputs: np.ndarray) -> Runs:
    """Runs whose outcome follows a law up to relative noise."""
    exact = law(**inputs, **constants)
    noisy = exact * np.exp(noise * np.random.default_rng(seed).standard_normal(exact.shape))
    return Runs.from_columns({**inputs, "loss": noisy})


@pytest.mark.slow
@pytest.mark.atlas("scaling-law-crossover")
def test_the_command_finds_a_known_crossing_of_two_laws(cli: Callable, tmp_path: Path, record_property: Noted) -> None:
    covered, above, below = [], [], []
    for seed in range(12):
        paths = []
        for k, constants in enumerate((SLOW, FAST)):
            runs = table(LAW, constants, 2 * seed + k, C=SMALL)
            paths.append(write_csv(tmp_path / f"{k}.csv", {"C": runs["C"], "loss": runs["loss"]}))
        words = ("compare", *paths, "--law", "power", "--draws", 300, "--json")
        far, near = (json.loads(cli(*words, "--at", f"C={at:g}").out) for at in (1e24, 3e19))
        assert far["small"] == near["winner"] == "first", "the one that falls slowly wins at small scale"
        covered.append(far["crossing"]["lo"] <= CROSSING <= far["crossing"]["hi"])
        above.append(far["still_wins"])
        below.append(near["still_wins"])
    assert sum(covered) >= 9  # of 12 intervals of 90%: fewer happen by chance once in 200
    assert max(above) < 0.05
    assert min(below) > 0.95
    record_property(
        "found",
        f"{sum(covered)} of 12 intervals hold the crossing; still wins at 1000 times it: {max(above):.1%} at most",
    )


def test_the_command_says_who_is_ahead_and_refuses_two_sizes(cli: Callable, refused: Callable, tmp_path: Path) -> None:
    paths = []
    for k, constants in enumerate((SLOW, FAST)):
        runs = table(LAW, constants, k, C=SMALL)
        paths.append(write_csv(tmp_path / f"{k}.csv", {"C": runs["C"], "loss": runs["loss"]}))
    done = cli("compare", *paths, "--law", "power", "--draws", 200, "--at", "C=1e24")
    assert done.code == 0
    text = " ".join(done.out.split())
    assert f"ahead where both are smallest: {paths[0]} at C = 10²⁴: {paths[1]}, with a probability of over 99% " in text
    refusal = refused("compare", *paths, "--law", "power", "--at", "C=1e24,N=1e9")
    assert refusal == "at C, N: power is compared at C=…"
    few = write_csv(tmp_path / "few.csv", {"C": SMALL[:2], "loss": [3.0, 2.9]})
    assert refused("compare", paths[0], few, "--at", "C=1e24").startswith(f"{few}: power-floor has 3 parameters")
    assert refused("compare", *paths, "--law", "powr", "--at", "C=1e24").startswith("no law is called 'powr'")


def test_curves_that_never_meet_have_no_crossing(cli: Callable, tmp_path: Path) -> None:
    paths = []
    for k, factor in enumerate((1.0, 1.2)):
        runs = table(LAW, {**SLOW, "A": factor * SLOW["A"]}, k, C=SMALL)
        paths.append(write_csv(tmp_path / f"{k}.csv", {"C": runs["C"], "loss": runs["loss"]}))
    words = ("compare", *paths, "--law", "power", "--draws", 200, "--at", "C=1e21")
    answer = json.loads(cli(*words, "--json").out)
    assert answer["crossing"]["value"] is None
    assert (answer["small"], answer["winner"]) == ("first", "first")
    assert answer["multiplier"]["hi"] < 1
    assert cli(*words).code == 0


def test_the_winner_at_the_crossing_itself_is_as_likely_as_not_the_other() -> None:
    at = []
    for seed in range(5):
        slow, fast = (
            fit("power", table(LAW, p, 50 + 2 * seed + k, C=SMALL), x="C") for k, p in enumerate((SLOW, FAST))
        )
        at.append(compare(slow, fast, CROSSING))
    assert np.mean([each.still_wins for each in at]) == pytest.approx(0.5, abs=0.25)
    assert {each.winner for each in at} == {None}


@pytest.mark.slow
@pytest.mark.atlas("clip-mammut-scaling-comparison", "modelled")
def test_no_winner_is_named_where_intervals_of_two_procedures_overlap(
    record_property: Noted,
) -> None:
    law = get_law("saturating", x="C")
    early = {"E": 0.10, "A": 0.5 * 1e18**0.25, "B": 3e16, "alpha": 0.25}
    late = {**early, "A": (law(C=3e18, **early) - 0.10) * (3e18 + 3e16) ** 0.35, "alpha": 0.35}  # they cross there
    C = np.repeat(np.geomspace(1e16, 1e21, 21), 4)
    tables = []
    for k, constants in enumerate((early, late)):
        runs = table(law, constants, k, noise=0.004, C=C)
        worse = 1 + np.random.default_rng(10 + k).exponential(0.2, C.size) * (np.arange(C.size) % 4 > 1)
        tables.append(frontier(Runs.from_columns({"C": C, "loss": runs["loss"] * worse})))
    for runs in tables:
        (judged,) = backtest(law, runs, "C > 1e20")
        assert judged.n_held_out >= 3
        assert judged.coverage >= 0.75  # 90% intervals of a handful
        assert judged.mean_abs_rel_error < 0.05
    fits = [fit(law, runs, draws=500) for runs in tables]
    far, near = compare(*fits, at=1e22), compare(*fits, at=3e18)
    assert holds(far.crossing, 3e18)
    assert (far.winner, near.winner) == ("second", None)
    record_property("found", f"crossing {far.crossing.value:.2g} ({far.crossing.lo:.2g} to {far.crossing.hi:.2g}) FLOP")


@pytest.mark.slow
@pytest.mark.atlas("hstu-generative-recommenders", "modelled")
def test_a_flat_series_gets_a_floor_and_a_falling_one_a_power(
    record_property: Noted,
) -> None:
    C = np.repeat(np.geomspace(1e17, 1e20, 10), 2)  # three decades
    generative = table(LAW, {"A": 0.95 * 1e17**0.05, "alpha": 0.05}, 0, noise=0.002, C=C)
    flat = {"E": 0.80, "A": 0.05 * 1e17**0.6, "alpha": 0.6}
    saturated = table(get_law("power-floor", x="C"), flat, 1, noise=0.002, C=C)
    rising = fit("power", generative, x="C", draws=500)
    low, high = rising.intervals["alpha"]
    assert low <= 0.05 <= high
    chosen = choose(saturated, laws=("power", "power-floor"), x="C", draws=500).candidates
    assert chosen[0].fit.law.name == "power-floor"
    assert chosen[1].error > 2 * chosen[0].error, "on held-out compute"
    both = compare(rising, chosen[0].fit, at=1e21)
    exact = np.geomspace(1e17, 1e23, 100_000)
    truth = exact[np.argmax(0.95 * (exact / 1e17) ** -0.05 < 0.80 + 0.05 * (exact / 1e17) ** -0.6)]
    assert holds(both.crossing, truth)
    assert (both.small, both.winner) == ("second", "first")
    record_property("found", f"crossing {both.crossing.lo:.2g} to {both.crossing.hi:.2g} FLOP, planted {truth:.2g}")


@pytest.mark.slow
@pytest.mark.atlas("tsfm-laws", "modelled")
def test_a_winner_with_the_flatter_law_outside_is_flagged(
    record_property: Noted,
) -> None:
    law = get_law("power", x="N")
    N = np.repeat(np.geomspace(1e4, 1e8, 9), 2)
    planted = {"encoder": {"ID": (3.0, 0.08), "OOD": (3.2, 0.09)}, "newer": {"ID": (2.9, 0.09), "OOD": (2.6, 0.05)}}
    fits = {}
    for k, (name, columns) in enumerate(planted.items()):
        losses = {
            y: table(law, {"A": A * 1e4**alpha, "alpha": alpha}, 7 * k + m, N=N)["loss"]
            for m, (y, (A, alpha)) in enumerate(columns.items())
        }
        runs = Runs.from_columns({"N": N, **losses})
        for y, (_, alpha) in columns.items():
            fits[name, y] = law_fit = fit(law, runs, y, draws=500)
            low, high = law_fit.intervals["alpha"]
            # Four intervals of 90% at once: each is taken twice as wide, and then misses once in a thousand times.
            assert low - (high - low) / 2 <= alpha <= high + (high - low) / 2, (name, y)
    inside, outside = (compare(fits["newer", y], fits["encoder", y], at=1e8) for y in ("ID", "OOD"))
    assert (warn_of_reversal(inside, outside) or "").startswith("the first wins at N = 1e+08 by the one outcome")
    assert warn_of_reversal(inside, inside) is None
    ends = {f"{name} {y}": law_fit.intervals["alpha"] for (name, y), law_fit in fits.items()}
    record_property("found", ", ".join(f"{name} {low:.3f} to {high:.3f}" for name, (low, high) in ends.items()))


@pytest.mark.slow
@pytest.mark.atlas("farseer", "modelled")
def test_held_out_error_picks_the_law_that_made_the_runs(
    record_property: Noted,
) -> None:
    laws = {name: get_law(name) for name in ("chinchilla", "farseer")}
    planted = {name: laws[name].published[of] for name, of in (("farseer", "li-2025"), ("chinchilla", "hoffmann-2022"))}
    N, D = (grid.ravel() for grid in np.meshgrid(2e8 * 2 ** (np.arange(9) / 2), 2e9 * 2 ** np.arange(7)))
    picked, texts = [], []
    for seed in range(3):
        for name, constants in planted.items():
            runs = table(laws[name], dict(constants), seed, noise=5e-4, N=N, D=D)
            chinchilla, farseer = backtest(laws.values(), runs, "N > 1.2e9", draws=50)
            assert chinchilla.n_held_out == 21
            ratio, low, high = error_ratio(chinchilla, farseer)
            picked.append((name, "farseer" if ratio > 1 else "chinchilla"))
            if name == "farseer":
                assert low > 1, "beyond doubt"
                texts.append(f"{ratio:.1f} ({low:.1f} to {high:.1f})")
    # Chinchilla's law is nearly one of Farseer's: on its own runs the other may do as well.
    assert picked.count(("chinchilla", "chinchilla")) >= 2
    record_property("found", f"Chinchilla errs {', '.join(texts)} times as much as Farseer on Farseer's runs")


@pytest.mark.atlas("languini-kitchen", "modelled")
def test_a_crossing_that_is_extrapolated_far_is_told_with_a_wide_interval() -> None:
    hours = np.repeat([6.0, 12, 24, 48, 96], 2)
    crossing = 2e4
    law = get_law("power", x="C")
    gpt = {"A": 3.0, "alpha": 0.05}
    lstm = {"A": 3.0 * crossing**0.01, "alpha": 0.06}
    fits = [fit("power", table(law, p, k, noise=0.002, C=hours), x="C", draws=500) for k, p in enumerate((gpt, lstm))]
    comparison = compare(*fits, at=1e3)
    assert compare(*fits, at=96).winner == "first", "ahead at every size that was measured"
    assert holds(comparison.crossing, crossing)
    assert interval_of(comparison.crossing)[1] / interval_of(comparison.crossing)[0] > 10, (
        "a decade open, 200 times beyond the runs"
    )


@pytest.mark.atlas("smdm", "modelled")
def test_two_parallel_power_laws_are_a_constant_multiple_of_compute_apart() -> None:
    C = np.repeat(np.geomspace(6e18, 1e20, 6), 2)
    apart, alpha = 12.0, 0.06
    constants = [{"A": 2.6 * (6e18 * times) ** alpha, "alpha": alpha} for times in (apart, 1.0)]
    fits = [fit("power", table(LAW, p, k, noise=1e-3, C=C), x="C", draws=500) for k, p in enumerate(constants)]
    for at in (1e19, 1e20):
        comparison = compare(*fits, at=at)
        assert holds(comparison.multiplier, apart)
        assert comparison.steeper is None
        assert comparison.winner == "second"


def test_fits_with_unequal_numbers_of_refits_that_converged_are_compared() -> None:
    slow, fast = (fit("power", table(LAW, p, k, C=SMALL), x="C", draws=200) for k, p in enumerate((SLOW, FAST)))
    fewer = compare(slow, replace(fast, draws=fast.draws[:150]), at=1e24)
    assert (fewer.small, fewer.winner) == ("first", "second")
    assert fewer.crossing.value == compare(slow, fast, at=1e24).crossing.value


def test_fits_that_do_not_share_an_input_are_not_compared() -> None:
    runs = table(get_law("chinchilla"), dict(get_law("chinchilla").published["hoffmann-2022"]), 0,
                 N=np.geomspace(1e7, 1e9, 12), D=np.geomspace(1e9, 1e12, 12)[::-1].copy())  # fmt: skip
    over_n, over_d = (fit("power", runs, x=x, draws=50) for x in ("N", "D"))
    with pytest.raises(InputError, match="power and power cannot be compared: fit two laws of the same inputs"):
        compare(over_n, over_d, 1e9)
    with pytest.raises(InputError, match="N = -1: give one positive number"):
        compare(over_n, over_n, -1)


@pytest.mark.atlas("matmul-free-lm", "modelled")
def test_ternary_weights_take_a_tenth_to_an_eighth_of_the_memory(
    record_property: Noted,
) -> None:
    law = get_law("power", x="N")
    N, crossing = np.repeat(np.geomspace(1e8, 2.7e9, 5), 3), 1e11
    full, ternary = {"A": 3.0 * 1e8**0.08, "alpha": 0.08}, {"alpha": 0.09}
    ternary["A"] = law(N=crossing, **full) * crossing**0.09
    first, second = (
        fit("power", table(law, p, k, noise=1e-3, N=N), x="N", draws=500) for k, p in enumerate((full, ternary))
    )
    comparison = compare(first, second, at=1e12)
    assert comparison.small == "first"
    assert holds(comparison.crossing, crossing)

    model = get_model("llama-2-13b")
    cuts = []
    for bits in (1.58, 2.0):
        blocks = [model_bytes(model, weights, others=Format(bits=0)) for weights in (BF16, Format(bits=bits))]
        cuts.append(float(blocks[0] / blocks[1]))
        assert 8 <= round(cuts[-1]) <= 10
    whole = model_bytes(model, BF16) / model_bytes(model, Format(bits=2.0))
    record_property(
        "found",
        f"crossing {comparison.crossing.lo:.2g} to {comparison.crossing.hi:.2g}; blocks {cuts[1]:.1f} to {cuts[0]:.1f} "
        f"times smaller, at 2 bits with embeddings {whole:.1f}",
    )
