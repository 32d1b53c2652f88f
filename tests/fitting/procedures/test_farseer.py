"""Farseer's law: its translation to the paper's constants, and its own fitting procedure beside the solver."""

import numpy as np
import pytest

from froude.errors import InputError
from froude.fitting import fit
from froude.fitting.procedures.farseer_pieces import farseer_by_pieces
from froude.laws import get_law
from froude.laws.families.farseer import from_paper, to_paper
from froude.runs import Runs

FARSEER = get_law("farseer")
LI = FARSEER.published["li-2025"]
PRINTED = {"a1": -0.124, "alpha": 0.123, "b1": 0.424, "a2": 88.01, "beta": -0.1, "b2": -6.287}
PRINTED |= {"a3": -0.021, "gamma": 0.169, "b3": -0.091}
LARGE = {"N": np.array([6.4e9, 6.4e9, 25.1e9]), "D": np.array([1e11, 5e11, 1e11])}


def ladder(noise: float = 0.0, seed: int = 0) -> Runs:
    """Runs of ten sizes and fourteen lengths, each the square root of two times the one before."""
    N, D = (grid.ravel() for grid in np.meshgrid(2e8 * 2 ** (np.arange(10) / 2), 2e9 * 2 ** (np.arange(14) / 2)))
    loss = FARSEER(N=N, D=D, **LI) * np.exp(noise * np.random.default_rng(seed).standard_normal(N.size))
    return Runs.from_columns({"N": N, "D": D, "loss": loss})


def off(params: dict[str, float]) -> np.ndarray:
    """Relative errors for runs larger than those of the ladder."""
    return np.abs(FARSEER(**LARGE, **params) / FARSEER(**LARGE, **LI) - 1)


def test_the_law_is_that_of_the_paper_in_its_printed_constants() -> None:
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(np.log(1e7), np.log(1e12), 50)), np.exp(rng.uniform(np.log(1e8), np.log(1e13), 50))
    p = PRINTED
    exponent = np.exp(p["a1"] * N ** p["alpha"] + p["b1"])
    as_printed = np.exp(p["a3"] * N ** p["gamma"] + p["b3"]) + np.exp(p["a2"] * N ** p["beta"] + p["b2"]) * D**-exponent
    np.testing.assert_allclose(FARSEER(N=N, D=D, **LI), as_printed, rtol=1e-12)


def test_floor_and_exponent_at_two_sizes_are_those_of_the_paper() -> None:
    endless = FARSEER(N=1e9, D=1e300, **LI)
    assert endless == pytest.approx(0.4548, abs=5e-5)
    for N, exponent in ((1e9, 0.3127), (25.1e9, 0.1445)):
        floor = np.exp(PRINTED["a3"] * N ** PRINTED["gamma"] + PRINTED["b3"])
        above = FARSEER(N=N, D=np.array([1e10, 1e11]), **LI) - floor
        assert np.log10(above[0] / above[1]) == pytest.approx(exponent, abs=5e-5)


def test_constants_go_to_the_paper_and_back() -> None:
    assert to_paper(LI) == pytest.approx(PRINTED, rel=1e-12)
    assert from_paper(to_paper(LI)) == pytest.approx(LI, rel=1e-12)
    with pytest.raises(InputError, match="B_curve = 0: the paper's form has no constants for a plain power of N"):
        to_paper({**LI, "B_curve": 0.0})


def test_a_curve_of_nothing_is_a_plain_power_of_size() -> None:
    flat = {**LI, "E_curve": 0.0, "B_curve": 0.0, "A_curve": 0.0, "A_growth": 0.0}
    N = np.geomspace(1e7, 1e12, 9)
    expected = LI["E"] * (N / 1e9) ** LI["E_growth"] + LI["B"] * (N / 1e9) ** LI["B_growth"] * (1e11 / 1e10) ** -LI["A"]
    np.testing.assert_allclose(FARSEER(N=N, D=1e11, **flat), expected, rtol=1e-12)
    nearly = {**flat, "E_curve": 1e-9, "B_curve": -1e-9}
    np.testing.assert_allclose(FARSEER(N=N, D=1e11, **nearly), expected, rtol=1e-7)


def test_piece_by_piece_exact_losses_give_the_planted_constants() -> None:
    assert farseer_by_pieces(ladder()) == pytest.approx(LI, rel=1e-3, abs=1e-4)


@pytest.mark.slow
def test_the_solver_predicts_larger_models_as_well_as_the_pieces() -> None:
    runs = ladder(noise=5e-4)
    pieces, direct = off(farseer_by_pieces(runs)), off(dict(fit(FARSEER, runs, draws=20, starts=4).params))
    assert direct.max() < 1e-3
    assert pieces.max() < 1e-2
    noisier = ladder(noise=2e-3, seed=1)
    pieces, direct = off(farseer_by_pieces(noisier)), off(dict(fit(FARSEER, noisier, draws=20, starts=4).params))
    assert direct.max() <= pieces.max()


def test_other_ratios_of_tokens_serve_as_well() -> None:
    assert off(farseer_by_pieces(ladder(), ratio=4.0)).max() < 1e-3


def test_tables_that_allow_no_differences_are_refused() -> None:
    runs = ladder()
    with pytest.raises(InputError, match=r"needs 4 sizes N, each with 2 runs or more .* and there are 3"):
        farseer_by_pieces(runs.where("N < 5e8"))
    with pytest.raises(InputError, match="3 times the tokens, and there are 0"):
        farseer_by_pieces(runs, ratio=3.0)
    with pytest.raises(InputError, match="needs a column D"):
        farseer_by_pieces(Runs.from_columns({"N": [1e9], "loss": [2.0]}))


@pytest.mark.slow
def test_forecasts_far_beyond_the_runs_reach_farther_than_those_near_them():
    fitted = fit(FARSEER, ladder(noise=0.002), starts=8, draws=20)
    (near,), (far,) = (fitted.reach({"N": np.array([k * 6e9]), "D": np.array([2e11])}) for k in (1, 1e3))
    assert far - near == pytest.approx(np.log(1e3))
