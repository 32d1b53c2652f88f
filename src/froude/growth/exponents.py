"""How a quantity grows with size: y = a + b·n^p by robust relative least squares, p with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

LEVEL = 0.9
DRAWS = 300
FEWEST_SIZES = 4
"""Sizes that a fit of three parameters needs; one more to hold the largest out."""

LEAST_SHARE = 0.5
"""Of the quantity at the end where b·n^p is largest, the least that must be b·n^p for p to be determined."""

EXPONENTS = np.arange(-4.0, 6.001, 0.1)
FINER = np.arange(-0.1, 0.1001, 0.0025)
HUBER = 1.345  # in standard deviations: 95% efficient on normal noise
ROUNDS = 3  # of robust weights
SINGULAR = 1e-12  # share of uu·vv that is rounding

TOLD_APART = math.log(1.15)
"""Change of the logarithm from size to size that other work on a computer can make: less is not told from none."""

DOUBT = 5.0  # standard errors of a median, within which medians of up to a dozen sizes lie where nothing changes

FORMS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "n": lambda n: n,
    "n log n": lambda n: n * np.log(n),
    "n²": lambda n: n**2,
    "n³": lambda n: n**3,
}
"""Forms g of y = a + b·g(n) without an exponent of their own, held against n^p."""


@final
@dataclass(frozen=True, kw_only=True)
class Growth:
    """y = a + b·n^p: its exponent p with interval [lo, hi] at `level`.

    `draws` (draws, 3) holds (a, b, p) of bootstrap refits. `held_out` maps each form to the relative error of its
    prediction of the largest size, fitted to the others; `form` is the closest, and `alike` are those that the spread
    of repetitions does not tell from it. There are none where sizes are too few to hold one out.

    Where y does not change with n by more than its repetitions scatter, it `is_constant`: y = a, and p with its
    interval, which holds 0, is that of a power through all of it.
    """

    a: float
    b: float
    exponent: float
    lo: float
    hi: float
    level: float
    draws: np.ndarray = field(repr=False)
    held_out: Mapping[str, float]
    form: str | None
    alike: tuple[str, ...]
    is_constant: bool = False

    def at(self, n: np.ndarray | float) -> np.ndarray:
        """y at sizes n."""
        return self.a + self.b * np.asarray(n, dtype=float) ** self.exponent

    def draws_at(self, n: np.ndarray) -> np.ndarray:
        """y of each draw at sizes n (k,): (draws, k)."""
        a, b, p = self.draws.T[..., None]
        return a + b * np.asarray(n, dtype=float) ** p

    def to_dict(self) -> dict[str, Any]:
        """The fit as JSON, without its draws."""
        numbers = {name: getattr(self, name) for name in ("a", "b", "exponent", "lo", "hi", "level")}
        forms = {"form": self.form or "", "alike": list(self.alike), "held_out": dict(self.held_out)}
        return numbers | forms | {"constant": self.is_constant}


@final
@dataclass(frozen=True, kw_only=True)
class Unfitted:
    """Why no exponent can be determined; its exponent is NaN, of which no bound holds.

    `constant_share` is the least part of y, at its largest, that does not depend on size, where that is why.
    """

    reason: str
    constant_share: float | None = None

    @property
    def exponent(self) -> float:
        """NaN."""
        return math.nan

    def to_dict(self) -> dict[str, Any]:
        """The reason as JSON."""
        return {"reason": self.reason}


def fit_growth(
    sizes: Sequence[float], values: Sequence[Sequence[float]], *, floor: bool = True, seed: int = 0
) -> Growth | Unfitted:
    """How positive values grow with sizes (k,); values[i] are the repetitions at sizes[i].

    What is fitted are medians of repetitions. The interval comes from refits to resampled repetitions with sizes
    reweighed (Rubin 1981, the Bayesian bootstrap), so it widens with the scatter of both. It errs on the wide side:
    where repetitions alone scattered, it held the planted exponent in 77 of 80 trials with five sizes, in 80 with
    eight. `floor=False` leaves the constant a out, for errors and counts. What does not change beyond the scatter of
    repetitions, and beyond the 15% by which a computer slows one size more than another, is constant. Unfitted where
    sizes are too few, a value is not positive, or the part that grows is too small a part of the whole.
    """
    x = np.array(sizes, dtype=float)
    if x.size < FEWEST_SIZES:
        return Unfitted(reason=f"{x.size} sizes, {FEWEST_SIZES} are needed")
    rows = [np.array(row, dtype=float) for row in values]
    if not all(row.size and np.isfinite(row).all() and (row > 0).all() for row in rows):
        return Unfitted(reason="not all values are positive")
    medians = np.array([np.median(row) for row in rows])
    if floor and (constant := _constant(x, rows, medians, seed)):
        return constant
    best = _fit(x, medians[None], np.ones((1, x.size)), floor)[0]
    # A fit that grows is determined at its large end, one that falls at its small end.
    end = (best[1] * x ** best[2]).max()
    if end < LEAST_SHARE * (best[0] + end):
        share = float(best[0] / (best[0] + end))
        return Unfitted(reason=f"flat: {share:.0%} or more does not depend on size", constant_share=share)
    draws = _bootstrap(x, rows, floor, np.random.default_rng(seed))
    lo, hi = np.quantile(draws[:, 2], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    held_out = _hold_out(x, medians, floor) if x.size > FEWEST_SIZES else {}
    form = min(held_out, key=lambda name: held_out[name], default=None)
    least = held_out[form] + float(np.std(rows[-1]) / medians[-1]) if form else 0.0
    alike = tuple(name for name, error in held_out.items() if name != form and error <= least)
    a, b, p = map(float, best)
    return Growth(
        a=a, b=b, exponent=p, lo=float(lo), hi=float(hi), level=LEVEL,
        draws=draws, held_out=held_out, form=form, alike=alike,
    )  # fmt: skip


def _constant(x: np.ndarray, rows: list[np.ndarray], medians: np.ndarray, seed: int) -> Growth | None:
    """The fit of what does not change with size: medians lie within what repetitions and the computer scatter."""
    scatter = math.sqrt(float(np.mean([np.var(np.log(row), ddof=min(1, row.size - 1)) for row in rows])))
    error = 1.25 * scatter / math.sqrt(min(row.size for row in rows))  # of a median, where repetitions are normal
    change, apart = float(np.log(medians.max() / medians.min())), max(TOLD_APART, DOUBT * error)
    if change > apart:
        return None
    power = _fit(x, medians[None], np.ones((1, x.size)), False)[0, 2]
    draws = _bootstrap(x, rows, False, np.random.default_rng(seed))
    lo, hi = np.quantile(draws[:, 2], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if change > TOLD_APART and not lo <= 0 <= hi:  # it scatters, and rises or falls all the same
        return None
    reach = 1.5 * apart / math.log(x[-1] / x[0])  # the slope through a step of that height in the middle
    levels = draws[:, 0] + draws[:, 1] * float(np.exp(np.log(x).mean())) ** draws[:, 2]
    return Growth(
        a=float(np.median(medians)), b=0.0, exponent=float(power), level=LEVEL,
        lo=float(min(lo, power - reach)), hi=float(max(hi, power + reach)),
        draws=np.stack([levels, np.zeros(DRAWS), draws[:, 2]], axis=1), held_out={}, form=None, alike=(),
        is_constant=True,
    )  # fmt: skip


def _bootstrap(x: np.ndarray, rows: list[np.ndarray], floor: bool, rng: np.random.Generator) -> np.ndarray:
    """(a, b, p) of refits, (DRAWS, 3)."""
    y = np.stack([np.median(rng.choice(row, (DRAWS, row.size)), axis=1) for row in rows], axis=1)
    return _fit(x, y, rng.exponential(size=y.shape), floor)


def _hold_out(x: np.ndarray, y: np.ndarray, floor: bool) -> dict[str, float]:
    """The relative error at the largest size of each form, fitted to the other sizes."""
    errors = {}
    fits = {"n^p": None, **FORMS}
    for name, form in fits.items():
        if form is None:
            a, b, p = _fit(x[:-1], y[None, :-1], np.ones((1, x.size - 1)), floor)[0]
            predicted = a + b * x[-1] ** p
        else:
            g = form(x)
            a, b, _ = _linear(g[:-1] / y[:-1], 1 / y[:-1], np.ones(x.size - 1), floor)
            predicted = a + b * g[-1]
        errors[name] = float(abs(predicted / y[-1] - 1))
    return errors


def _fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray, floor: bool) -> np.ndarray:
    """(a, b, p) for each row of y and weights (m, k), robust against single sizes: (m, 3)."""
    scale = math.exp(float(np.log(x).mean()))
    fits = _closest(x / scale, y, weights, floor)
    for _ in range(ROUNDS):
        a, b, p = fits.T[..., None]
        residuals = np.abs((a + b * (x / scale) ** p) / y - 1)
        sigma = np.maximum(1.4826 * np.median(residuals, axis=1, keepdims=True), 1e-9)
        robust = np.minimum(1.0, HUBER * sigma / np.maximum(residuals, 1e-12))
        fits = _closest(x / scale, y, weights * robust, floor)
    fits[:, 1] /= scale ** fits[:, 2]
    return fits


def _closest(x: np.ndarray, y: np.ndarray, weights: np.ndarray, floor: bool) -> np.ndarray:
    """The best (a, b, p) of each row, p to the step of the finer grid: (m, 3)."""
    coarse = _search(x, y, weights, floor, np.tile(EXPONENTS, (len(y), 1)))[:, 2]
    return _search(x, y, weights, floor, coarse[:, None] + FINER)


def _search(x: np.ndarray, y: np.ndarray, weights: np.ndarray, floor: bool, exponents: np.ndarray) -> np.ndarray:
    """The best (a, b, p) of each row among its exponents (m, e): (m, 3)."""
    grown = x ** exponents[..., None] / y[:, None]
    a, b, loss = _linear(grown, 1 / y[:, None], weights[:, None], floor)
    best = loss.argmin(axis=1)
    rows = np.arange(len(y))
    return np.stack([a[rows, best], b[rows, best], exponents[rows, best]], axis=1)


def _linear(v: np.ndarray, u: np.ndarray, w: np.ndarray, floor: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a, b ≥ 0 and the sum of w·(a·u + b·v − 1)², least over the last axis; a is 0 without a floor."""
    uu, uv, vv = ((w * s).sum(-1) for s in (u * u, u * v, v * v))
    u1, v1 = (w * u).sum(-1), (w * v).sum(-1)
    determinant = uu * vv - uv**2
    alone = determinant <= SINGULAR * uu * vv  # at p = 0 the constant and the growing part are one
    determinant = np.where(alone, 1.0, determinant)
    both_a, both_b = (u1 * vv - v1 * uv) / determinant, (v1 * uu - u1 * uv) / determinant
    only_b = alone | (both_a < 0) | (not floor)
    a = np.where(only_b, 0.0, np.where(both_b < 0, u1 / uu, both_a))
    b = np.where(only_b, v1 / vv, np.maximum(both_b, 0.0))
    loss = (w * (a[..., None] * u + b[..., None] * v - 1) ** 2).sum(-1)
    return a, b, loss
