"""The best parameters and tokens for budgets of compute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from froude.answers.optimal import answer_of_compute_optimal
from froude.answers.readings import with_readings
from froude.fitting import ComputeOptimal, compute_optimal
from froude.fitting.fit_file import is_fit_file
from froude.fitting.sources import names_constants, read_source
from froude.quantity import parse_quantity
from froude.runs import Runs
from froude.web.charts import WebChart, axes, line, points
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf
from froude.web.tables import OpenTables
from froude.web.work import FormField, PageWork, SameElsewhere, WorkResult, command_of, options_of

NAMES = ("path", "budget", "law", "inference_tokens", "data_limit", "columns", "where")
OPTIONS = {
    "inference_tokens": "--inference-tokens",
    "data_limit": "--data-limit",
    "law": "--law",
    "columns": "--columns",
    "where": "--where",
}
PUBLISHED = ("chinchilla:besiroglu-2024", "chinchilla:hoffmann-2022")


def fields(shelf: Shelf) -> tuple[FormField, ...]:
    """What is asked for."""
    sources = (*shelf.names("study", "table", "fit"), *PUBLISHED)
    return (
        FormField(name="path", label="Runs, fit or law", kind="source", options=sources),
        FormField(name="budget", label="Budgets", hint="1e23, 1e24", default="1e23, 1e24"),
        FormField(name="inference_tokens", label="Tokens served", hint="10T", advanced=True),
        FormField(name="data_limit", label="Unique tokens there are", hint="500B", advanced=True),
        FormField(name="law", label="Law of a table", hint="auto", advanced=True),
        FormField(name="columns", label="Columns", hint="N=params,loss=val_loss", advanced=True),
        FormField(name="where", label="Only runs where", hint="C < 1e21", advanced=True),
    )


def _budgets(query: AddressQuery) -> list[float]:
    return [parse_quantity(text) for text in query.one("budget").replace(",", " ").split()]


def _source(shelf: Shelf, query: AddressQuery) -> str:
    """A file of the shelf by its path, a law with published constants as it is."""
    name = query.one("path")
    return name if name in PUBLISHED or (":" in name and names_constants(name)) else str(shelf.path(name))


def perform(tables: OpenTables, query: AddressQuery) -> WorkResult:
    """The best sizes for each budget."""
    source, name = _source(tables.shelf, query), query.one("path")
    is_file = is_fit_file(Path(source))
    taken = read_source(source, ("N", "D")) if is_file or names_constants(source) else None
    runs = tables.read(name, query.one("columns"), query.one("where")) if taken is None else taken
    best = compute_optimal(
        runs,
        _budgets(query),
        law=query.one("law", "auto"),
        inference_tokens=query.amount("inference_tokens", "count") or 0.0,
        data_limit_tokens=query.amount("data_limit", "count"),
    )
    answer = answer_of_compute_optimal(best)
    answer = with_readings(answer, [runs]) if isinstance(runs, Runs) else answer
    return WorkResult(answer=answer, charts=tuple(_charts(best)), result=best)


def elsewhere(shelf: Shelf, query: AddressQuery) -> SameElsewhere:
    """The command and the Python."""
    source, budgets = _source(shelf, query), query.one("budget").replace(",", " ").split()
    at = [word for budget in budgets for word in ("--at", f"C={budget}")]
    more = "".join(f", {key}={query.one(key)!r}" for key in ("law", "inference_tokens") if query.one(key))
    more += f", data_limit_tokens={query.one('data_limit')!r}" if query.one("data_limit") else ""
    return SameElsewhere(
        command=command_of("optimal", source, *at, *options_of(query, OPTIONS)),
        python=f"import froude\nbest = froude.compute_optimal({source!r}, {budgets!r}{more})",
    )


def _charts(best: ComputeOptimal) -> Iterator[WebChart]:
    found = [each for each in best.allocations if each.C]
    if not found:
        return
    C = [float(each.C) for each in found]
    sizes = WebChart(
        name="sizes",
        title="The best parameters and tokens for each budget",
        traces=tuple(
            line(C, [float(getattr(each, name)) for each in found], title, colour, mode="lines+markers")
            for name, title, colour in (("N", "parameters", "n6"), ("D", "tokens", "forecast"))
        ),
        layout=axes("budget, FLOP", "count", log_x=True, log_y=True),
    )
    if len(found) > 1:
        yield sizes
    runs = best.runs
    if runs is not None and {"N", "C", "loss"} <= {*runs.columns}:
        kept = np.isfinite(runs["loss"]) & np.isfinite(runs["N"])
        yield WebChart(
            name="runs",
            title="The runs: outcome against parameters, shaded by compute",
            traces=(
                points(
                    runs["N"][kept], runs["loss"][kept], "runs", "n5",
                    marker={"color": np.log10(runs["C"][kept]).tolist(), "colorscale": "sea"},
                ),
            ),
            layout=axes("N", "loss", log_x=True),
        )  # fmt: skip


WORK = PageWork(
    name="optimal",
    title="Compute-optimal sizes",
    lead="How a budget of compute is best divided between parameters and tokens, and what leaving that costs.",
    fields=fields,
    is_ready=lambda query: bool(query.one("path") and query.one("budget")),
    perform=perform,
    elsewhere=elsewhere,
    empty="Choose runs, a saved fit or a law with published constants, and one budget of FLOPs or more.",
    names=NAMES,
)
