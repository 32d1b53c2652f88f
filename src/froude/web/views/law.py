"""The law explorer: a law fitted to a table, its errors, its hold-outs, and forecasts at a target that is moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from froude.answers.fits import answer_of_choice, answer_of_fit
from froude.answers.forecasts import answer_of_forecast
from froude.answers.numbers import amount, money, percent
from froude.bounds import positive_number
from froude.cost import get_machine
from froude.fitting import Choice, Fit, choose
from froude.fitting.rules import setting_of
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN
from froude.laws import all_laws
from froude.quantity import format_quantity, format_seconds
from froude.web.charts import WebChart, axes, line, points
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf
from froude.web.tables import OpenTables
from froude.web.work import FormField, PageWork, SameElsewhere, WorkResult, command_of, options_of

UTILISATION = 0.4
"""Share of the chips' peak that a training is taken to reach: a guess; `froude plan train` finds it for a layout."""

FARTHEST = 10_000.0
"""How many times the largest run a target may be dragged to."""

GRID = 60
NAMES = ("path", "law", "x", "y", "columns", "where")
OPTIONS = {"law": "--law", "x": "--x", "y": "--y", "columns": "--columns", "where": "--where"}


def fields(shelf: Shelf) -> tuple[FormField, ...]:
    """What the explorer asks for."""
    laws = ("auto", *(law.name for law in all_laws()))
    return (
        FormField(name="path", label="Runs", kind="source", options=shelf.names("study", "table")),
        FormField(name="law", label="Law", kind="choice", options=laws, default="auto"),
        FormField(name="columns", label="Columns", hint="N=params,loss=val_loss; found by name otherwise"),
        FormField(name="where", label="Only runs where", hint="C < 1e21 AND lr > 0.001"),
        FormField(name="y", label="Outcome", hint="loss", advanced=True),
        FormField(name="x", label="Input of a law of one", hint="N, D or C", advanced=True),
    )


def elsewhere(shelf: Shelf, query: AddressQuery) -> SameElsewhere:
    """The command and the Python of a fit."""
    path = shelf.path(query.one("path"))
    given = {name: query.one(name) for name in NAMES[1:] if query.one(name)}
    law, y = given.get("law", "auto"), given.get("y", "loss")
    columns = f", columns={_roles(given['columns'])!r}" if "columns" in given else ""
    where = f", where={given['where']!r}" if "where" in given else ""
    x = f", x={given['x']!r}" if "x" in given else ""
    return SameElsewhere(
        command=command_of("fit", path, *options_of(query.with_values({"law": law}), OPTIONS)),
        python=f"import froude\nruns = froude.read_runs({str(path)!r}{columns}{where})\n"
        f"fit = froude.fit({law!r}, runs, {y!r}{x})",
    )


def _roles(text: str) -> Mapping[str, str]:
    from froude.runs.roles import parse_roles

    return parse_roles(text) or {}


def perform(tables: OpenTables, query: AddressQuery) -> WorkResult:
    """The fit, with pictures of it, of what it leaves, and of larger runs forecast from smaller ones."""
    law = query.one("law", "auto")
    runs = tables.read(query.one("path"), query.one("columns"), query.one("where"))
    choice = choose(runs, query.one("y", "loss"), laws=law, x=query.one("x") or None)
    answer = (
        answer_of_choice(choice, runs=runs)
        if law == "auto"
        else answer_of_fit(choice.fit, outcome=choice.outcome, runs=runs, optima=choice.optima)
    )
    charts = (*_law_chart(choice.fit), *_residual_chart(choice.fit), *_held_out_chart(choice))
    return WorkResult(answer=answer, charts=charts, result=choice, more={"dials": dials(choice.fit)})


WORK = PageWork(
    name="law",
    title="Law explorer",
    lead="Fit a law to runs, see what it misses, and drag the target to where you mean to train.",
    fields=fields,
    is_ready=lambda query: bool(query.one("path")),
    perform=perform,
    elsewhere=elsewhere,
    empty="Choose a study or a table of runs, and a law; auto averages those that predict the largest runs best.",
    template="law.html.j2",
    names=NAMES,
)


def dials(fit: Fit) -> list[dict[str, Any]]:
    """The inputs that can be moved, each with its least and largest and where it begins, as powers of ten."""
    if not _is_movable(fit):
        return []
    found = []
    for name, values in fit.inputs.items():
        low, high = float(values.min()), float(values.max())
        ends = np.log10(low), np.log10(high * FARTHEST)
        found.append({"name": name, "least": ends[0], "largest": ends[1], "start": np.log10(10 * high), "ran_to": high})
    return found


def _is_movable(fit: Fit) -> bool:
    positive = all((np.asarray(values) > 0).all() for values in fit.inputs.values())
    return setting_of(fit.law) is None and {*fit.inputs} == {*fit.law.inputs} and positive


def forecast_at(tables: OpenTables, choice: Choice, query: AddressQuery) -> dict[str, Any]:
    """The forecast at a target, its cost, and the law through it along the first input, as JSON for the page.

    InputError for an input missing or out of range, and for a machine that is none.
    """
    fit = choice.fit
    place = {name: query.amount(name) for name in fit.law.inputs}
    for name, value in place.items():
        positive_number(name, 0.0 if value is None else value)
    given = {name: float(value or 0.0) for name, value in place.items()}
    forecast = fit.predict("run", **given)
    x = next(iter(fit.law.inputs))
    low, high = float(fit.inputs[x].min()), max(float(fit.inputs[x].max()), given[x])
    grid = np.geomspace(low, high * 1.6, GRID)
    along = fit.predict("run", **{**given, x: grid})
    at = ",".join(f"{name}={value:.6g}" for name, value in given.items())
    path = tables.shelf.path(query.one("path"))
    fitted = command_of("fit", path, *options_of(query.with_values({"law": query.one("law", "auto")}), OPTIONS))
    return {
        "forecast": forecast.to_dict(),
        "cost": cost_at(given, query),
        "facts": [list(fact) for fact in _facts(forecast, given, query)],
        "warnings": [each for each in answer_of_forecast(forecast).warnings if each not in fit.warnings],
        "along": {"x": grid.tolist(), "mean": _list(along.mean), "lo": _list(along.lo), "hi": _list(along.hi)},
        "command": f"{fitted} --out fit.json\nfroude predict fit.json --at {at}",
    }


def _list(values: Any) -> list[float] | None:
    return None if values is None else np.asarray(values, float).tolist()


def cost_at(place: Mapping[str, float], query: AddressQuery) -> dict[str, Any] | None:
    """FLOP = 6·N·D of a target, and on a machine its seconds and dollars at UTILISATION; None without N and D, or C."""
    flop = place.get("C") or FLOP_PER_PARAM_TOKEN * place.get("N", 0.0) * place.get("D", 0.0)
    if not flop:
        return None
    machine = get_machine(query.one("machine", "8 x h100"))
    peak = machine.chip.peak_flops.get("bf16") or max(machine.chip.peak_flops.values())
    seconds = flop / (machine.devices * peak * UTILISATION)
    return {
        "flop": flop,
        "seconds": seconds,
        "dollars": machine.dollars(seconds),
        "machine": f"{machine.devices} x {machine.chip.name}",
        "utilisation": UTILISATION,
    }


def _facts(forecast: Any, place: Mapping[str, float], query: AddressQuery) -> Iterator[tuple[str, str]]:
    table = answer_of_forecast(forecast).tables[0]
    cells = dict(zip(table.columns[len(place) :], table.rows[0][len(place) :], strict=True))
    yield forecast.y, cells.pop(next(iter(cells)))
    yield from ((head, text) for head, text in cells.items() if text)
    cost = cost_at(place, query)
    if cost:
        yield "compute", amount(cost["flop"], "FLOP") + " FLOP"
        yield (
            f"on {cost['machine']}",
            f"{format_seconds(cost['seconds'])}, {money(cost['dollars'])}; "
            f"{percent(UTILISATION, 0)} of peak is a guess",
        )


def _law_chart(fit: Fit) -> Iterator[WebChart]:
    measured = fit.measured
    if measured is None or not fit.inputs:
        return
    x, *others = fit.inputs
    text = [
        ", ".join(f"{name} = {format_quantity(float(values[i]))}" for name, values in fit.inputs.items())
        for i in range(len(measured))
    ]
    marker: dict[str, Any] = {}
    if others:
        shade = np.log10(np.asarray(fit.inputs[others[0]], float))
        marker = {"color": shade.tolist(), "colorscale": "sea", "showscale": False}
    yield WebChart(
        name="law",
        title=f"Measured {fit.y} against {x}" + (f", shaded by {others[0]}" if others else ""),
        traces=(points(fit.inputs[x], measured, "measured", "n6", text=text, marker=marker),),
        layout=axes(x, fit.y, log_x=True, log_y=fit.residual == "log"),
    )


def _residual_chart(fit: Fit) -> Iterator[WebChart]:
    predicted = fit.predicted
    if predicted is None:
        return
    is_share = fit.residual == "log"
    values = 100 * np.expm1(fit.residuals) if is_share else fit.residuals
    off = fit.far_off
    groups = [("fitted", "n5", ~off), ("far off", "forecast", off)]
    yield WebChart(
        name="residuals",
        title="What the law leaves: predicted over measured, run by run",
        traces=tuple(
            points(predicted[which], values[which], name, colour, text=[f"row {row + 1}" for row in fit.rows[which]])
            for name, colour, which in groups
            if which.any()
        ),
        layout=axes(f"predicted {fit.y}", "error, %" if is_share else "error"),
    )


def _held_out_chart(choice: Choice) -> Iterator[WebChart]:
    if not choice.held_out:
        return
    traces = []
    for k, cut in enumerate(choice.held_out):
        factors, errors = np.exp(cut.reaches), 100 * np.expm1(cut.errors)
        traces.append(points(factors, errors, f"from the {cut.n} smallest", f"c{k % 6}"))
    far = max(float(np.exp(cut.reaches).max()) for cut in choice.held_out)
    traces.append(line([1, far], [0, 0], "no error", "faint", line={"width": 1, "dash": "dot"}, hoverinfo="skip"))
    yield WebChart(
        name="hold-outs",
        title="Larger runs forecast from the smaller ones: error against how far beyond them",
        traces=tuple(traces),
        layout=axes("times the largest fitted run", "error, %", log_x=True),
    )
