"""Many robust fits at once: a batched Levenberg-Marquardt for sums of Huber losses between bounds.

Every start and every bootstrap resample is one row of one batch. A row minimises

    F(z) = Σ_i w_i h(r_i(z)),   h(r) = r²/2 for |r| ≤ δ, else δ(|r| − δ/2)

where w_i are its weights (a resample counts a run several times or not at all). Large δ makes this least
squares, small δ nearly the median, hard to reach from afar. So a row goes through stages: first least squares;
wherever it settles, δ becomes a tenth of the largest residual there, down to the δ asked for. A step solves with
the matrix Σ w J Jᵀ over the residuals within δ, the true curvature of F up to that of the residuals themselves,
so that the last steps converge fast; the damping is measured against Σ w min(1, δ/|r|) J², the curvature that
bounds F from above, so that a damped step descends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

Residuals = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

DELTA = 1e-3
"""The residual from which on losses grow linearly."""
TOLERANCE = 1e-6
"""A point counts as a minimum when its scaled gradient is below this."""

_STAGE_RATIO = 10.0
_STAGE_TOLERANCE = np.array([3e-3, TOLERANCE])  # an early stage, the last: an early one only gives a place to start
_FIRST_DAMPING = 1e-2
_CHUNK_BYTES = 1_200_000  # the derivatives of a chunk stay in the cache of one core
_FEWEST_ROWS = 4  # of a chunk, however many residuals: below this NumPy's calls cost more than the arithmetic
_SMALLEST_SPREAD = 1e-6  # residuals this small (root mean square) are rounding: the data are met exactly


@final
@dataclass(frozen=True, kw_only=True)
class ParameterBounds:
    """Where points may lie: bounds (P,) each, and the longest step (P,) worth trusting in one go.

    Where something is known of coordinates beforehand, F gains pull · (z − expected)² / 2, both (P,).
    """

    lower: np.ndarray
    upper: np.ndarray
    longest_step: np.ndarray
    expected: np.ndarray | None = None
    pull: np.ndarray | None = None


@final
@dataclass(frozen=True, kw_only=True)
class Minima:
    """Where each row ended: points (rows, P); objectives, scaled gradients, converged, steps, each (rows,).

    `converged` means that the scaled gradient is below `TOLERANCE` at the final δ. The scaled gradient is the
    largest over coordinates k of

        |Σ w ψ J_k| / (‖√w J_k‖ · ‖√w ψ‖),   ψ = clip(r, −δ, δ),

    the cosine between the residuals and what coordinate k can change: it does not depend on units. A
    coordinate that sits on a bound and is pushed outwards does not count. Where the residuals vanish,
    ‖√w ψ‖ is replaced by that of residuals of 1e-6.
    """

    points: np.ndarray
    objectives: np.ndarray
    gradients: np.ndarray
    converged: np.ndarray
    steps: np.ndarray

    def take(self, rows: np.ndarray) -> "Minima":
        """Those of these rows (k,), which may repeat."""
        return Minima(**{name: array[rows] for name, array in vars(self).items()})

    def put(self, rows: np.ndarray, better: "Minima") -> "Minima":
        """The same with others in the place of these rows (k,)."""
        arrays = {name: array.copy() for name, array in vars(self).items()}
        for name, array in arrays.items():
            array[rows] = getattr(better, name)
        return Minima(**arrays)


class _Local(NamedTuple):
    """F at a batch of points: value, gradient, curvature, its bound's diagonal, ‖√w J_k‖², ‖√w ψ‖², largest |r|."""

    value: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray
    bound: np.ndarray
    sizes: np.ndarray
    spread: np.ndarray
    widest: np.ndarray


class _Row(NamedTuple):
    """What each row of a batch carries from step to step."""

    number: np.ndarray
    point: np.ndarray
    weights: np.ndarray
    delta: np.ndarray
    damping: np.ndarray
    raise_by: np.ndarray


def minimise(
    residuals: Residuals,
    starts: np.ndarray,
    weights: np.ndarray,
    space: ParameterBounds,
    *,
    delta: float = DELTA,
    gradual: bool = True,
    max_steps: int = 500,
) -> Minima:
    """The minimum that each row of starts (rows, P) leads to under its weights (rows, n).

    `residuals(points)` returns residuals (rows, n) and their derivatives (rows, P, n). `gradual` goes through
    the stages; a start near its minimum needs only the last.
    """
    rows, size = starts.shape
    minima = Minima(
        points=np.array(starts, dtype=float),
        objectives=np.full(rows, np.inf),
        gradients=np.full(rows, np.inf),
        converged=np.zeros(rows, dtype=bool),
        steps=np.zeros(rows, dtype=int),
    )
    chunk = max(_FEWEST_ROWS, _CHUNK_BYTES // (8 * size * weights.shape[1]))
    with np.errstate(all="ignore"):
        for first in range(0, rows, chunk):
            numbers = np.arange(first, min(first + chunk, rows))
            batch = _rows(numbers, starts, weights, space, np.inf if gradual else delta)
            _descend(residuals, batch, space, delta, max_steps, minima)
    return minima


def _rows(numbers: np.ndarray, starts: np.ndarray, weights: np.ndarray, space: ParameterBounds, delta: float) -> _Row:
    count = len(numbers)
    return _Row(
        number=numbers,
        point=np.clip(starts[numbers], space.lower, space.upper),
        weights=weights[numbers],
        delta=np.full(count, delta),
        damping=np.full(count, _FIRST_DAMPING),
        raise_by=np.full(count, 2.0),
    )


def _descend(
    residuals: Residuals, row: _Row, space: ParameterBounds, delta: float, max_steps: int, minima: Minima
) -> None:
    """Move one batch until every row has converged or run out of steps, writing each into `minima`."""
    here = _look(residuals, row.point, row.weights, row.delta, space)
    for step in range(max_steps):
        gradient = _scaled_gradient(here, row, space)
        last = row.delta == delta
        settled = (gradient < _STAGE_TOLERANCE[last.astype(int)]) & np.isfinite(here.value)
        done = settled & last
        if done.any():
            _record(minima, here, row, gradient, done, step)
            if done.all():
                return
            here, row = _Local(*(a[~done] for a in here)), _Row(*(a[~done] for a in row))
        _try_step(residuals, here, row, space, delta, settled[~done])
    # Out of steps, perhaps in an early stage: what counts is how things stand at the final δ.
    row.delta[:] = delta
    here = _look(residuals, row.point, row.weights, row.delta, space)
    everyone = np.ones(len(row.number), dtype=bool)
    _record(minima, here, row, _scaled_gradient(here, row, space), everyone, max_steps)


def objective(residuals: np.ndarray, delta: float = DELTA) -> float:
    """The sum of the Huber losses h of residuals, of any shape, each counted once."""
    return float(_huber(residuals, np.clip(residuals, -delta, delta)).sum())


def _huber(r: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """h of residuals r, whose clipped values are psi."""
    return psi * (r - 0.5 * psi)


def _look(
    residuals: Residuals, points: np.ndarray, weights: np.ndarray, delta: np.ndarray, space: ParameterBounds
) -> _Local:
    r, slopes = residuals(points)
    psi = np.minimum(np.maximum(r, -delta[:, None]), delta[:, None])
    pull = weights * psi
    value = np.einsum("rn,rn->r", weights, _huber(r, psi))
    gradient = np.matmul(slopes, pull[:, :, None])[:, :, 0]
    curvature = np.matmul(slopes * (weights * (psi == r))[:, None, :], slopes.transpose(0, 2, 1))
    softened = np.where(r == 0, weights, pull / r)  # min(1, δ/|r|) = ψ/r, which is 1 at r = 0
    squares = slopes * slopes
    bound = np.matmul(squares, softened[:, :, None])[:, :, 0]
    sizes = np.matmul(squares, weights[:, :, None])[:, :, 0]
    spread = np.einsum("rn,rn->r", pull, psi)
    if space.expected is not None and space.pull is not None:
        away, diagonal = points - space.expected, np.arange(points.shape[1])
        value = value + 0.5 * (away**2) @ space.pull
        gradient = gradient + away * space.pull
        curvature[:, diagonal, diagonal] += space.pull
        bound = bound + space.pull
    local = _Local(value, gradient, curvature, bound, sizes, spread, np.abs(r).max(axis=1))
    broken = ~np.isfinite(value + sizes.sum(axis=1))  # the sizes bound every sum of slopes
    if broken.any():
        for array in local:
            array[broken] = 0.0
        value[broken] = np.inf
    return local


def _at_bound(here: _Local, row: _Row, space: ParameterBounds) -> np.ndarray:
    """Coordinates (rows, P) that sit on a bound and would leave it."""
    at_lower, at_upper = row.point <= space.lower, row.point >= space.upper
    return (at_lower & (here.gradient > 0)) | (at_upper & (here.gradient < 0))


def _scaled_gradient(here: _Local, row: _Row, space: ParameterBounds) -> np.ndarray:
    spread = np.maximum(here.spread, _SMALLEST_SPREAD**2 * row.weights.sum(axis=1))
    norms = np.sqrt(here.sizes * spread[:, None])
    cosines = np.abs(here.gradient) / np.where(norms > 0, norms, 1.0)
    return np.where(_at_bound(here, row, space), 0.0, cosines).max(axis=1)


def _record(minima: Minima, here: _Local, row: _Row, gradient: np.ndarray, leaving: np.ndarray, step: int) -> None:
    """Write the rows that leave into `minima`; all are in the last stage."""
    numbers = row.number[leaving]
    minima.points[numbers] = row.point[leaving]
    minima.objectives[numbers] = here.value[leaving]
    minima.gradients[numbers] = gradient[leaving]
    minima.converged[numbers] = (gradient[leaving] < TOLERANCE) & np.isfinite(here.value[leaving])
    minima.steps[numbers] = step


def _try_step(
    residuals: Residuals, here: _Local, row: _Row, space: ParameterBounds, delta: float, settled: np.ndarray
) -> None:
    """Take a damped step in every row where it lowers F; set the next damping by how well F was predicted.

    A settled row stands still and is seen under the δ of its next stage: one call serves all rows.
    """
    step = np.where(settled[:, None], 0.0, _proposed(here, row, space))
    target = np.clip(row.point + step, space.lower, space.upper)
    step = target - row.point
    smaller = np.maximum(delta, np.minimum(row.delta, here.widest) / _STAGE_RATIO)
    row.delta[:] = np.where(settled, smaller, row.delta)
    there = _look(residuals, target, row.weights, row.delta, space)
    bend = np.einsum("rp,rpq,rq->r", step, here.curvature, step)
    predicted = -(np.einsum("rp,rp->r", here.gradient, step) + 0.5 * bend)
    gained = here.value - there.value
    # A loss of one rounding error is no reason to refuse the last step.
    better = settled | (gained >= -1e-15 * np.abs(here.value))
    quality = np.clip(gained / np.where(predicted > 0, predicted, np.inf), 0.0, 1.0)
    easier = row.damping * np.maximum(0.2, 1 - (2 * quality - 1) ** 3)  # Nielsen 1999
    damping = np.maximum(np.where(better, easier, row.damping * row.raise_by), 1e-12)
    row.damping[:] = np.where(settled, np.minimum(row.damping, _FIRST_DAMPING), damping)
    row.raise_by[:] = np.where(better, 2.0, 2.0 * row.raise_by)
    np.copyto(row.point, target, where=better[:, None])
    for old, new in zip(here, there, strict=True):
        np.copyto(old, new, where=better.reshape(-1, *(1,) * (old.ndim - 1)))


def _proposed(here: _Local, row: _Row, space: ParameterBounds) -> np.ndarray:
    free = ~_at_bound(here, row, space)
    diagonal = np.arange(free.shape[1])
    matrix = here.curvature * (free[:, :, None] & free[:, None, :])
    damping = row.damping[:, None] * here.bound + 1e-14 * here.sizes + 1e-300
    matrix[:, diagonal, diagonal] += np.where(free, damping, 1.0)
    gradient = np.where(free, here.gradient, 0.0)[:, :, None]
    try:
        step = -np.linalg.solve(matrix, gradient)[:, :, 0]
    except np.linalg.LinAlgError:  # two coordinates that change the same: take the shortest step
        step = -np.matmul(np.linalg.pinv(matrix, hermitian=True), gradient)[:, :, 0]
    too_long = np.max(np.abs(step) / space.longest_step, axis=1)
    return step / np.maximum(too_long, 1.0)[:, None]
