"""Several methods, each with its own runs, fitted alike so that they can be compared."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

from froude.errors import InputError
from froude.fitting.arguments import AUTO, take_runs
from froude.fitting.choice import fit
from froude.fitting.fits import Fit
from froude.fitting.groups import groups_of
from froude.fitting.options import DEFAULT_OPTIONS, FitKeywords, FitOptions
from froude.laws import Law, get_law
from froude.provenance import recorded
from froude.runs import Runs, RunsSource

WIDEST_RATIO = 10.0
"""Times the least D/N of runs up to which they are taken to lie on the frontier: a factor of 3 off the best D/N costs
about 1% of the loss (Hoffmann et al. 2022, approach 3), as much as methods differ by."""


@recorded
def fit_methods(
    runs: RunsSource | Mapping[str, RunsSource],
    law: Law | str = AUTO,
    y: str = "loss",
    *,
    by: str | None = None,
    x: str | None = None,
    options: FitOptions = DEFAULT_OPTIONS,
    **changes: Unpack[FitKeywords],
) -> dict[str, Fit]:
    """A fit for each method, by its name: of a table each, or of one table that has the method in the column `by`.

    `law`, `y` and the options are those of `fit`; each method has a seed of its own, one more than the last. `x` is the
    input of a law of one input. The law "auto" over C is an average of laws of N and D where both vary in the runs of
    every method, as a law of C holds only for runs that have the best N and D for their compute. InputError for fewer
    than two methods, for a law of C and runs whose D/N differs more than WIDEST_RATIO times, and as `fit` raises it,
    naming the method.
    """
    options = options.change(**changes)
    tables = _tables(runs, by, y)
    if law == AUTO and x == "C" and all(map(_varies, tables.values())):
        x = None
    law = law if isinstance(law, Law) or law == AUTO else _over(law, x)
    single = law.inputs == ("C",) if isinstance(law, Law) else x == "C"
    fits = {}
    for k, (name, table) in enumerate(tables.items()):
        try:
            if single:
                _check_on_frontier(table, y)
            fits[name] = fit(law, table, y, x=x if law == AUTO else None, options=options.change(seed=options.seed + k))
        except InputError as error:
            raise error if str(error).startswith(name) else InputError(f"{name}: {error}") from None
    return fits


def _tables(runs: RunsSource | Mapping[str, RunsSource], by: str | None, y: str) -> dict[str, Runs]:
    if isinstance(runs, Mapping):
        tables = {name: take_runs(each) for name, each in runs.items()}
    elif by is None:
        raise InputError("one table: name the column that says which method a run is of, by='method', or give several")
    else:
        tables = groups_of(take_runs(runs), by, y)
    if len(tables) < 2:
        raise InputError(f"{len(tables)} method: give two or more to compare")
    return tables


def _over(law: str, x: str | None) -> Law:
    """The law of that name, over x where it may be taken over an input of one's choice."""
    return get_law(law, x) if x is None or get_law(law).choices else get_law(law)


def _varies(runs: Runs) -> bool:
    return all(name in runs and np.nanmax(runs[name]) > np.nanmin(runs[name]) for name in ("N", "D"))


def _check_on_frontier(runs: Runs, y: str) -> None:
    """InputError for runs that cannot all have the best N and D for their compute."""
    if not {"N", "D"} <= {*runs.columns}:
        return
    ratio = (runs["D"] / runs["N"])[runs.finite(y)]
    if ratio.size and ratio.max() > WIDEST_RATIO * ratio.min():
        raise InputError(
            f"D/N goes from {ratio.min():.3g} to {ratio.max():.3g}, and a law of C holds only for runs at the compute "
            "frontier: take --law auto, an average of laws of N and D, or fit the runs of froude.frontier alone"
        )
