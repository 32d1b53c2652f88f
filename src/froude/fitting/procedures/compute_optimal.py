"""What makes the most of a budget of compute, by every way that a table of runs or a fit allows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.allocation import Allocation, optimal
from froude.fitting.arguments import take_runs
from froude.fitting.choice import fit as fit_law
from froude.fitting.fit_file import is_fit_file
from froude.fitting.fits import Fit, read_fit
from froude.fitting.measured import need_columns
from froude.fitting.options import FitOptions
from froude.fitting.procedures.isoflop import IsoflopMinimum, isoflop_minima
from froude.fitting.procedures.three_approaches import Approach, Approaches, approach_1, approach_2, approach_of
from froude.laws import Law
from froude.provenance import Computed, recorded
from froude.quantity import read_quantities
from froude.runs import Runs, RunsSource


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ComputeOptimal(Computed):
    """The best sizes for budgets of compute. Made by `compute_optimal`.

    `y` is the outcome that is least there, `fit` the law, and `allocations` its best N and D for each budget; None and
    none where it could not be fitted. A budget pays for `flop_per_param_token` FLOPs a parameter and token: 6, or what
    the runs of a table took in the median. `approaches` are the ways of Hoffmann et al. side by side for each budget,
    and `minima` those of the groups of runs of equal compute. `missing` says what could not be answered, a sentence
    each.
    """

    y: str
    fit: Fit | None
    allocations: tuple[Allocation, ...]
    flop_per_param_token: float = 6.0
    approaches: tuple[Approaches, ...] = ()
    minima: tuple[IsoflopMinimum, ...] = ()
    missing: tuple[str, ...] = ()


@recorded
def compute_optimal(
    source: Fit | RunsSource,
    at: Any = (),
    y: str = "loss",
    *,
    law: Law | str = "chinchilla",
    draws: int = 1000,
    seed: int = 0,
) -> ComputeOptimal:
    """The best N, D and loss for budgets `at` of FLOPs, under a fit or by all that a table of runs allows.

    A budget is a number or a quantity as "1e24 FLOP"; there may be several. A table gives the isoFLOP minima of its
    groups of equal compute, and for each budget the envelope, the isoFLOP parabolas and the least loss of `law`, a law
    of N and D that is fitted to it. InputError where nothing of this can be had, and for a fit without a budget.
    """
    FitOptions(draws=draws, seed=seed)  # which refuses what no fit takes: of a table that would only be missing
    budgets = tuple(np.atleast_1d(read_quantities(at)).tolist())
    if isinstance(source, str | Path) and is_fit_file(Path(source)):
        source = read_fit(source)
    if isinstance(source, Fit):
        if not budgets:
            raise InputError("a fit is asked for the best size at a budget: give one, as in --at C=1e24")
        return ComputeOptimal(y=source.y, fit=source, allocations=tuple(optimal(source, C) for C in budgets))
    found = _of_table(take_runs(source), budgets, y, law, draws, seed)
    if not (found.allocations or found.approaches or any(each.D for each in found.minima)):
        whys = (f"C = {each.C:.3g}: {each.why}" for each in found.minima if each.why)
        raise InputError("; ".join(dict.fromkeys((*found.missing, *whys))))
    return found


def _of_table(runs: Runs, at: tuple[float, ...], y: str, law: Law | str, draws: int, seed: int) -> ComputeOptimal:
    need_columns(runs, ("D", "C"), "the best size needs")
    minima = _minima(runs, y)
    missing = [] if minima else ["no three runs are of equal compute: there are no isoFLOP minima"]
    made, allocations, per_token = None, (), _flop_per_param_token(runs)
    if at:
        try:
            made = fit_law(law, runs, y, draws=draws, seed=seed)
            allocations = tuple(optimal(made, C, flop_per_param_token=per_token) for C in at)
        except InputError as reason:
            missing.append(f"approach 3 fits a law of N and D: {reason}")
    else:
        missing.append(
            "the envelope, the parabolas and a law say what is best at a budget: give one, as in --at C=1e24"
        )
    sides = [_side_by_side(runs, C, y, made, allocation, draws, seed) for C, allocation in _pairs(at, allocations)]
    missing += dict.fromkeys(sentence for each in sides for sentence in each.missing)
    return ComputeOptimal(
        y=y,
        fit=made if allocations else None,
        allocations=allocations,
        flop_per_param_token=per_token,
        approaches=tuple(each for each in sides if each.answers),
        minima=tuple(minima),
        missing=tuple(missing),
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


def _pairs(at: tuple[float, ...], allocations: tuple[Allocation, ...]) -> Iterator[tuple[float, Allocation | None]]:
    yield from zip(at, allocations or (None,) * len(at), strict=True)


def _side_by_side(
    runs: Runs, C: float, y: str, made: Fit | None, allocation: Allocation | None, draws: int, seed: int
) -> Approaches:
    """The envelope, the parabolas and the law at one budget, and why others are missing."""
    answers: list[Approach] = []
    missing: list[str] = []
    for way in (approach_1, approach_2):
        try:
            answers.append(way(runs, C, y, draws=draws, seed=seed))
        except InputError as reason:
            missing.append(str(reason))
    if made is not None and allocation is not None:
        answers.append(approach_of(allocation, made.law.name))
    return Approaches(answers=tuple(answers), missing=tuple(missing))
