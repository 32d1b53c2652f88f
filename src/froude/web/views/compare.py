"""Methods side by side: which is ahead at a larger size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from froude.answers.comparisons import answer_of_comparison, answer_of_ranking
from froude.answers.readings import with_readings
from froude.errors import InputError
from froude.fitting import Fit, fit_methods, rank
from froude.fitting import compare as compare_fits
from froude.quantity import parse_assignments
from froude.web.charts import WebChart, axes, line, points
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf
from froude.web.tables import OpenTables
from froude.web.work import FormField, PageWork, SameElsewhere, WorkResult, command_of, options_of

NAMES = ("path", "by", "at", "law", "columns", "where")
OPTIONS = {"by": "--by", "at": "--at", "law": "--law", "columns": "--columns", "where": "--where"}


def fields(shelf: Shelf) -> tuple[FormField, ...]:
    """What is asked for."""
    sources = shelf.names("study", "table")
    return (
        FormField(name="path", label="Runs, one source a method", kind="source", options=sources, several=True),
        FormField(name="by", label="Or the column of methods", hint="method"),
        FormField(name="at", label="At the size", hint="C=1e24, or N=70B,D=1.4T", default="C=1e22"),
        FormField(name="law", label="Law", hint="auto", advanced=True),
        FormField(name="columns", label="Columns", hint="N=params,loss=val_loss", advanced=True),
        FormField(name="where", label="Only runs where", hint="C < 1e21", advanced=True),
    )


def perform(tables: OpenTables, query: AddressQuery) -> WorkResult:
    """Who is ahead, by how much, and where they cross."""
    names, by = query.all("path"), query.one("by") or None
    if by is not None and len(names) != 1:
        raise InputError("a column tells the methods of one table apart: choose one table, or leave the column out")
    if by is None and len(names) < 2:
        raise InputError("one source is chosen: choose another beside it, or name the column of its methods")
    place = parse_assignments(query.one("at"))
    (x,) = place if len(place) == 1 else (None,)
    read = {str(tables.shelf.path(name)): tables.read(name, query.one("columns"), query.one("where")) for name in names}
    source: Any = next(iter(read.values())) if by else read
    fits = fit_methods(source, query.one("law", "auto"), by=by, x=x)
    if len(fits) == 2:
        (first, one), (second, other) = fits.items()
        compared: Any = compare_fits(one, other, place)
        answer = answer_of_comparison(compared, (first, second))
    else:
        compared = rank(fits, place)
        answer = answer_of_ranking(compared)
    answer = with_readings(answer, [*read.values()])
    return WorkResult(answer=answer, charts=tuple(_charts(fits, place)), result=compared)


def elsewhere(shelf: Shelf, query: AddressQuery) -> SameElsewhere:
    """The command and the Python."""
    paths, by, place = [str(shelf.path(name)) for name in query.all("path")], query.one("by"), query.one("at")
    x = place.partition("=")[0].strip() if place.count("=") == 1 else ""
    tables = f"froude.read_runs({paths[0]!r})" if by and paths else f"{ {path: path for path in paths}!r}"
    more = (f", by={by!r}" if by else "") + (f", x={x!r}" if x else "")
    return SameElsewhere(
        command=command_of("compare", *paths, *options_of(query, OPTIONS)),
        python=f"import froude\nfits = froude.fit_methods({tables}, {query.one('law', 'auto')!r}{more})\n"
        f"ranking = froude.rank(fits, {parse_assignments(place)!r})",
    )


def _charts(fits: Mapping[str, Fit], place: Mapping[str, float]) -> Iterator[WebChart]:
    """Each method's runs and its law, over the one input of the laws."""
    traces = []
    x = next(iter(place))
    for k, (name, fit) in enumerate(fits.items()):
        measured = fit.measured
        if measured is None or [*fit.inputs] != [x]:
            return
        values, colour = fit.inputs[x], f"c{k % 6}"
        grid = np.geomspace(values.min(), max(float(values.max()), place[x]), 60)
        traces.append(points(values, measured, name, colour))
        traces.append(line(grid, fit.law(**{x: grid}, **fit.params), f"{name}, its law", colour, line={"dash": "dash"}))
    yield WebChart(
        name="methods",
        title=f"Runs of each method and the laws through them, out to {x} = {place[x]:g}",
        traces=tuple(traces),
        layout=axes(x, "loss", log_x=True, log_y=True),
    )


WORK = PageWork(
    name="compare",
    title="Compare methods",
    lead="Which of several methods is ahead at the size that is meant in the end, by how much, and where they cross.",
    fields=fields,
    is_ready=lambda query: bool(query.one("path") and query.one("at")),
    perform=perform,
    elsewhere=elsewhere,
    empty="Choose a table for each method, or one table and the column that tells its methods apart.",
    names=NAMES,
)
