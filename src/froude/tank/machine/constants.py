"""The constants that explain timings of matmuls, copies and collectives: robust least squares of relative errors."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from froude.cost.machine.machine import Link, MatmulTime

HUBER = 0.1  # relative error beyond which a timing counts less: other work on the computer makes outliers
RIDGE = 1.0  # of a correction, whose features are of the size of one
HOLD_OUT = 3  # every third shape


def fit_matmul_time(shapes: np.ndarray, seconds: np.ndarray, value_bytes: float) -> MatmulTime:
    """Three constants of MatmulTime, none negative, by robust least squares of the relative errors.

    Every third shape is held out to find the error, and to decide on the correction: a ridge regression on the log
    sizes, kept only where it lowers the error of what is held out. All shapes are then fitted. Trees boosted on the
    residuals were not tried: no library for them is among the dependencies, and three dozen shapes would not feed one.
    """
    out = np.arange(len(shapes)) % HOLD_OUT == HOLD_OUT - 1
    errors = {
        corrected: _relative_error(_fit(shapes[~out], seconds[~out], value_bytes, corrected), shapes[out], seconds[out])
        for corrected in (False, True)
    }
    corrected = errors[True] < errors[False]
    fitted = _fit(shapes, seconds, value_bytes, corrected)
    return replace(fitted, held_out_error=errors[corrected], plain_error=errors[False])


def _fit(shapes: np.ndarray, seconds: np.ndarray, value_bytes: float, corrected: bool) -> MatmulTime:
    m, k, n = shapes.T.astype(float)
    terms = np.stack([np.ones_like(m), 2 * m * k * n, value_bytes * (m * k + k * n + m * n)], axis=-1)
    fixed, per_flop, per_byte = fit_relative(terms, seconds)
    plain = MatmulTime(
        fixed_s=fixed,
        flops_per_s=1 / per_flop if per_flop else float("inf"),
        bytes_per_s=1 / per_byte if per_byte else float("inf"),
        value_bytes=value_bytes,
        span=(float(shapes.min()), float(shapes.max())),
    )
    if not corrected:
        return plain
    features, left = plain.features(m, k, n), np.log(seconds / plain.seconds(m, k, n))
    weights = np.linalg.solve(features.T @ features + RIDGE * np.eye(features.shape[1]), features.T @ left)
    return replace(plain, correction=tuple(map(float, weights)))


def fit_relative(terms: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Constants, none negative, for which terms (rows × constants) add up to seconds, in relative Huber error.

    The best over every set of constants that may be positive: few enough to try them all.
    """
    count = terms.shape[1]
    sets = itertools.chain(*(itertools.combinations(range(count), size) for size in range(1, count + 1)))
    candidates = [_reweighted(terms / seconds[:, None], list(positive)) for positive in sets]
    allowed = (constants for constants in candidates if (constants >= 0).all())
    return min(allowed, key=lambda constants: _loss(terms @ constants / seconds - 1))


def _reweighted(rows: np.ndarray, positive: list[int]) -> np.ndarray:
    """Least squares of rows · constants = 1 over some of the constants, outliers weighted down as Huber does."""
    columns, weights = rows[:, positive], np.ones(len(rows))
    scale = np.linalg.norm(columns, axis=0)
    constants = np.zeros(rows.shape[1])
    for _ in range(20):
        root = np.sqrt(weights)
        constants[positive] = np.linalg.lstsq(columns / scale * root[:, None], root, rcond=None)[0] / scale
        weights = HUBER / np.maximum(np.abs(rows @ constants - 1), HUBER)
    return constants


def _loss(errors: np.ndarray) -> float:
    size = np.abs(errors)
    return float(np.sum(np.where(size < HUBER, size**2 / 2, HUBER * (size - HUBER / 2))))


def _relative_error(fitted: MatmulTime, shapes: np.ndarray, seconds: np.ndarray) -> float:
    """Mean absolute relative error."""
    return float(np.mean(np.abs(fitted.seconds(*shapes.T.astype(float)) / seconds - 1)))


def fit_copies(seconds: Mapping[int, float]) -> Link:
    """The link whose latency and bandwidth explain the seconds of copies by bytes."""
    sizes = np.array([*seconds], dtype=float)
    latency, per_byte = fit_relative(np.stack([np.ones_like(sizes), sizes], axis=-1), np.array([*seconds.values()]))
    return Link(bandwidth_bytes_per_s=1 / per_byte, latency_s=latency, kind="PCIe")


def fit_collectives(timings: Sequence[Mapping[str, Any]], kind: str) -> Link | None:
    """The link whose latency and bandwidth explain collectives as rings; None where nothing was timed.

    An all-gather of n bytes over r ranks takes r − 1 hops and moves n·(r − 1)/r bytes a rank, an all-reduce twice that.
    """
    if not timings:
        return None
    hops = np.array([(timing["ranks"] - 1.0) * (2 if timing["operation"] == "all-reduce" else 1) for timing in timings])
    moved = hops * [timing["bytes"] / timing["ranks"] for timing in timings]
    latency, per_byte = fit_relative(
        np.stack([hops, moved], axis=-1), np.array([timing["seconds"] for timing in timings])
    )
    return Link(bandwidth_bytes_per_s=1 / per_byte, latency_s=latency, kind=kind)
