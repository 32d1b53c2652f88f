"""How well laws predict runs they were not fitted to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Unpack, final

import numpy as np

from froude.errors import InputError
from froude.fitting.arguments import each_law, read_law_first
from froude.fitting.choice import fit
from froude.fitting.fits import Fit
from froude.fitting.measured import measure
from froude.fitting.options import DEFAULT_OPTIONS, FitKeywords, FitOptions
from froude.fitting.rules import optima_to_fit
from froude.laws import Law, get_law
from froude.provenance import Computed, recorded
from froude.runs import Runs, RunsSource
from froude.runs.count_agreement import check_counted_alike


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Backtest(Computed):
    """A law fitted without some runs, and its forecasts of these, each (held out,), beside what was measured.

    `fit` is the fit to the rest, for which the condition `hold_out` does not hold; `rows` (held out,) are the positions
    of the held-out runs in the table, and `reaches` (held out,) says how far beyond the fitted runs they lie, as
    `Fit.reach` does.
    """

    law: Law
    fit: Fit
    hold_out: str
    rows: np.ndarray
    predicted: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    measured: np.ndarray
    reaches: np.ndarray

    @property
    def level(self) -> float:
        """The level of the intervals."""
        return self.fit.level

    @property
    def n_fit(self) -> int:
        """The number of runs fitted."""
        return self.fit.n

    @property
    def n_held_out(self) -> int:
        """The number of runs predicted; diverged ones are not."""
        return self.measured.size

    @property
    def rel_errors(self) -> np.ndarray:
        """(predicted − measured) / |measured|, (held out,)."""
        return (self.predicted - self.measured) / np.abs(self.measured)

    @property
    def mean_abs_rel_error(self) -> float:
        """The mean absolute relative error."""
        return float(np.abs(self.rel_errors).mean())

    @property
    def worst_abs_rel_error(self) -> float:
        """The largest absolute relative error."""
        return float(np.abs(self.rel_errors).max())

    @property
    def coverage(self) -> float:
        """The share of held-out runs inside their interval; `level` is what it should be."""
        return float(np.mean((self.lo <= self.measured) & (self.measured <= self.hi)))

    @property
    def mean_half_width(self) -> float:
        """The mean of half an interval's width over its prediction."""
        return float(np.mean((self.hi - self.lo) / 2 / np.abs(self.predicted)))

    def to_dict(self) -> dict[str, Any]:
        """What `froude backtest --json` prints of one law."""
        return {
            "law": self.law.name,
            "hold_out": self.hold_out,
            "mean_abs_rel_error": self.mean_abs_rel_error,
            "worst_abs_rel_error": self.worst_abs_rel_error,
            "coverage": self.coverage,
            "mean_half_width": self.mean_half_width,
            "level": self.level,
            "n_fit": self.n_fit,
            "n_held_out": self.n_held_out,
            "warnings": list(self.fit.warnings),
            **self.origin,
        }


@recorded
def backtest(
    laws: Law | str | Iterable[Law | str],
    runs: RunsSource,
    hold_out: str,
    y: str = "loss",
    *,
    x: str | None = None,
    options: FitOptions = DEFAULT_OPTIONS,
    **changes: Unpack[FitKeywords],
) -> tuple[Backtest, ...]:
    """Fit each law to the runs for which the condition hold_out does not hold, and predict the others.

    A law that is named twice is judged once. A rule, as step-law-lr, is judged on the optima of sizes, as `choose` fits
    it. The law "auto" is what `choose` makes of the rest. `x` goes to the laws of one input; the options are those of
    `fit`. InputError where nothing, or everything, is held out, and where `fit` raises it.
    """
    laws = laws if isinstance(laws, Law | str) or hasattr(laws, "columns") else tuple(laws)
    runs = read_law_first("backtest", laws, runs)
    if not isinstance(hold_out, str):
        raise InputError("froude.backtest takes laws, runs and a condition: write backtest(laws, runs, 'C > 1e21')")
    options = options.change(**changes)
    resolved = [law if law == "auto" else get_law(law) if isinstance(law, str) else law for law in each_law(laws)]
    if optima := optima_to_fit(resolved, runs, y, options):
        runs, y = optima.runs, optima.over[0]
    held_out = runs.mask(hold_out)
    _check_split(runs, hold_out, held_out, y)
    rest = runs.take(~held_out)
    for law in resolved:
        check_counted_alike(runs, np.flatnonzero(runs.finite(y, ())), _roles(law, x))
    fits = [fit(law, rest, y, x=None if _has_fixed_inputs(law) else x, options=options) for law in resolved]
    return tuple(_judge(each, runs, hold_out, held_out, y) for each in fits)


def _has_fixed_inputs(law: Law | str) -> bool:
    """Whether a law cannot be taken over an input of one's choice."""
    return isinstance(law, Law) and not law.choices


def _roles(law: Law | str, x: str | None) -> tuple[str, ...]:
    """The inputs of a law; of those that "auto" tries, the one that is counted in several ways."""
    if not isinstance(law, Law):
        return (x or "N",)
    return (x,) if x is not None and law.choices else law.inputs


def _check_split(runs: Runs, hold_out: str, held_out: np.ndarray, y: str) -> None:
    finite = runs.finite(y, ())
    if not (held_out & finite).any():
        raise InputError(f"--hold-out {hold_out!r} holds out no run with a finite {y}: loosen the condition")
    if not (~held_out & finite).any():
        raise InputError(f"--hold-out {hold_out!r} holds out every run: leave some to fit")


def _judge(fit: Fit, runs: Runs, hold_out: str, held_out: np.ndarray, y: str) -> Backtest:
    target = measure(fit.law, runs.take(held_out), y)
    forecast = fit.predict(of="run", **target.given)
    return Backtest(
        law=fit.law,
        fit=fit,
        hold_out=hold_out,
        rows=np.flatnonzero(held_out)[target.rows],
        predicted=forecast.mean,
        lo=forecast.lo,
        hi=forecast.hi,
        measured=target.y,
        reaches=np.broadcast_to(fit.reach(target.inputs), target.y.shape),
    )
