"""Pages that look something up: what lies in the folder, forecasts on record, what papers claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.answers.answer import Answer, Table
from froude.answers.atlas import answer_of_hits, answer_of_one_record
from froude.answers.numbers import count
from froude.answers.registrations import answer_of_registrations
from froude.atlas import atlas_record, search_atlas
from froude.errors import InputError
from froude.fitting.registering.registration import Registration, read_registration
from froude.quantity import format_bytes
from froude.web.charts import WebChart, axes, points
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf
from froude.web.work import SameElsewhere, command_of

MOST_HITS = 20


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ShownAnswer:
    """An answer that is looked up and not computed, with its pictures and how the same is had elsewhere."""

    answer: Answer
    elsewhere: SameElsewhere
    charts: tuple[WebChart, ...] = ()
    found: Any = None


def folder_page(shelf: Shelf) -> ShownAnswer:
    """What lies in the folder."""
    items = shelf.items()
    rows = tuple((item.name, item.kind, _size(item.finished, item.running, item.size_bytes)) for item in items)
    answer = Answer(
        headline=f"{count(len(items), 'study, table, fit or forecast', 'studies, tables, fits and forecasts')} here",
        tables=(Table(title="", columns=("name", "kind", "size"), rows=rows, left=(0, 1)),) if rows else (),
        data={
            "items": [
                {
                    "name": item.name,
                    "kind": item.kind,
                    "bytes": item.size_bytes,
                    "finished": item.finished,
                    "running": item.running,
                }
                for item in items
            ]
        },
    )
    where = str(shelf.root / shelf.only if shelf.only else shelf.root)
    python = f"import froude\nfroude.serve_pages({where!r})"
    return ShownAnswer(
        answer=answer, found=items, elsewhere=SameElsewhere(command=command_of("ui", where), python=python)
    )


def _size(finished: int | None, running: int | None, size_bytes: int) -> str:
    if finished is None:
        return format_bytes(size_bytes)
    return count(finished, "run") + (f", {running} under way" if running else "")


def forecasts_page(shelf: Shelf) -> ShownAnswer:
    """Forecasts on record in the folder, with what came of each."""
    paths = [shelf.path(name) for name in shelf.names("forecast")]
    there = sorted((read_registration(path) for path in paths), key=lambda each: each.forecast.written)
    folder = str(paths[0].parent if paths else shelf.root)
    return ShownAnswer(
        answer=answer_of_registrations(there) if there else Answer(headline="No forecast is on record here yet"),
        charts=_forecast_charts(there),
        found=there,
        elsewhere=SameElsewhere(
            command=command_of("register", "list", folder),
            python=f"import froude\nforecasts = froude.registered_forecasts({folder!r})",
        ),
    )


def _forecast_charts(there: Sequence[Registration]) -> tuple[WebChart, ...]:
    """Each forecast with its interval over what it said, and what was measured."""
    if not there:
        return ()
    value = np.array([each.forecast.predicted for each in there])
    ends = np.array([each.forecast.interval for each in there], float)
    names = [Path(each.path).stem for each in there]
    order = list(range(1, len(there) + 1))
    error = {
        "type": "data", "symmetric": False, "array": (100 * (ends[:, 1] / value - 1)).tolist(),
        "arrayminus": (100 * (1 - ends[:, 0] / value)).tolist(), "thickness": 2, "width": 6,
    }  # fmt: skip
    traces = [points(order, np.zeros(len(there)), "forecast and its interval", "forecast", error_y=error, text=names)]
    scored = [k for k, each in enumerate(there) if each.measured is not None]
    if scored:
        off = [100 * (float(there[k].measured or 0) / value[k] - 1) for k in scored]
        marker = {"symbol": "diamond", "size": 11}
        text = [names[k] for k in scored]
        traces.append(points([order[k] for k in scored], off, "measured", "ink", marker=marker, text=text))
    layout = axes("", "measured over forecast, %")
    layout["xaxis"] |= {"tickvals": order, "ticktext": names, "range": [0.3, len(there) + 0.7]}
    return (
        WebChart(
            name="forecasts",
            title="Forecasts with their intervals, and what came out, against what was said",
            traces=tuple(traces),
            layout=layout,
        ),
    )


def atlas_page(query: AddressQuery) -> ShownAnswer:
    """Claims of papers that a text finds, or one record whole. InputError for no such record."""
    record, text = query.one("record"), query.one("text")
    if record:
        return ShownAnswer(
            answer=answer_of_one_record(atlas_record(record)),
            elsewhere=SameElsewhere(
                command=command_of("atlas", "show", record),
                python=f"import froude\nrecord = froude.atlas_record({record!r})",
            ),
        )
    hits = search_atlas(text, limit=MOST_HITS)
    return ShownAnswer(
        answer=answer_of_hits(hits),
        found=hits,
        elsewhere=SameElsewhere(
            command=command_of("atlas", "search", text, "--limit", MOST_HITS),
            python=f"import froude\nhits = froude.search_atlas({text!r}, limit={MOST_HITS})",
        ),
    )


def need(query: AddressQuery, name: str, remedy: str) -> None:
    """InputError where a name is not given."""
    if not query.one(name):
        raise InputError(f"no {name} is given: {remedy}")
