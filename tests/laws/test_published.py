"""What rows of the atlas say of laws: planted or published runs, a fit, and what it predicts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from froude import Runs, backtest, get_law, get_published, read_runs
from froude.fitting import estimate_steps, fit, optimal
from froude.laws.families.low_precision import critical_tokens
from froude.laws.families.sampling import rate_until
from froude.laws.families.width import MAXIMAL_UPDATE, MEAN_FIELD, NTK, STANDARD, STANDARD_SLOW
from froude.laws.inverse import input_giving

Noted = Callable[[str, object], None]
Find = Callable[[str], Path]


def planted_runs(law: str, noise: float, seed: int = 0, x: str | None = None, constants: str = "", **inputs) -> Runs:
    """Runs at these inputs whose outcome follows a law under published constants, up to relative noise."""
    taken = get_law(law, x)
    exact = taken(**inputs, **taken.published[constants])
    noisy = exact * np.exp(noise * np.random.default_rng(seed).standard_normal(exact.shape))
    return Runs.from_columns({**inputs, "loss": noisy})


# --- loss with size and compute ----------------------------------------------------------------------------


@pytest.mark.atlas("scaling-laws-autoregressive")
def test_a_planted_floor_and_exponent_return_with_larger_sizes(
    record_property: Noted,
) -> None:
    law = get_law("power-floor", x="N")
    truth = law.published["henighan-2020-image-8x8"]
    table = planted_runs(
        "power-floor", 0.002, x="N", constants="henighan-2020-image-8x8", N=np.repeat(np.geomspace(1e5, 1e9, 9), 3)
    )
    (judged,) = backtest(law, table, "N > 2e8")
    for name in ("E", "alpha"):
        low, high = judged.fit.intervals[name]
        assert low <= truth[name] <= high, name
    assert judged.n_held_out == 6
    assert judged.coverage >= 5 / 6  # 90% intervals
    assert judged.mean_abs_rel_error < 0.002

    reducible = 0.02
    wanted = (truth["A"] / reducible) ** (1 / truth["alpha"])
    drawn = dict(zip(law.parameters, judged.fit.draws.T, strict=True))
    sizes = input_giving(law, drawn["E"] + reducible, "N", (1e6, 1e16), **drawn)
    low, high = np.nanquantile(sizes, [0.05, 0.95])
    assert low <= wanted <= high
    at = input_giving(law, judged.fit.params["E"] + reducible, "N", (1e6, 1e16), **judged.fit.params)
    record_property("found", f"{at:.2g} parameters ({low:.2g} to {high:.2g}) for {reducible} nats; truth {wanted:.2g}")


@pytest.mark.atlas("overtraining-scaling")
def test_runs_below_half_a_billion_predict_1_4b_and_6_9b(tables: None, record_property: Noted) -> None:
    table = get_published("overtraining_mlfoundations").read()
    assert len(table) == 104
    (judged,) = backtest("overtrained", table.where("train_set = 'rpj'"), "N >= 5e8")
    names = table.where("train_set = 'rpj'")["name"][judged.rows]
    wanted = [list(names).index(f"rpj-open_lm_{which}") for which in ("1b-32.0", "7b-1.0")]
    assert np.abs(judged.rel_errors[wanted]).max() < 0.01
    assert np.all((judged.lo <= judged.measured) & (judged.measured <= judged.hi))
    errors = ", ".join(f"{error:+.2%}" for error in judged.rel_errors[wanted])
    record_property("found", f"errors of 1.4B at 32x and 6.9B: {errors}, from {judged.n_fit} runs below 0.5B")


@pytest.mark.slow
@pytest.mark.atlas("unraveling-scaling-laws", "modelled")
def test_curves_up_to_60m_predict_the_trajectory_of_33b(record_property: Noted) -> None:
    law = get_law("kaplan-trajectory")
    truth = law.published["su-2024-c4"]
    sizes, batches, points = np.geomspace(1e6, 6e7, 5), np.array([3e4, 2e5, 1e6, 4e6]), np.geomspace(2e3, 1e5, 16)
    N, B, S = (grid.ravel() for grid in np.meshgrid(sizes, batches, points, indexing="ij"))
    loss = law(N=N, S=S, B=B, **truth) * np.exp(0.005 * np.random.default_rng(2).standard_normal(N.size))
    curve = np.repeat(np.arange(sizes.size * batches.size), points.size)
    estimate = estimate_steps(
        Runs.from_columns({"N": N, "B": B, "S": S, "curve": curve, "loss": loss}), cluster="curve", draws=200, starts=5
    )
    for n_params, steps in ((1.8e9, np.geomspace(1e3, 3e5, 40)), (3.3e10, np.geomspace(1e3, 3e5, 40))):
        large = {"N": n_params, "S": steps, "B": 2e6}
        exact, forecast = law(**large, **truth), estimate.predict(of="mean", **large)
        assert np.abs(forecast.mean / exact - 1).max() < 0.02
        assert np.mean((forecast.lo <= exact) & (exact <= forecast.hi)) >= 0.9
    drawn = dict(zip(law.parameters, estimate.draws.T, strict=True))
    critical = get_law("critical-batch")
    low, high = np.quantile(critical(L=3.0, B_star=drawn["B_star"], beta=1 / drawn["alpha_B"]), [0.05, 0.95])
    exactly = critical(L=3.0, B_star=truth["B_star"], beta=1 / truth["alpha_B"])
    assert low <= exactly <= high
    record_property("found", f"critical batch at 3 nats {low:.3g} to {high:.3g} tokens, planted {exactly:.3g}")


@pytest.mark.atlas("parscale", "modelled")
@pytest.mark.parametrize(("column", "constants"), [("loss_stackv2_python", "stack"), ("loss_pile", "pile")])
def test_effective_parameters_in_log_streams_fit_the_published_table(
    published: Find, column: str, constants: str
) -> None:
    runs = read_runs(published("parscale/parscale.csv"), {"N": "N_nonembed", "loss": column})
    lever = get_law("parallel-streams")
    law_fit = fit(get_law("power-floor", x="N").replacing(N=lever), runs, draws=200)
    low, _ = law_fit.intervals["k"]
    assert law_fit.params["k"] == pytest.approx(lever.published[f"parscale-2025-{constants}"]["k"], abs=0.03)
    assert low > 0, "streams count"
    assert np.abs(np.expm1(law_fit.residuals)).max() < 0.01


@pytest.mark.slow
@pytest.mark.atlas("lr-annealing-law", "modelled")
def test_the_annealing_law_predicts_an_unseen_published_schedule(published: Find, record_property: Noted) -> None:
    runs = read_runs(published("multipowerlaw_curves/loss_curves.csv")).where(
        "model_M = 100 AND NOT (schedule LIKE '%24000' AND step >= 24000)"
    )
    seen = "schedule = 'cosine_24000' OR schedule = 'constant_24000'"
    (judged,) = backtest("annealing", runs.where(f"{seen} OR schedule = 'wsd_20000_24000'"), f"NOT ({seen})", draws=50)
    record_property("found", f"mean error {judged.mean_abs_rel_error:.3%} along warm-up, stable phase and decay")
    assert judged.mean_abs_rel_error < 0.005


@pytest.mark.atlas("minicpm", "modelled")
def test_the_minicpm_law_puts_the_best_data_at_192_tokens_a_parameter() -> None:
    law = get_law("chinchilla")
    best = optimal(law.published["minicpm-2024-average"], 1e21)
    # 191.87 is printed of unrounded constants; those that are printed have two or three digits.
    assert best.tokens_per_param == pytest.approx(192, rel=0.05)
    hoffmann = optimal(law.published["besiroglu-2024"], 1e21).tokens_per_param
    assert best.tokens_per_param > 5 * hoffmann


@pytest.mark.atlas("fp-quantization-training-law", "modelled")
@pytest.mark.parametrize(
    ("exponent_bits", "mantissa_bits", "critical"), [(4, 3, 27e12), (2, 1, 0.4e12), (8, 7, 1730e12)]
)
def test_more_tokens_hurt_at_low_precision_past_the_published_number(
    exponent_bits: int, mantissa_bits: int, critical: float
) -> None:
    law = get_law("float-training")
    constants = dict(law.published["sun-2025"])
    tokens = critical_tokens(1e9, exponent_bits, mantissa_bits, 128, constants)
    assert tokens == pytest.approx(critical, rel=0.03)  # printed to two digits
    at = {"N": 1e9, "exponent_bits": exponent_bits, "mantissa_bits": mantissa_bits, "block": 128}
    least, *around = (law(D=tokens * factor, **at, **constants) for factor in (1.0, 0.5, 2.0))
    assert min(around) > least


@pytest.mark.atlas("feature-learning-infinite-width", "modelled")
def test_each_published_scaling_learns_features_or_is_a_kernel() -> None:
    assert (MAXIMAL_UPDATE.r, NTK.r, STANDARD_SLOW.r) == (0, 0.5, 0.5)
    regimes = [each.regime for each in (MAXIMAL_UPDATE, MEAN_FIELD, NTK, STANDARD_SLOW, STANDARD)]
    assert regimes == ["features", "features", "kernel", "kernel", "unstable"]


# --- scores and speed-ups that rise to a ceiling -----------------------------------------------------------


@pytest.mark.slow
@pytest.mark.atlas("leyolo", "modelled")
def test_the_first_five_leyolo_models_predict_the_sixth(record_property: Noted) -> None:
    flop, score = np.array([0.66, 1.47, 2.53, 4.51, 5.8, 8.4]) * 1e9, [25.2, 31.3, 35.2, 38.2, 39.3, 41.0]
    (judged,) = backtest("ceiling", Runs.from_columns({"C": flop, "mAP": score}), "C > 8e9", y="mAP", x="C")
    assert judged.fit.law.formula == "top - A·C^-alpha"
    assert judged.predicted[0] == pytest.approx(41.0, abs=0.5)  # printed as a whole number
    assert judged.lo[0] <= 41 <= judged.hi[0]
    for goal in (30.0, 38.0):
        at = input_giving(judged.law, goal, "C", (1e8, 1e11), **judged.fit.params)
        assert judged.fit.predict(C=at).mean == pytest.approx(goal, rel=1e-6)
        assert np.interp(goal - 1, score, np.log(flop)) < np.log(at) < np.interp(goal + 1, score, np.log(flop))
    record_property("found", f"{judged.predicted[0]:.1f} mAP ({judged.lo[0]:.1f} to {judged.hi[0]:.1f}) at 8.4 GFLOP")


@pytest.mark.atlas("ngpc")
def test_two_mean_speed_ups_of_ngpc_predict_more_units_and_the_ceiling(record_property: Noted) -> None:
    # The two speed-ups are printed to whole numbers: the fit is given what they stand for, the ends and the middle.
    rounding = np.array([-0.5, 0.0, 0.5])
    speed_ups = Runs.from_columns({"P": np.repeat([8.0, 16.0], 3), "speedup": np.r_[12 + rounding, 20 + rounding]})
    law_fit = fit("amdahl", speed_ups, "speedup")
    more = law_fit.predict(P=np.array([32.0, 64.0]))
    assert more.mean == pytest.approx([30, 40], rel=0.01)
    assert law_fit.params["most"] == pytest.approx(60, rel=0.01)
    low, high = law_fit.intervals["most"]
    assert np.all((more.lo <= [33, 39]) & (more.hi >= [33, 39]))
    assert low <= 58 <= high
    ends = ", ".join(f"{lo:.1f} to {hi:.1f}" for lo, hi in zip(more.lo, more.hi, strict=True))
    record_property("found", f"32 and 64 units: {ends}; ceiling {low:.0f} to {high:.0f}")


# --- repeated sampling -------------------------------------------------------------------------------------


@pytest.mark.atlas("passuntil")
def test_sampling_until_passes_measures_rates_that_samples_call_zero(
    record_property: Noted,
) -> None:
    rng = np.random.default_rng(0)
    law = get_law("power", x="N")
    truth = {"A": 11.5 * 3e6**0.3, "alpha": 0.3}  # success e^-11.5 = 1e-5 of 3 million parameters, and rising
    sizes = np.geomspace(3e6, 1e9, 8)
    rates = np.exp(-law(N=sizes, **truth))
    assert rates[0] == pytest.approx(1e-5, rel=0.02)
    until = 20 + rng.negative_binomial(20, rates, (200, sizes.size))
    estimates, low, high = rate_until(20, until)
    coverage = np.mean((low <= rates) & (rates <= high))
    assert 0.85 <= coverage <= 0.95  # 1600 intervals of 90%
    assert estimates.mean(axis=0) == pytest.approx(rates, rel=0.06)  # four deviations of the mean of 200
    assert np.median(rng.binomial(1000, rates[0], 200)) == 0
    runs = Runs.from_columns({"N": sizes, "loss": -np.log(estimates[0])})
    (judged,) = backtest(law, runs, "N > 9e8")
    low, high = np.exp(-judged.hi[0]), np.exp(-judged.lo[0])
    assert low <= rates[-1] <= high
    record_property(
        "found", f"{coverage:.1%} of intervals hold; the top {rates[-1]:.3f}, predicted {low:.3f} to {high:.3f}"
    )
