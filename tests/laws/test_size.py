"""Laws of size, data and compute: their limits, their equations, and what their papers print of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from froude.fitting import fit
from froude.fitting.allocation import optimal
from froude.laws import get_law
from froude.laws.families.broken import broken
from froude.laws.families.kaplan import c_min, s_min
from froude.laws.families.power import PF_DAY_FLOP
from froude.runs import Runs, read_runs

# Power laws


def test_every_henighan_law_is_one_nat_above_its_floor_at_its_constant() -> None:
    for x, unit, printed in (
        ("N", 1.0, {"image-8x8": 8.0e1, "video-vq-16x16x16": 3.7e4}),
        ("C", PF_DAY_FLOP, {"image-32x32": 3.6e-9}),
    ):
        each = get_law("power-floor", x)
        for name, constant in printed.items():
            constants = each.published[f"henighan-2020-{name}"]
            assert each(**{x: constant * unit}, **constants) - constants["E"] == pytest.approx(1.0, rel=1e-12)


def test_henighan_language_law_has_no_floor_and_compute_in_petaflop_days() -> None:
    compute = get_law("power", "C")
    at = compute(C=3.47e8 * PF_DAY_FLOP, **compute.published["henighan-2020-language"])
    assert at == pytest.approx(1.0, rel=1e-12)


def test_the_two_repeated_cells_of_henighan_table_are_marked_as_suspect() -> None:
    best = get_law("optimal-params")
    suspect = {name for name, doubt in best.trust.items() if doubt.startswith("suspect")}
    assert suspect == {"henighan-2020-text-to-image", "henighan-2020-image-vq-32x32"}
    assert best.published["henighan-2020-text-to-image"] == best.published["henighan-2020-image-vq-32x32"]


# Kaplan


@given(S=st.floats(1e2, 1e6), B=st.floats(1e3, 1e8), B_crit=st.floats(1e3, 1e8))
def test_steps_and_compute_trade_off_along_a_hyperbola(S: float, B: float, B_crit: float) -> None:
    # McCandlish et al. 2018: (S/S_min − 1)(C/C_min − 1) = 1, with C proportional to B·S.
    assert (S / s_min(S, B, B_crit) - 1) * (S * B / c_min(S * B, B, B_crit) - 1) == pytest.approx(1.0, rel=1e-6)


def test_a_trajectory_solves_its_own_equation() -> None:
    law, rng = get_law("kaplan-trajectory"), np.random.default_rng(0)
    N, S, B = (
        np.exp(rng.uniform(np.log(low), np.log(high), 500)) for low, high in ((1e5, 1e11), (1e1, 1e7), (1e2, 1e9))
    )
    for p in law.published.values():
        loss = law(N=N, S=S, B=B, **p)
        critical = get_law("critical-batch")(L=loss, B_star=p["B_star"], beta=1 / p["alpha_B"])
        of_steps = (p["Sc"] / s_min(S, B, critical)) ** p["alpha_S"]
        np.testing.assert_allclose(loss, (p["Nc"] / N) ** p["alpha_N"] + of_steps, rtol=1e-12)


def test_at_a_huge_batch_a_trajectory_is_the_law_of_steps() -> None:
    steps, whole = get_law("kaplan-steps"), get_law("kaplan-trajectory")
    for name, constants in steps.published.items():
        plain = steps(N=1e9, S_min=1e5, **constants)
        assert whole(N=1e9, S=1e5, B=1e30, **whole.published[name]) == pytest.approx(plain, rel=1e-12)


# Chinchilla, MiniCPM, Gadre


def test_minicpm_constants_give_the_printed_terms_at_a_billion_of_each() -> None:
    chinchilla = get_law("chinchilla")
    average = chinchilla.published["minicpm-2024-average"]
    assert chinchilla(N=1e9, D=1e9, **average) == pytest.approx(7.15e-2 + 3.00e-1 + 0.31, rel=1e-12)


@pytest.mark.parametrize(("data", "ratio"), [("average", 183.9), ("code", 193.7), ("ultratext", 91.2)])
def test_minicpm_rounded_constants_give_its_token_ratios(data: str, ratio: float) -> None:
    constants = get_law("chinchilla").published[f"minicpm-2024-{data}"]
    assert optimal(constants, 1e21).tokens_per_param == pytest.approx(ratio, abs=0.05)


def test_deepseek_size_times_tokens_is_the_compute() -> None:
    size, tokens = get_law("optimal-flop-per-token"), get_law("optimal-tokens")
    C = np.geomspace(1e17, 1e21, 5)
    product = size(C=C, **size.published["deepseek-2024"]) * tokens(C=C, **tokens.published["deepseek-2024"])
    np.testing.assert_allclose(product, 1.00012 * C, rtol=1e-5)


def test_the_overtrained_law_is_chinchillas_tied_law_rewritten() -> None:
    overtrained, tied = get_law("overtrained"), get_law("chinchilla-tied")
    N, D = np.array([1e8, 1e9, 7e9]), np.array([1e11, 2e10, 3e12])
    for p in overtrained.published.values():
        shrunk = 6 ** -p["eta"]
        same = tied(N=N, D=D, E=p["E"], A=p["a"] * shrunk, alpha=2 * p["eta"], B=p["b"] * shrunk)
        np.testing.assert_allclose(overtrained(C=6 * N * D, M=D / N, **p), same, rtol=1e-12)


FIVE = tuple(f"d={shape}-1.0" for shape in ("96_l=8_h=4", "512_l=8_h=4", "576_l=24_h=8", "1024_l=24_h=8"))


def _points(path: Path, train_set: str) -> Runs:
    """The runs trained on one data set, with M and the loss on C4-eval."""
    columns = read_runs(path, columns={"loss": "loss_c4_val"}).where(f"train_set = '{train_set}'")
    made = {name: columns[name] for name in ("name", "N", "D", "C", "loss")}
    return Runs.from_columns({**made, "M": columns["D"] / columns["N"]})


def test_five_small_models_predict_large_ones_as_well_as_published(
    published: Callable[[str], Path],
) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    law = get_law("overtrained")
    runs = _points(published("overtraining_mlfoundations/models_loss_and_downstream.csv"), "rpj")
    fitted = [any(name == f"rpj-{end}" for end in (*FIVE, "d=96_l=8_h=4-16.0")) for name in runs["name"]]
    five = runs.take(np.array(fitted))
    assert len(five) == 5

    def residuals(p: np.ndarray) -> np.ndarray:
        return law(C=five["C"], M=five["M"], **dict(zip(law.parameters, p, strict=True))) - five["loss"]

    start = np.array([1.0, 200.0, 200.0, 0.1])
    found = optimize.least_squares(residuals, start, x_scale=start, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=5000)
    refitted = dict(zip(law.parameters, found.x, strict=True))
    assert refitted == pytest.approx(law.published["gadre-2024-redpajama"], rel=1e-6)
    for name, error in (("open_lm_1b-32.0", 0.007103), ("open_lm_7b-1.0", 0.007320)):
        held = runs.take(np.flatnonzero(runs["name"] == f"rpj-{name}"))
        predicted = law(C=held["C"], M=held["M"], **refitted)
        assert predicted[0] / held["loss"][0] - 1 == pytest.approx(error, abs=1e-6)


def test_five_small_models_predict_a_large_overtrained_one() -> None:
    law = get_law("overtrained")
    truth = law.published["gadre-2024-redpajama"]
    N = np.array([1.06e7, 7.9e7, 1.54e8, 4.1e8, 1.06e7])
    M = np.array([20.0, 20.0, 20.0, 20.0, 320.0])
    C = 6 * N**2 * M
    runs = Runs.from_columns({"C": C, "M": M, "loss": law(C=C, M=M, **truth)})
    made = fit(law, runs, draws=20)
    assert made.law(C=6 * 6.9e9**2 * 640, M=640.0, **made.params) == pytest.approx(
        law(C=6 * 6.9e9**2 * 640, M=640.0, **truth), rel=1e-6
    )


def test_error_at_endless_loss_is_that_of_guessing() -> None:
    law = get_law("error-from-loss")
    for constants in law.published.values():
        assert law(L=1e3, **constants) == pytest.approx(constants["epsilon"], rel=1e-12)


# Laws that saturate or break

FLOORED = {"E": 0.7, "A": 30.0, "alpha": 0.3}
X = np.geomspace(1e-3, 1e12, 40)


@pytest.mark.parametrize(
    ("each", "extra"),
    [
        (get_law("saturating"), {"B": 0.0}),
        (broken(0), {}),
        (broken(1), {"c1": 0.0, "d1": 1e5, "f1": 0.3}),
        (broken(2), {"c1": 0.5, "d1": 1e5, "f1": 0.3, "c2": -0.5, "r2": 1.0, "f2": 0.3}),
    ],
    ids=["saturating", "broken-0", "broken-1", "broken-2"],
)
def test_a_bend_that_is_none_leaves_a_power_with_a_floor(each, extra: dict[str, float]) -> None:
    x = each.inputs[0]
    np.testing.assert_allclose(each(**{x: X}, **FLOORED, **extra), get_law("power-floor")(C=X, **FLOORED), rtol=1e-12)


def test_m3_without_gamma_is_a_power_and_else_flattens_at_its_floor() -> None:
    m3 = get_law("m3")
    np.testing.assert_allclose(
        m3(D=X, A=30.0, alpha=0.3, gamma=0.0), get_law("power")(C=X, A=30.0, alpha=0.3), rtol=1e-12
    )
    assert m3(D=1e30, A=30.0, alpha=0.3, gamma=1e-6) == pytest.approx(30.0 * 1e-6**0.3, rel=1e-9)


@given(gamma=st.floats(0.02, 50.0), alpha=st.floats(0.05, 3.0), A=st.floats(1e-6, 1e6))
def test_m4_solves_the_equation_of_its_paper(gamma: float, alpha: float, A: float) -> None:
    E, R, x = 0.4, 2.5, np.array([1e-1, 1.0, 3.0, 1e2])
    loss = get_law("m4")(D=x, E=E, R=R, A=A, alpha=alpha, gamma=gamma)
    share = (loss - E) / R
    # Where the loss is chance or the floor to all digits, the equation cannot be read off it.
    seen = (share > 1e-9) & (share < 1 - 1e-9)
    left = np.log(loss[seen] - E) - gamma * np.log(E + R - loss[seen])
    right = np.log(A) + (1 - gamma) * np.log(R) - alpha * np.log(x[seen])
    np.testing.assert_allclose(left, right, atol=1e-6 * (1 + gamma))
    assert np.all((loss >= E) & (loss <= E + R))


def test_the_slope_of_a_broken_law_changes_by_what_it_says() -> None:
    constants = {"A": 30.0, "alpha": 0.3, "c1": 0.8, "d1": 1e5, "f1": 0.2, "c2": -0.5, "r2": 1e4, "f2": 0.1}
    x = np.geomspace(1e-3, 1e16, 200)
    slope = np.gradient(np.log(broken(2)(D=x, E=0.0, **constants)), np.log(x))
    for at, expected in ((1e2, -0.3), (1e7, -1.1), (1e13, -0.6)):
        assert np.interp(np.log(at), np.log(x), slope) == pytest.approx(expected, abs=1e-3)


def test_a_sharp_break_overflows_nowhere_and_equals_its_papers_formula() -> None:
    x = np.geomspace(1e-9, 1e30, 80)  # (x/d)^(1/f) is 1e900 there
    falls = np.log(30.0) - 0.3 * np.log(x) - 2.0 * 0.03 * np.logaddexp(0, np.log(x / 1e3) / 0.03)
    found = broken(1)(D=x, E=0.0, A=30.0, alpha=0.3, c1=2.0, d1=1e3, f1=0.03)
    np.testing.assert_allclose(np.log(found), falls, rtol=1e-12, atol=1e-12)


def test_one_break_foretells_the_addition_curve_as_well_as_was_recomputed() -> None:
    law = get_law("broken-1", "D")
    predicted = law(D=np.array([800.0, 864.0, 928.0]), **law.published["addition-4-digits"])
    off = np.log(predicted) - np.log([0.7586, 0.6477, 0.5570])
    assert np.sqrt(np.mean(off**2)) == pytest.approx(1.09e-2, abs=5e-5)


def test_a_law_with_many_breaks_is_refused() -> None:
    with pytest.raises(ValueError, match="n = 4: give 0 to 3 breaks"):
        broken(4)


@pytest.mark.slow  # eleven parameters
def test_breaks_come_back_from_runs_whatever_the_start() -> None:
    law = broken(3)
    truth = {"E": 0.1, "A": 20.0, "alpha": 0.2, "c1": 0.5, "d1": 1e3, "f1": 0.2}
    truth |= {"c2": -0.4, "r2": 100.0, "f2": 0.2, "c3": 0.5, "r3": 100.0, "f3": 0.2}
    x = np.geomspace(10, 1e9, 120)
    runs = Runs.from_columns(
        {"D": x, "loss": law(D=x, **truth) * np.exp(0.001 * np.random.default_rng(0).standard_normal(120))}
    )
    made = fit(law, runs, draws=20, starts=6)
    for name, true in truth.items():
        assert made.params[name] == pytest.approx(true, rel=0.15), name


def test_a_saturating_learning_curve_is_predicted_by_m4_not_a_power() -> None:
    m4 = get_law("m4")
    D = 5e5 * 2.0 ** np.arange(11)
    loss = m4(D=D, E=0.33, R=0.9, A=2e3, alpha=0.55, gamma=0.6)
    curve = Runs.from_columns({"D": D, "loss": loss})
    off = {}
    for name in ("power", "m4"):
        law = get_law(name, "D")
        made = fit(law, curve.take(np.arange(10)), draws=20, starts=9)
        off[name] = abs(float(law(D=D[-1], **made.params)) / loss[-1] - 1)
    assert off["m4"] < 1e-4
    assert off["power"] > 0.1


@pytest.mark.slow
def test_translation_learning_curves_bend_as_m4_says_and_not_as_a_power(published: Callable[[str], Path]) -> None:
    path = published("nmt_learning_curves/nmt.csv")
    runs = read_runs(path, columns={"D": "seen_examples", "loss": "log_perplexity"})
    errors: dict[str, list[float]] = {"power": [], "power-floor": [], "m4": []}
    for model in sorted(set(runs["model"].tolist())):
        curve = runs.where(f"model = '{model}'")
        held = curve.where("training = 0")
        for name, found in errors.items():
            law = get_law(name, "D")
            made = fit(law, curve.where("training = 1"), draws=20, starts=4)
            found.append(float(np.log(law(D=held["D"], **made.params) / held["loss"])[0]))
    off = {name: float(np.sqrt(np.mean(np.square(found)))) for name, found in errors.items()}
    assert off["m4"] < 0.02 < 0.04 < off["power-floor"] < 0.06 < 0.2 < off["power"]
