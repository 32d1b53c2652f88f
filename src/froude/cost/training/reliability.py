"""What failures and slow devices take from a training: goodput, the best checkpoint interval, the wait for the slowest.

Times are seconds, failures a Poisson process; every argument is a number or an array that broadcasts.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from froude.cost.model.operators import Number
from froude.errors import InputError

_SECONDS_PER_HOUR = 3600
_NEWTON_STEPS = 12  # from √(2δ/M) seven reach the last digit
_MOST = 700.0  # expected failures in a period: exp of it is still a number, and nothing is kept


def failure_rate(devices: Number, failures_per_device_hour: Number) -> np.ndarray:
    """Failures a second of a job that any one device stops."""
    return np.asarray(devices * failures_per_device_hour / _SECONDS_PER_HOUR, dtype=float)


def goodput(
    interval_seconds: Number,
    failures_per_second: Number,
    blocking_seconds: Number,
    restart_seconds: Number,
    detection_seconds: Number = 0.0,
    background_seconds: Number = 0.0,
) -> np.ndarray:
    """Useful seconds a wall second, in the long run, elementwise.

    A checkpoint is taken after every `interval_seconds` τ of work. It stops the job for `blocking_seconds` b and is
    safe `background_seconds` w later (0 where it is written synchronously). After a failure the job stands still for
    `detection_seconds` D and restarts in R, which another failure, detected again, begins anew. With rate λ

        goodput = τ·λ·exp(−λ(R + w)) / ((exp(λ(τ + b)) − 1)·(1 + λD)),

    which for D = w = 0 is the model of Daly 2006 (Future Generation Computer Systems 22, 303). That with w and D is
    derived here: from restart to failure, checkpoint k counts if the failure comes after k(τ + b) + w, so that
    τ·exp(−λw)/(exp(λ(τ + b)) − 1) seconds are kept; the whole cycle takes exp(λR)·(1/λ + D).
    It is wrong where failures come in bursts, and where a restart does not begin from the last safe checkpoint.
    """
    rate = np.asarray(failures_per_second, dtype=float)
    interval = np.asarray(interval_seconds, dtype=float)
    with np.errstate(invalid="ignore"):  # an infinite interval is the best one where nothing fails
        failures = np.where(rate > 0, np.minimum(rate * (interval + blocking_seconds), _MOST), 0.0)
        working = np.where(np.isinf(interval), 1.0, interval / (interval + blocking_seconds))
    saved_share = np.where(failures > 0, failures / np.expm1(np.where(failures > 0, failures, 1.0)), 1.0)
    standing = np.exp(-rate * (restart_seconds + background_seconds)) / (1 + rate * detection_seconds)
    return working * saved_share * standing


def best_interval(
    failures_per_second: Number, blocking_seconds: Number, background_seconds: Number = 0.0
) -> np.ndarray:
    """Seconds of work between checkpoints at which `goodput` is greatest; inf where nothing fails.

    The derivative of goodput is zero where 1 − x = exp(−x − λb), x = λτ: τ = (1 + W(−exp(−1 − λb)))/λ with Lambert's W.
    It is solved by Newton's method. Restart and detection do not matter. No checkpoint is begun before the last one is
    safe: τ is at least `background_seconds`. InputError where a checkpoint does not block at all
    and the next may begin at once: the best interval would be zero.
    """
    rate, blocking, background = (
        np.asarray(x, dtype=float) for x in (failures_per_second, blocking_seconds, background_seconds)
    )
    if np.any((blocking <= 0) & (background <= 0)):
        raise InputError("checkpoints of 0 s have no best interval: give the seconds that one blocks the job")
    unit = rate * blocking
    x = np.minimum(np.sqrt(2 * unit), 1.0)  # above the root, from where Newton's steps fall to it
    for _ in range(_NEWTON_STEPS):
        later = np.exp(-x - unit)
        slope = np.where(later < 1, later - 1, -1.0)
        x = x - np.where(unit > 0, (-np.expm1(-x - unit) - x) / slope, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.maximum(np.where(rate > 0, x / rate, np.inf), background)


def young_interval(failures_per_second: Number, blocking_seconds: Number) -> np.ndarray:
    """√(2δM): the first-order best interval, δ seconds a checkpoint and M between failures.

    Young 1974, Communications of the ACM 17, 530. Too large by δ and more where δ is not small beside M.
    """
    with np.errstate(divide="ignore"):
        return np.sqrt(2 * np.divide(blocking_seconds, failures_per_second))


def daly_interval(failures_per_second: Number, blocking_seconds: Number) -> np.ndarray:
    """√(2δM)·(1 + ⅓·√(δ/2M) + ⅑·δ/2M) − δ, and M where δ ≥ 2M: the higher-order best interval.

    Daly 2006, Future Generation Computer Systems 22, 303. The form is as remembered; it gives the 117, 57 and 9.1
    minutes that the captions of the paper's figures 3 to 5 print.
    """
    ratio = np.asarray(blocking_seconds * np.asarray(failures_per_second, dtype=float) / 2)
    young = young_interval(failures_per_second, blocking_seconds)
    with np.errstate(divide="ignore"):
        between = np.divide(1.0, failures_per_second)
    return np.where(ratio < 1, young * (1 + np.sqrt(ratio) / 3 + ratio / 9) - blocking_seconds, between)


def checkpoint_stall(copy_seconds: Number, window_seconds: Number) -> np.ndarray:
    """Seconds that a checkpoint copied beside the next step stops it: what the copy takes beyond the window.

    Weights and states do not change during forward and backward pass, the window; the update has to wait for the rest
    of the copy (DataStates-LLM, Maurya et al. 2024, arXiv:2406.10707).
    """
    return np.maximum(np.asarray(copy_seconds, dtype=float) - window_seconds, 0.0)


def lost_seconds(repair_seconds: Number, restart_seconds: Number) -> np.ndarray:
    """Seconds of all devices lost to a failure where the job waits for the repair and restarts as it was."""
    return np.asarray(repair_seconds, dtype=float) + restart_seconds


def lost_seconds_resharded(
    repair_seconds: Number, restart_seconds: Number, reshard_seconds: Number, slower_rate: Number
) -> np.ndarray:
    """Seconds of all devices lost where the job goes on with fewer, at `slower_rate` of its speed, until the repair.

    It restarts twice, into the smaller layout and back, and reshards the checkpoint each time (Universal Checkpointing,
    Lian et al. 2024, arXiv:2406.18820): T + Q − r·(T − Q), with Q the seconds of a restart and a resharding together,
    where the repair takes T ≥ Q; 2Q otherwise.
    """
    each = np.asarray(restart_seconds, dtype=float) + reshard_seconds
    working = np.maximum(repair_seconds - each, 0.0)
    return np.maximum(repair_seconds, each) + each - working * slower_rate


def resharding_pays_from(restart_seconds: Number, reshard_seconds: Number, slower_rate: Number) -> np.ndarray:
    """Seconds of repair beyond which going on with fewer devices loses less than waiting: R + S + S/r.

    From T + R = T + Q − r·(T − Q), Q = R + S, with R of a restart, S of a resharding and r the speed that is left.
    """
    return np.asarray(restart_seconds, dtype=float) + reshard_seconds + reshard_seconds / np.asarray(slower_rate)


def straggler_factor(devices: Number, variation: Number) -> np.ndarray:
    """How many times the mean a synchronous step takes, which waits for the slowest of n devices, elementwise.

    1 + variation · E[max of n standard normals], where the times of devices vary independently and normally about one
    mean with a standard deviation of `variation` times it. Too small where slow devices are a heavy tail.
    """
    return 1 + np.asarray(variation) * expected_maximum(devices)


def expected_maximum(count: Number) -> np.ndarray:
    """The expectation of the largest of n independent standard normals: ∫ x d(Φ(x)ⁿ), exact to 1e-9 up to n = 1e12.

    It grows as b + γ/b, b = Φ⁻¹(1 − 1/n) ≈ √(2 ln n) (Fisher and Tippett 1928). InputError where n < 1.
    """
    sizes, place = np.unique(np.asarray(count, dtype=float), return_inverse=True)
    if np.any(~(sizes >= 1)):
        raise InputError(f"{sizes[0]:g} devices: give at least 1")
    x, log_density, log_below = _normal()
    step = x[1] - x[0]
    values = [step * np.sum(x * n * np.exp(log_density + (n - 1) * log_below)) for n in sizes]
    return np.reshape(np.array(values)[place], np.shape(count))


@cache
def _normal() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grid (X,), and on it the logarithms of the normal density and of the distribution function.

    The sum over it is the trapezoid rule, whose error falls exponentially for a smooth function with no ends.
    """
    x = np.arange(-10.0, 14.0, 0.01)
    tail = np.array([math.erfc(abs(value) / math.sqrt(2)) / 2 for value in x])
    log_below = np.where(x > 0, np.log1p(-tail), np.log(tail))
    return x, -(x**2) / 2 - math.log(2 * math.pi) / 2, log_below
