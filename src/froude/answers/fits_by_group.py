"""What is said of a law fitted to groups of runs: its parameters in each, and whether what is shared may be."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

import numpy as np

from froude.answers.answer import Answer, Table
from froude.answers.numbers import count, number_and_interval, percent
from froude.fitting import Fit, GroupedFit
from froude.runs import Runs

_ALL = "all"


def answer_of_grouped_fit(
    grouped: GroupedFit, *, runs: Runs | None = None, saved: Mapping[str, str] | None = None
) -> Answer:
    """The parameters of each group with intervals, those that all share first.

    `runs` is the table that was fitted, whose notes are told, and `saved` the file of each group's fit.
    """
    first = next(iter(grouped.fits.values()))
    rows = [(_ALL, *_row(first, name)) for name in grouped.shared]
    for value, fit in grouped.fits.items():
        own = [name for name in fit.params if name not in grouped.shared]
        rows += [(value if k == 0 else "", *_row(fit, name)) for k, name in enumerate(own)]
    table = Table(title="", columns=(grouped.by, "parameter", "value", f"{first.level:.0%} interval"), rows=tuple(rows))
    warnings = tuple(f"{value}: {sentence}" for value, fit in grouped.fits.items() for sentence in fit.warnings)
    files = saved or {}
    return Answer(
        headline=f"{_law_of(grouped)} for each {grouped.by}",
        tables=(table,),
        notes=(*_evidence(grouped), *(runs.notes if runs is not None else ())),
        warnings=warnings,
        next_steps=tuple(_next_step(grouped.fits[value], path) for value, path in files.items()),
        data={
            **grouped.to_dict(),
            "warnings": list(warnings),
            **({"notes": list(runs.notes)} if runs is not None else {}),
            **({"saved": dict(files)} if files else {}),
        },
    )


def _law_of(grouped: GroupedFit) -> str:
    fits = [*grouped.fits.values()]
    if len({fit.law for fit in fits}) > 1:
        return f"auto: {fits[0].y}, an average of laws"
    return f"{fits[0].law.name}: {fits[0].y} = {fits[0].law.formula}"


def _row(fit: Fit, name: str) -> tuple[str, ...]:
    return (name, *number_and_interval(fit.params[name], *fit.intervals.get(name, ())))


def _evidence(grouped: GroupedFit) -> Iterator[str]:
    for value, fit in grouped.fits.items():
        middle = float(np.median(fit.errors))
        off = percent(middle) if fit.law.is_relative else f"{middle:.3g}"
        yield f"{value}: {count(fit.n, 'run')} fitted; the law is off by {off} in the median"
    if grouped.without:
        yield f"{count(grouped.without, 'run')} without a value of {grouped.by} left out"
    test, shared = grouped.test, " and ".join(grouped.shared)
    if test is not None:
        verdict = "is supported" if test.is_supported else "makes forecasts clearly worse"
        yield (
            f"sharing {shared} {verdict}: the largest quarter of each group's runs, forecast from the others, is "
            f"missed by {percent(test.shared_error)} with it and by {percent(test.separate_error)} without"
        )
    elif grouped.shared:
        yield f"whether {shared} may be shared is not known: too few runs to hold some out"
    else:
        yield "no parameter is shared between groups: --shared fits some to all groups at once"


def _next_step(fit: Fit, path: str) -> str:
    return f"saved: froude predict {shlex.quote(path)} --at {','.join(f'{name}=…' for name in fit.law.inputs)}"
