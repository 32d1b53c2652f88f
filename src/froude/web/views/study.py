"""A study, or several overlaid: its runs as a table that sorts and filters, and the curves of those that it shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.answers.answer import Answer
from froude.answers.runs import answer_of_runs
from froude.documents.document_error import DocumentError
from froude.errors import InputError, shown
from froude.runs import Runs, Study
from froude.runs.study.curve import curve_of
from froude.runs.study.documents import SETTINGS
from froude.runs.study.lines import read_json_lines
from froude.runs.study.run_file import without_kind
from froude.runs.study.writer import UNFINISHED
from froude.web.charts import WebChart, axes, numbers, points, thinned
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf
from froude.web.tables import OpenTables
from froude.web.work import SameElsewhere, command_of

PAGE_ROWS, MOST_PAGE_ROWS = 25, 100
MOST_CURVES = 60
AXES = ("step", "tokens", "seconds")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class RunsPage:
    """Some runs of a table: those of one page, of all that a condition leaves, in the order that was asked for.

    `order` are the positions of all of them in `runs`, of which `shown` are those of the page.
    """

    name: str
    runs: Runs
    order: np.ndarray
    shown: Runs
    page: int
    pages: int
    sort: str

    @cached_property
    def answer(self) -> Answer:
        """What is said of the runs that the page shows."""
        return answer_of_runs(self.shown)


def runs_page(tables: OpenTables, name: str, query: AddressQuery) -> RunsPage:
    """The runs of a table as a query asks: `where`, `sort` (a column, "-" before it for the largest first), `page`,
    `rows`. InputError for a column that is none, and for a condition that does not hold."""
    runs = tables.read(name)
    where, sort = query.one("where"), query.one("sort")
    some = runs.where(where) if where else runs
    if where and not len(some):
        raise InputError(f"where {shown(where, 80)} leaves none of {len(runs)} runs: loosen the condition")
    order = _order(some, sort)
    rows = query.whole("rows", PAGE_ROWS, MOST_PAGE_ROWS)
    pages = max(1, -(-len(order) // rows))
    page = min(query.whole("page", 1, 10**9), pages)
    part = order[(page - 1) * rows : page * rows]
    return RunsPage(name=name, runs=some, order=order, shown=some.take(part), page=page, pages=pages, sort=sort)


def _order(runs: Runs, sort: str) -> np.ndarray:
    """Positions of runs by a column, without a value last."""
    if not sort:
        return np.arange(len(runs))
    column = sort.removeprefix("-")
    if column not in runs.columns:
        raise InputError(f"sort={shown(sort, 60)} is no column: give one of {', '.join(runs.columns[:12])}")
    down = sort.startswith("-")
    series = runs.frame[column].fill_nan(None) if runs[column].dtype.kind == "f" else runs.frame[column]
    return series.arg_sort(descending=down, nulls_last=True).to_numpy()


def csv_of(page: RunsPage) -> Iterator[str]:
    """All runs that the condition leaves, as CSV, in the order of the page."""
    runs = page.runs.take(page.order)
    names = runs.columns
    columns = [runs[name].tolist() for name in names]
    for row in ([*names], *map(list, zip(*columns, strict=True))):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(["" if cell is None else cell for cell in row])
        yield text.getvalue()


def elsewhere(shelf: Shelf, query: AddressQuery) -> SameElsewhere:
    """The command and the Python that show these runs."""
    path, where = shelf.path(query.all("path")[0]), query.one("where")
    condition = f", where={where!r}" if where else ""
    return SameElsewhere(
        command=command_of("report", path),
        python=f"import froude\nruns = froude.read_runs({str(path)!r}{condition})",
    )


def is_study(path: Path) -> bool:
    """Whether a path is a study's folder."""
    return (path / SETTINGS).exists()


def curves_to_dict(tables: OpenTables, query: AddressQuery) -> dict[str, Any]:
    """The curves of the runs that a page shows and of those under way, at most MOST_CURVES, as JSON for their picture.

    Each has its name, whether it still runs, and by its axes ("step", "tokens", "seconds") and outcomes the values.
    """
    found: list[dict[str, Any]] = []
    for name in query.all("path"):
        path = tables.shelf.path(name)
        if not is_study(path):
            continue
        for id, state, steps in _curves_of(tables, name, path, query):
            label = f"{name}/{id}" if len(query.all("path")) > 1 else id
            found.append({"name": label, "state": state, **_curve_to_dict(steps)})
    return {"curves": found[:MOST_CURVES], "left_out": max(0, len(found) - MOST_CURVES)}


def _curves_of(
    tables: OpenTables, name: str, path: Path, query: AddressQuery
) -> Iterator[tuple[str, str, Sequence[dict[str, Any]]]]:
    study = Study.open(path)
    for file in sorted((path / "runs").glob(f"*.jsonl{UNFINISHED}"))[:MOST_CURVES]:
        try:
            lines = read_json_lines(file).objects
        except (OSError, DocumentError):  # finished or begun anew meanwhile
            continue
        yield (
            file.name.partition(".")[0],
            "running",
            [without_kind(each) for each in lines if each.get("kind") == "step"],
        )
    try:
        ids = runs_page(tables, name, query).shown
    except InputError:  # no run is finished yet, or the condition is wrong, which the table says
        return
    for id in ids["id"].tolist() if "id" in ids.columns else ():
        try:
            yield str(id), "finished", study.steps(str(id))
        except InputError:
            continue


def _curve_to_dict(steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    columns = curve_of(steps)
    length = len(next(iter(columns.values()), ()))
    x = {name: values for name, values in columns.items() if name in AXES}
    x = x or {"step": np.arange(1.0, length + 1)}
    y = {name: values for name, values in columns.items() if name not in AXES and "loss" in name}
    kept = thinned(np.arange(length), np.arange(length))[0]
    return {
        "x": {name: numbers(values[kept]) for name, values in x.items()},
        "y": {name: numbers(values[kept]) for name, values in y.items()},
    }


def scatter_of(pages: Sequence[RunsPage]) -> WebChart | None:
    """All runs of all pages, outcome against compute; None where a table has neither."""
    traces, x = [], None
    for k, page in enumerate(pages):
        runs = page.runs
        x = next((name for name in ("C", "N", "D") if name in runs.columns), None)
        if x is None or "loss" not in runs.columns:
            return None
        kept = np.flatnonzero(np.isfinite(runs[x]) & np.isfinite(runs["loss"]))
        kept = kept if len(kept) < 2000 else kept[np.linspace(0, len(kept) - 1, 2000).round().astype(int)]
        label = page.name if len(pages) > 1 else "runs"
        text = [f"row {row}" for row in runs.rows[kept]]
        colour = "n5" if len(pages) == 1 else f"c{k % 6}"
        traces.append(points(runs[x][kept], runs["loss"][kept], label, colour, text=text))
    if not traces:
        return None
    return WebChart(
        name="runs",
        title=f"Loss against {x} of the finished runs",
        traces=tuple(traces),
        layout=axes(str(x), "loss", log_x=True),
    )
