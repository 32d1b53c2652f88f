"""All that a table of runs, or a saved fit, lets be said and drawn: the law, its errors, its reach, its forecasts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.arguments import take_runs
from froude.fitting.choice import Choice, choose
from froude.fitting.fit_file import is_fit_file
from froude.fitting.fits import Fit, read_fit
from froude.fitting.forecasting import Forecast
from froude.fitting.procedures.isoflop import IsoflopMinimum, isoflop_minima
from froude.fitting.rules import setting_of
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN
from froude.laws import Law
from froude.provenance import Computed, recorded
from froude.runs import Runs, RunsSource


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FitReport(Computed):
    """A fit with its forecasts and what is drawn of it. Made by `fit_report`.

    `choice` says how laws did on held-out runs and `runs` is the table, both None for a saved fit. `minima` are those
    of the fitted runs of equal compute, none where there are no three. `missing` says what could not be had, a
    sentence each.
    """

    fit: Fit
    choice: Choice | None
    runs: Runs | None
    forecasts: tuple[Forecast, ...]
    minima: tuple[IsoflopMinimum, ...]
    missing: tuple[str, ...]


@recorded
def fit_report(
    source: Fit | RunsSource,
    at: Sequence[Mapping[str, Any]] = (),
    y: str = "loss",
    *,
    law: Law | str = "auto",
    x: str | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> FitReport:
    """All there is to say and draw of a table of runs under a law, or of a fit; `write_report` writes it.

    `at` are places to forecast, each a mapping of the law's inputs, as {"N": 7e9, "D": 1.4e12}. `law`, `x`, `draws` and
    `seed` are those of `fit`; a fit, or the file of one, has them already. InputError as `fit` and `Fit.predict` do.
    """
    if isinstance(source, str | Path) and is_fit_file(Path(source)):
        source = read_fit(source)
    if isinstance(source, Fit):
        return _report(source, None, None, at)
    runs = take_runs(source)
    choice = choose(runs, y, laws=law, x=x, draws=draws, seed=seed)
    return _report(choice.fit, choice, choice.optima.runs if choice.optima else runs, at)


def _report(fit: Fit, choice: Choice | None, runs: Runs | None, at: Sequence[Mapping[str, Any]]) -> FitReport:
    minima = _minima(fit, runs)
    return FitReport(
        fit=fit,
        choice=choice,
        runs=runs,
        forecasts=tuple(fit.predict(**place) for place in _places(at)),
        minima=minima,
        missing=tuple(_missing(fit, choice, minima)),
    )


def _places(at: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    if isinstance(at, Mapping) or any(not isinstance(place, Mapping) for place in at):
        raise InputError("at is a list of places, each with the law's inputs: write at=[{'N': 7e9, 'D': 1.4e12}]")
    return at


def _minima(fit: Fit, runs: Runs | None) -> tuple[IsoflopMinimum, ...]:
    """The minima of fitted runs of equal compute: the table's own C, or 6·N·D where only the fit is there."""
    measured = fit.measured
    if measured is None or setting_of(fit.law) is not None or not {"N", "D"} <= {*fit.inputs}:
        return ()
    N, D = fit.inputs["N"], fit.inputs["D"]
    C = runs["C"][fit.rows] if runs is not None else FLOP_PER_PARAM_TOKEN * N * D
    known = np.isfinite(C)
    return tuple(each for each in isoflop_minima(C[known], D[known], measured[known], N[known]) if each.D is not None)


def _missing(fit: Fit, choice: Choice | None, minima: Sequence[IsoflopMinimum]) -> Iterator[str]:
    if choice is None:
        yield (
            "a saved fit does not hold its table: how laws did on held-out runs, what diverged and the names of runs "
            "are seen where the table is given instead"
        )
    elif not choice.held_out:
        yield "these runs leave too few below any cut to hold larger ones out"
    if not minima and {"N", "D"} <= {*fit.law.inputs} and setting_of(fit.law) is None:
        yield "no three runs of equal compute have a best size among them, so there is no isoFLOP picture"
