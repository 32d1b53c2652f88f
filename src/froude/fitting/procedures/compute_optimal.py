"""What makes the most of a budget of compute, by every way that a table of runs, a fit or published constants allow."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.allocation import TRAINING_ALONE, Allocation, Spending, optimal, spending_of
from froude.fitting.arguments import take_runs
from froude.fitting.choice import fit as fit_law
from froude.fitting.fit_file import is_fit_file
from froude.fitting.fits import Fit, read_fit
from froude.fitting.measured import need_columns
from froude.fitting.options import FitOptions
from froude.fitting.procedures.best_settings import Setting, best_settings, sweep_of
from froude.fitting.procedures.departures import Departure, departures
from froude.fitting.procedures.isoflop import IsoflopMinimum, isoflop_minima
from froude.fitting.procedures.optimum import Optimum
from froude.fitting.procedures.three_approaches import Approach, Approaches, approach_1, approach_2, approach_of
from froude.fitting.published_fit import PublishedFit
from froude.fitting.sources import names_constants, read_source
from froude.laws import Law
from froude.provenance import Computed, recorded
from froude.quantity import read_quantities
from froude.runs import Runs, RunsSource


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ComputeOptimal(Computed):
    """The best sizes for budgets of compute. Made by `compute_optimal`.

    `y` is the outcome that is least there, `fit` the fit or the published constants, and `allocations` the best N and D
    for each budget; None and none where it could not be fitted. For each of them there are `settings`, the learning
    rate and the batch, and `departures`, what other sizes cost. A budget pays for what `spending` says: for 6 FLOPs a
    parameter and token, or what the runs of a table took in the median. `approaches` are the ways of Hoffmann et al.
    side by side for each budget, and `minima` those of the groups of runs of equal compute, for training alone.
    `missing` says what could not be answered, a sentence each. `runs` are those of a table, which pictures show.
    """

    y: str
    fit: Fit | PublishedFit | None
    allocations: tuple[Allocation, ...]
    settings: tuple[tuple[Setting, ...], ...] = ()
    departures: tuple[tuple[Departure, ...], ...] = ()
    spending: Spending = TRAINING_ALONE
    approaches: tuple[Approaches, ...] = ()
    minima: tuple[IsoflopMinimum, ...] = ()
    missing: tuple[str, ...] = ()
    runs: Runs | None = field(default=None, repr=False)


@recorded
def compute_optimal(
    source: Fit | PublishedFit | RunsSource,
    at: Any = (),
    y: str = "loss",
    *,
    law: Law | str = "auto",
    inference_tokens: float | str = 0.0,
    data_limit_tokens: float | str | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> ComputeOptimal:
    """The best N, D, loss, learning rate and batch for budgets `at` of FLOPs, and what leaving the best size costs.

    By a fit or the file of one, by published constants ("chinchilla:besiroglu-2024"), or by all that a table of runs
    allows. A budget is a number or a quantity as "1e24 FLOP"; there may be several. A table gives the isoFLOP minima of
    its groups of equal compute, and for each budget the envelope, the isoFLOP parabolas and the least loss of `law`, a
    law of N and D that is fitted to it, or the average of several. `inference_tokens` and `data_limit_tokens` are those
    of `optimal`. InputError where nothing of this can be had, and for a fit or constants without a budget.
    """
    FitOptions(draws=draws, seed=seed)  # which refuses what no fit takes: of a table that would only be missing
    budgets = tuple(np.atleast_1d(read_quantities(at)).tolist())
    spending = spending_of(inference_tokens=inference_tokens, data_limit_tokens=data_limit_tokens)
    if isinstance(source, str | Path):
        source = _read(source)
    if isinstance(source, Fit | PublishedFit):
        if not budgets:
            raise InputError("a fit is asked for the best size at a budget: give one, as in --at C=1e24")
        return _advise(source, budgets, spending, None)
    found = _of_table(take_runs(source), budgets, y, law, spending, draws, seed)
    if not (found.allocations or found.approaches or any(each.D for each in found.minima)):
        whys = (f"C = {each.C:.3g}: {each.why}" for each in found.minima if each.why)
        raise InputError("; ".join(dict.fromkeys((*found.missing, *whys))))
    return found


def _read(source: str | Path) -> Fit | PublishedFit | str | Path:
    """The fit in a file, or published constants; what names neither is a table."""
    if is_fit_file(Path(source)):
        return read_fit(source)
    return read_source(source, ("N", "D")) if isinstance(source, str) and names_constants(source) else source


def _advise(
    fit: Fit | PublishedFit, budgets: tuple[float, ...], spending: Spending, sweep: Optimum | None
) -> ComputeOptimal:
    """The best sizes by one fit, with their settings and what leaving them costs."""
    allocations = tuple(
        optimal(
            fit,
            C,
            flop_per_param_token=spending.per_token,
            inference_tokens=spending.served,
            data_limit_tokens=spending.unique,
        )
        for C in budgets
    )
    return ComputeOptimal(
        y=fit.y,
        fit=fit,
        allocations=allocations,
        settings=tuple(best_settings(each, sweep) for each in allocations),
        departures=tuple(departures(fit, each, spending) for each in allocations),
        spending=spending,
    )


def _of_table(
    runs: Runs, at: tuple[float, ...], y: str, law: Law | str, spending: Spending, draws: int, seed: int
) -> ComputeOptimal:
    need_columns(runs, ("D", "C"), "the best size needs")
    minima = _minima(runs, y)
    missing = [] if minima else ["no three runs are of equal compute: there are no isoFLOP minima"]
    spending = replace(spending, per_token=_flop_per_param_token(runs))
    best = ComputeOptimal(y=y, fit=None, allocations=(), spending=spending)
    if at:
        try:
            made = fit_law(law, runs, y, draws=draws, seed=seed)
            sweep, why = sweep_of(runs, y, seed)
            best = _advise(made, at, spending, sweep)
            missing += [why] if why else []
        except InputError as reason:
            missing.append(f"approach 3 fits a law of N and D: {reason}")
    else:
        missing.append(
            "the envelope, the parabolas and a law say what is best at a budget: give one, as in --at C=1e24"
        )
    sides = []
    if spending.is_plain:
        sides = [_side_by_side(runs, C, y, best, allocation, draws, seed) for C, allocation in _pairs(at, best)]
        missing += dict.fromkeys(sentence for each in sides for sentence in each.missing)
    return replace(
        best,
        approaches=tuple(each for each in sides if each.answers),
        minima=tuple(minima),
        missing=tuple(missing),
        runs=runs,
    )


def _flop_per_param_token(runs: Runs) -> float:
    """What the runs took in the median. InputError where no run has N, D and C."""
    taken = runs["C"] / (runs["N"] * runs["D"])
    if not (known := taken[np.isfinite(taken)]).size:
        raise InputError("no run has N, D and C: the best size needs all three; name the columns with --columns")
    return float(np.median(known))


def _minima(runs: Runs, y: str) -> list[IsoflopMinimum]:
    finite = np.flatnonzero(runs.finite(y))
    derived = any(sentence.startswith("N = ") for sentence in runs.derived)
    N = runs["N"][finite] if "N" in runs and not derived else None
    return isoflop_minima(runs["C"][finite], runs["D"][finite], runs[y][finite], N)


def _pairs(at: tuple[float, ...], best: ComputeOptimal) -> Iterator[tuple[float, Allocation | None]]:
    yield from zip(at, best.allocations or (None,) * len(at), strict=True)


def _side_by_side(
    runs: Runs, C: float, y: str, best: ComputeOptimal, allocation: Allocation | None, draws: int, seed: int
) -> Approaches:
    """The envelope, the parabolas and the law at one budget, and why others are missing."""
    answers: list[Approach] = []
    missing: list[str] = []
    for way in (approach_1, approach_2):
        try:
            answers.append(way(runs, C, y, draws=draws, seed=seed))
        except InputError as reason:
            missing.append(str(reason))
    if best.fit is not None and allocation is not None:
        answers.append(approach_of(allocation, best.fit.law))
    return Approaches(answers=tuple(answers), missing=tuple(missing))
