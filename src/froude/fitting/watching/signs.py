"""What looks wrong with a training: a spike of its loss, a gradient that grows, a learning rate past the stable one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from froude.fitting.watching.reading import WatchedRun

_RECENT = 0.1  # of the points: how late a spike must be to be told
_NEIGHBOURS = 20  # points before one that it is compared with
_SPIKE_DEVIATIONS, _SPIKE_SHARE = 8.0, 0.03  # robust deviations, and relative height, that make a spike
_GROWTH = 2.0  # of the gradient's norm, of the last tenth of the way over the third before it
_FEWEST = 12  # points that tell a trend
_DIVERGED = 1.02  # of its first loss: a training that ends above has diverged


def signs_of(run: WatchedRun, finished: Sequence[WatchedRun] = ()) -> Iterator[str]:
    """Yield what looks wrong, a phrase each, by thresholds that are guesses: they accuse, they do not prove.

    The learning rate is compared with those of the finished trainings: the lowest from which on all have diverged.
    """
    at, loss = run.train_loss or (run.at, run.loss)
    if (spike := _spike(loss)) is not None:
        k, height = spike
        yield f"spike of {height:.0%} at step {at[k]:g}"
    if run.grad_norm is not None and (factor := _growth(run.grad_norm[1])) is not None:
        yield f"gradient norm × {factor:.1f}"
    limit = stable_rate(finished)
    if limit is not None and run.lr is not None and (peak := float(np.nanmax(run.lr[1]))) >= limit:
        yield f"learning rate {peak:.3g} ≥ {limit:.3g}, where others diverge"


def has_diverged(run: WatchedRun) -> bool:
    """Whether the latest loss is no number, or as high as the first one was after a tenth of the way."""
    last = run.loss[-1]
    return not np.isfinite(last) or (run.loss.size > 3 and last > _DIVERGED * run.loss[0])


def stable_rate(finished: Sequence[WatchedRun]) -> float | None:
    """The lowest peak of the learning rate from which on every finished training has diverged; None without any."""
    peaks = [(float(np.nanmax(run.lr[1])), has_diverged(run)) for run in finished if run.lr is not None]
    sound = max((peak for peak, diverged in peaks if not diverged), default=0.0)
    return min((peak for peak, diverged in peaks if diverged and peak > sound), default=None)


def _spike(loss: np.ndarray) -> tuple[int, float] | None:
    """The highest late point far above those before it: its place and relative height."""
    found = None
    for k in range(max(_FEWEST, round(loss.size * (1 - _RECENT))), loss.size):
        before = loss[max(0, k - _NEIGHBOURS) : k]
        middle = float(np.median(before))
        spread = 1.4826 * float(np.median(np.abs(before - middle))) + 1e-12
        height = loss[k] / middle - 1
        if height > _SPIKE_SHARE and loss[k] - middle > _SPIKE_DEVIATIONS * spread and height > (found or (0, 0.0))[1]:
            found = k, float(height)
    return found


def _growth(norm: np.ndarray) -> float | None:
    """By what factor the norm of the gradient has grown lately, where it has by much."""
    if norm.size < _FEWEST:
        return None
    n = norm.size
    late, before = norm[n - max(3, n // 10) :], norm[n // 2 : n - max(3, n // 10)]
    factor = float(np.median(late) / max(float(np.median(before)), 1e-300)) if before.size else 0.0
    return factor if factor > _GROWTH else None
