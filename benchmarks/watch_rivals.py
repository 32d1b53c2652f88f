"""What somebody would forecast the end of a training by without Froude."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import curve_fit

from froude import get_law
from froude.fitting.curves.points import ALONG
from froude.fitting.watching.course import Course
from froude.fitting.watching.features import SettingsCode
from froude.fitting.watching.process import EndProcess

Family = tuple[Callable[..., np.ndarray], tuple[float, ...]]


def last_value(cut: Course) -> float:
    """The latest loss."""
    return float(cut.loss[-1])


def power_law(cut: Course) -> float:
    """c + a·t^-b through the curve so far, c and a by least squares, b of a grid; the latest loss where that fails."""
    t, y = cut.at / cut.end, cut.loss
    if t.size < 3:
        return last_value(cut)
    best, end = np.inf, last_value(cut)
    for b in np.geomspace(0.05, 2, 40):
        basis = np.stack([np.ones_like(t), t**-b], axis=1)
        values, *_ = np.linalg.lstsq(basis, y, rcond=None)
        error = float(((basis @ values - y) ** 2).sum())
        if error < best and values[1] >= 0 and values[0] >= 0:
            best, end = error, float(values.sum())
    return end


FAMILIES: dict[str, Family] = {
    "vapor pressure": (lambda x, a, b, c: np.exp(a + b / x + c * np.log(x)), (-0.6, -0.2, 0.1)),
    "pow3": (lambda x, c, a, b: c - a * x**-b, (0.7, 0.3, 0.5)),
    "log log linear": (lambda x, a, b: np.log(np.maximum(a * np.log(x) + b, 1e-9)), (0.1, 1.5)),
    "hill3": (lambda x, y, n, k: y * x**n / (k**n + x**n), (0.7, 0.5, 1.0)),
    "log power": (lambda x, a, b, c: a / (1 + (x / np.exp(b)) ** c), (0.7, 0.5, -0.5)),
    "pow4": (lambda x, c, a, b, d: c - (a * x + b) ** -d, (0.7, 1.0, 1.0, 0.5)),
    "mmf": (lambda x, a, b, k, d: a - (a - b) / (1 + (k * x) ** d), (0.7, 0.1, 1.0, 0.5)),
    "exp4": (lambda x, c, a, d, b: c - np.exp(-a * x**d + b), (0.7, 0.5, 0.5, -0.5)),
    "janoschek": (lambda x, a, b, k, d: a - (a - b) * np.exp(-k * x**d), (0.7, 0.1, 0.5, 0.5)),
    "weibull": (lambda x, a, b, k, d: a - (a - b) * np.exp(-((k * x) ** d)), (0.7, 0.1, 0.5, 0.5)),
    "ilog2": (lambda x, c, a: c - a / np.log(x + 1), (0.7, 0.2)),
}
"""The families of Domhan et al. 2015 (IJCAI, table 1), for what rises up to 1, with where the search begins."""


def ensemble(cut: Course) -> float:
    """The eleven families of Domhan et al. 2015, each by least squares, weighted by likelihood in place of its MCMC."""
    scale = cut.loss[0] * 1.5
    x, y = 1 + 20 * (cut.at - cut.at[0]) / cut.end, 1 - cut.loss / scale
    stride = max(1, x.size // 40)
    x, y, end = x[::-1][::stride][::-1], y[::-1][::stride][::-1], 1 + 20 * (1 - cut.at[0] / cut.end)
    ends, scores = [], []
    with np.errstate(all="ignore"):
        for family, start in FAMILIES.values():
            if len(start) >= x.size:
                continue
            try:
                found, _ = curve_fit(family, x, y, start, maxfev=150)
                value = float(family(np.array([end]), *found)[0])
            except (RuntimeError, ValueError):
                continue
            error = float(np.mean((family(x, *found) - y) ** 2))
            if np.isfinite(value) and np.isfinite(error) and -1 < value < 1:
                ends.append(value)
                scores.append(-x.size / 2 * np.log(error + 1e-8))
    if not ends:
        return last_value(cut)
    weights = np.exp(np.array(scores) - max(scores))
    return float(scale * (1 - weights @ ends / weights.sum()))


def family_law(finished: Sequence[Course]) -> Callable[[Course], float]:
    """The ends of finished trainings by their settings alone, without a curve, by the same kind of regression."""
    code = SettingsCode.of(finished)
    features = np.array([code.encode(each) for each in finished])
    process = EndProcess.fit(features, np.log([each.loss[-1] for each in finished]))
    return lambda cut: float(np.exp(process.forecast(np.array([code.encode(cut)]))[0][0]))


def schedule_law(cut: Course) -> float | None:
    """The multi-power law with the published constants of the other sizes, shifted and stretched to the curve so far.

    None for trainings that are none of that paper.
    """
    from schedule_laws import schedules

    rates, size = schedules().get(str(cut.settings.get("schedule"))), cut.settings.get("model_M")
    if rates is None or cut.at.size < 3:
        return None
    law, ends = get_law("multi-power"), []
    steps = np.append(cut.at, min(cut.end, rates.steps[-1]))
    for other in {25, 100, 400} - {size}:
        values = law(**{x: ALONG[x](rates, steps) for x in law.inputs}, **law.published[f"luo-2025-{other}m"])
        basis = np.stack([np.ones(cut.at.size), values[:-1]], axis=1)
        (shift, stretch), *_ = np.linalg.lstsq(basis, cut.loss, rcond=None)
        ends.append(shift + stretch * values[-1])
    return float(np.mean(ends))
