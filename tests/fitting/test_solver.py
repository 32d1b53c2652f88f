"""The solver and its derivatives: exactness, convergence, bounds, and independent twins."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from designs import columns, every_law
from froude.fitting.bootstrap import refits, resample, reweigh
from froude.fitting.dual import BINARY, UNARY, Dual
from froude.fitting.problem import FitProblem, make_problem
from froude.fitting.solver import TOLERANCE, Minima, ParameterBounds, minimise
from froude.laws import Law, get_law
from froude.runs import read_runs

EVERY_LAW = [pytest.param(each, id=each.name) for each in every_law()]
BEST = 0.00101827402  # the lowest objective anyone reports on the 240 Chinchilla points


def planted(each: Law, n: int = 40, noise: float = 0.01) -> FitProblem:
    """Noisy outcomes of a law over its widened domain."""
    made = columns(each, n=n, noise=noise, seed=7)
    return make_problem(each, {x: made[x] for x in each.inputs}, made["loss"])


def from_starts(problem: FitProblem, seed: int = 0, starts: int = 27) -> Minima:
    points = problem.starts(starts, np.random.default_rng(seed))
    return minimise(problem.residuals, points, np.ones((starts, problem.measured.size)), problem.space())


@pytest.fixture
def chinchilla_points(published: Callable[[str], Path]) -> FitProblem:
    """The 240 points: all 245 less the five with the fewest tokens."""
    runs = read_runs(published("chinchilla_epoch/chinchilla_fig4.csv"))
    runs = runs.take(np.sort(np.argsort(runs["D"])[5:]))
    return make_problem(get_law("chinchilla"), {x: runs[x] for x in "ND"}, runs["loss"])


def test_residuals_of_an_absurd_point_are_not_finite_and_not_warned_of() -> None:
    problem = planted(get_law("kaplan-joint"))
    points = np.random.default_rng(0).uniform(-300, 300, (20, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        residuals, _ = problem.residuals(points)
    assert not np.isfinite(residuals).all()


@pytest.mark.parametrize("each", EVERY_LAW)
def test_derivatives_equal_central_differences(each: Law) -> None:
    problem = planted(each)
    points = problem.starts(3, np.random.default_rng(1))
    _, slopes = problem.residuals(points)
    for k in range(points.shape[1]):
        step = np.zeros(points.shape[1])
        step[k] = 1e-5
        difference = (problem.residuals(points + step)[0] - problem.residuals(points - step)[0]) / 2e-5
        np.testing.assert_allclose(slopes[:, k], difference, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("ufunc", [*UNARY, *BINARY], ids=lambda ufunc: ufunc.__name__)
def test_every_function_a_law_may_use_has_its_exact_derivative(ufunc: np.ufunc) -> None:
    x = np.array([0.3, 0.7, 1.9])
    tangent = np.array([1.0, -2.0, 0.5])
    others = [np.array([1.1, 0.4, 2.2])] * (ufunc.nin - 1)
    other_tangent = [np.array([0.2, 0.9, -1.0])] * (ufunc.nin - 1)
    duals = [Dual(v, {"t": t}) for v, t in zip([x, *others], [tangent, *other_tangent], strict=True)]
    result = ufunc(*duals)
    h = 1e-6
    high = ufunc(x + h * tangent, *(v + h * t for v, t in zip(others, other_tangent, strict=True)))
    low = ufunc(x - h * tangent, *(v - h * t for v, t in zip(others, other_tangent, strict=True)))
    np.testing.assert_allclose(result.value, ufunc(x, *others), rtol=1e-14)
    np.testing.assert_allclose(result.tangents["t"], (high - low) / (2 * h), rtol=1e-8)


def test_a_function_without_a_known_derivative_is_refused() -> None:
    with pytest.raises(TypeError, match=r"numpy\.arctan"):
        np.arctan(Dual(np.ones(2), {"t": np.ones(2)}))


def test_all_starts_reach_the_best_known_fit_of_chinchilla(
    chinchilla_points: FitProblem,
) -> None:
    for seed in range(3):
        found = from_starts(chinchilla_points, seed)
        assert found.converged.all()
        # The reference has nine digits; a start agrees within 1e-6.
        np.testing.assert_allclose(found.objectives, BEST, rtol=1e-6)


def test_all_starts_agree_on_a_synthetic_twin_of_the_chinchilla_points() -> None:
    found = from_starts(planted(get_law("chinchilla"), n=240), seed=3)
    assert found.converged.all()
    np.testing.assert_allclose(found.objectives, found.objectives.min(), rtol=1e-6)


def test_bootstrap_refits_equal_refits_from_many_starts(chinchilla_points: FitProblem) -> None:
    best = from_starts(chinchilla_points)
    counts = resample(40, 240, np.random.default_rng(5))
    quick = refits(chinchilla_points, best.points[best.objectives.argmin()], counts)
    assert quick.converged.all()
    starts = chinchilla_points.starts(6, np.random.default_rng(6))
    rows = np.repeat(counts, 6, axis=0)
    slow = minimise(chinchilla_points.residuals, np.tile(starts, (40, 1)), rows, chinchilla_points.space())
    lowest = np.where(slow.converged, slow.objectives, np.inf).reshape(40, 6).min(axis=1)
    np.testing.assert_allclose(quick.objectives, lowest, rtol=1e-6)


@pytest.mark.parametrize("each", EVERY_LAW)
def test_the_minimum_equals_that_of_scipy(each: Law) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    problem = planted(each)
    ours = from_starts(problem)
    best = int(np.where(ours.converged, ours.objectives, np.inf).argmin())
    theirs = optimize.least_squares(
        lambda z: problem.residuals(z[None])[0][0],
        ours.points[best] + 0.01,
        jac=lambda z: problem.residuals(z[None])[1][0].T,
        loss="huber",
        f_scale=1e-3,
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
        max_nfev=5000,
    )
    # SciPy stops early on this loss: ours is as low or lower, and it moves SciPy no further down.
    assert ours.objectives[best] <= theirs.cost * (1 + 1e-6)
    assert theirs.cost <= ours.objectives[best] * (1 + 1e-2)


@pytest.mark.parametrize("each", EVERY_LAW)
def test_what_is_called_converged_is_a_minimum(each: Law) -> None:
    problem = planted(each)
    found = from_starts(problem)
    best = int(np.where(found.converged, found.objectives, np.inf).argmin())
    rng = np.random.default_rng(2)
    near = found.points[best] + 1e-3 * rng.standard_normal((200, found.points.shape[1]))
    space = problem.space()
    residual = np.abs(problem.residuals(np.clip(near, space.lower, space.upper))[0])
    huber = np.where(residual <= 1e-3, residual**2 / 2, 1e-3 * (residual - 5e-4)).sum(axis=1)
    assert found.gradients[best] < TOLERANCE
    assert huber.min() >= found.objectives[best] * (1 - 1e-12)


def test_perfect_data_is_met_exactly_and_counts_as_converged() -> None:
    found = from_starts(planted(get_law("chinchilla"), noise=0.0))
    assert found.converged.all()
    assert found.objectives.max() < 1e-20


def test_a_floor_that_the_runs_put_below_zero_stops_at_zero() -> None:
    x = np.exp(np.linspace(-2, 2, 30))
    bent_down = 3 * x**-0.3 * np.exp(-0.05 * np.log(x) ** 2)  # concave in log-log: no floor fits
    problem = make_problem(get_law("power-floor"), {"C": x}, bent_down)
    found = from_starts(problem)
    best = int(found.objectives.argmin())
    assert found.converged[best]
    assert found.points[best, 0] == 0.0
    power = from_starts(make_problem(get_law("power"), {"C": x}, bent_down))
    assert found.objectives[best] == pytest.approx(power.objectives.min(), rel=1e-6)


def test_a_row_that_runs_out_of_steps_is_not_called_converged() -> None:
    problem = planted(get_law("chinchilla"))
    starts = problem.starts(5, np.random.default_rng(0))
    found = minimise(problem.residuals, starts, np.ones((5, 40)), problem.space(), max_steps=3)
    assert not found.converged.any()
    assert (found.gradients > TOLERANCE).all()
    # It left in an early stage; its objective is that of the final delta all the same.
    size = np.abs(problem.residuals(found.points)[0])
    huber = np.where(size <= 1e-3, size**2 / 2, 1e-3 * (size - 5e-4)).sum(axis=1)
    np.testing.assert_allclose(found.objectives, huber, rtol=1e-12)


def test_residuals_that_are_nowhere_finite_are_not_called_converged() -> None:
    space = ParameterBounds(lower=np.array([-1.0]), upper=np.array([1.0]), longest_step=np.array([1.0]))

    def broken(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full((len(points), 4), np.nan), np.full((len(points), 1, 4), np.nan)

    found = minimise(broken, np.zeros((2, 1)), np.ones((2, 4)), space, max_steps=5)
    assert not found.converged.any()


def test_weights_count_a_run_as_often_as_they_say() -> None:
    problem = planted(get_law("power-floor"), n=12)
    counts = np.array([3, 0, 1, 2, 1, 0, 1, 1, 4, 1, 0, 1])
    weighted = refits(problem, from_starts(problem).points[0], counts[None].astype(float))
    taken = np.repeat(np.arange(12), counts)
    inputs = tuple(Dual(x.value[taken], log=x.log[taken]) for x in problem.inputs if isinstance(x, Dual))
    repeated = replace(problem, inputs=inputs, measured=problem.measured[taken], weights=np.ones(taken.size))
    assert weighted.objectives[0] == pytest.approx(from_starts(repeated).objectives.min(), rel=1e-6)


def test_runs_of_one_group_are_resampled_together() -> None:
    groups = np.array(["a", "a", "b", "c", "c", "c"])
    weights = reweigh(200, groups, np.random.default_rng(0))
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert weights[:, [0, 2, 3]].sum(axis=1) == pytest.approx(3)
    assert (weights > 0).all()
    assert not (weights[:, 0] == weights[:, 2]).all()
