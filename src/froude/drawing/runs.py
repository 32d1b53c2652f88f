"""The picture of a table of runs: the outcome against what varies, larger models darker."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from froude.answers.numbers import amount
from froude.drawing.axes import Panel
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS, MARKERS, log_colours
from froude.drawing.names import input_name
from froude.drawing.views import Points, View
from froude.errors import InputError
from froude.runs import Runs

_NAMED = 6  # sizes in the key, each with a marker of its own; of more only the ends are named


def panels_of_runs(runs: Runs, y: str = "loss", x: str | None = None) -> tuple[Panel, ...]:
    """The outcome `y` against the input `x`: by default compute where sizes and tokens both vary, else what varies.

    InputError where there is no such column, or nothing above 0 to draw the outcome over.
    """
    view = view_of_runs(runs, y, x)
    return (lambda axes, look: draw_view(axes, view, look),)


def view_of_runs(runs: Runs, y: str = "loss", x: str | None = None) -> View:
    """The runs as dots, those that diverged as crosses at the upper edge."""
    if not len(runs):
        raise InputError("a table without runs has no picture: give runs")
    if not runs.finite(y, ()).any():
        raise InputError(f"no run has a finite {y}: there is nothing to draw")
    x = _varying(runs) if x is None else x
    if runs[x].dtype.kind == "f":
        runs = runs.take(~runs.missing(y) & ~np.isnan(runs[x]))
    lost, places = runs.diverged(y), runs[x]
    if places.dtype.kind != "f" or not np.all(places > 0):
        raise InputError(f"{x} is not above 0 in every run: name another input to draw {y} over, as in x='C'")
    groups = [*_groups(runs, places, ~lost, y, x)]
    if lost.any():
        n = int(lost.sum())
        groups.append(Points(x=places[lost], y=np.full(n, np.nan), colours=(), kind="diverged", name="diverged"))
    outcomes = runs[y][~lost]
    log = y == "loss" and bool(outcomes.min() > 0)
    return View(points=tuple(groups), x_label=input_name(x), y_label=y, compute=x == "C", log_y=log)


def _varying(runs: Runs) -> str:
    varying = [role for role in ("N", "D", "C") if role in runs and np.ptp(runs[role]) > 0]
    if "C" in varying and {"N", "D"} <= {*varying}:
        return "C"
    if not varying:
        raise InputError(f"no input of the runs varies among N, D and C: name one of {', '.join(runs.columns)} as x")
    return varying[0]


def _groups(runs: Runs, places: np.ndarray, there: np.ndarray, y: str, x: str) -> Iterator[Points]:
    """The runs by size, where sizes are not what they are drawn over."""
    outcomes = runs[y]
    if x == "N" or "N" not in runs or np.ptp(runs["N"][there]) == 0:
        n = int(there.sum())
        yield Points(x=places[there], y=outcomes[there], colours=(COLOURS["n5"],) * n)
        return
    sizes = np.unique(runs["N"][there])
    shades = dict(zip(sizes, log_colours(sizes), strict=True))
    named = sizes if len(sizes) <= _NAMED else sizes[[0, -1]]
    for k, size in enumerate(sizes):
        mine = there & (runs["N"] == size)
        yield Points(
            x=places[mine], y=outcomes[mine], colours=(shades[size],) * int(mine.sum()),
            marker=MARKERS[k] if len(sizes) <= _NAMED else "o",
            name=f"N = {amount(float(size))}" if size in named else None,
        )  # fmt: skip
