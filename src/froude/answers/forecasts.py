"""What is said of forecasts by a fit."""

from __future__ import annotations

from collections.abc import Sequence

from froude.answers.answer import Answer, Table
from froude.answers.numbers import number_and_interval
from froude.fitting import Fit, Forecast
from froude.quantity import format_quantity


def answer_of_forecasts(fit: Fit, forecasts: Sequence[Forecast], of: str = "run") -> Answer:
    """Forecasts of `fit`, each at one place: of one run, or of the mean of many as `of` says."""
    table = Table(
        title="",
        columns=(*fit.law.inputs, "forecast", f"{fit.level:.0%} interval"),
        rows=tuple(
            (*map(format_quantity, each.at.values()), *number_and_interval(each.mean, each.lo, each.hi))
            for each in forecasts
        ),
    )
    return Answer(
        headline=f"{fit.y} of {'one run' if of == 'run' else 'the mean of many runs'}, by {fit.law.name}",
        tables=(table,),
        warnings=() if fit.converged else fit.warnings[:1],
        data=[each.to_dict() for each in forecasts],
    )
