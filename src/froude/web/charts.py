"""Pictures of a page as data: traces and axes for Plotly, colours by the names of the palette."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from froude.answers.answer import Answer

MOST_POINTS = 400
"""Points of a curve that a picture shows; a picture is not wider."""


@final
@dataclass(frozen=True, kw_only=True)
class WebChart:
    """A picture: its name in the page, what it shows in a sentence, its traces and its axes.

    Colours are names of the palette ("n4", "forecast"), which the page resolves for light and dark.
    """

    name: str
    title: str
    traces: tuple[Mapping[str, Any], ...]
    layout: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON for the script that draws it."""
        return {"name": self.name, "title": self.title, "data": list(self.traces), "layout": dict(self.layout)}


def numbers(values: Iterable[Any]) -> list[float | None]:
    """Numbers as JSON has them: None for what is not finite."""
    return [float(value) if np.isfinite(value) else None for value in np.asarray(list(values), float)]


def points(x: Any, y: Any, name: str, colour: str, **more: Any) -> dict[str, Any]:
    """Marks at (x, y)."""
    marker = {"color": colour, "size": 8, "line": {"color": "paper", "width": 1}, **more.pop("marker", {})}
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": numbers(x), "y": numbers(y), "marker": marker, **more
    }  # fmt: skip


def line(x: Any, y: Any, name: str, colour: str, **more: Any) -> dict[str, Any]:
    """A line through (x, y)."""
    style = {"color": colour, "width": 2, **more.pop("line", {})}
    return {"type": "scatter", "mode": "lines", "name": name, "x": numbers(x), "y": numbers(y), "line": style, **more}


def band(x: Any, lo: Any, hi: Any, name: str, colour: str) -> dict[str, Any]:
    """The area between two lines over x."""
    along = [*numbers(x), *reversed(numbers(x))]
    around = [*numbers(hi), *reversed(numbers(lo))]
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": along, "y": around, "fill": "toself",
        "fillcolor": f"{colour}/0.18", "line": {"width": 0}, "hoverinfo": "skip",
    }  # fmt: skip


def bars(labels: Sequence[str], values: Iterable[Any], name: str, colour: str, **more: Any) -> dict[str, Any]:
    """Bars to the right, one a label, the first on top."""
    return {
        "type": "bar", "orientation": "h", "name": name, "y": list(labels), "x": numbers(values),
        "marker": {"color": colour}, **more,
    }  # fmt: skip


def axes(x: str, y: str, *, log_x: bool = False, log_y: bool = False, **more: Any) -> dict[str, Any]:
    """A layout with titles and scales of both axes."""
    kinds = {True: "log", False: "linear"}
    return {
        "xaxis": {"title": {"text": x}, "type": kinds[log_x]},
        "yaxis": {"title": {"text": y}, "type": kinds[log_y]},
        **more,
    }


def thinned(x: np.ndarray, y: np.ndarray, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """A curve at no more points: those at evenly spread places, with the first and the last."""
    if len(x) <= most:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, most).round().astype(int))
    return x[kept], y[kept]


def share_charts(answer: Answer, colours: Sequence[str] = ("n6", "n4")) -> tuple[WebChart, ...]:
    """A picture of each table of an answer whose rows are parts of a whole, with the amounts that the table says."""
    found = [table for table in answer.tables if table.shares]
    layout = {"yaxis": {"autorange": "reversed", "automargin": True, "title": {"text": ""}}, "bargap": 0.4}
    return tuple(
        WebChart(
            name=f"parts-{k}",
            title=table.title,
            traces=(
                bars(
                    [row[0] for row in table.rows],
                    [100 * share for share in table.shares],
                    "share, %",
                    colours[k % len(colours)],
                    text=[row[1] for row in table.rows],
                    hovertemplate="%{y}: %{text}, %{x:.1f}%<extra></extra>",
                    textposition="none",
                ),
            ),
            layout={"xaxis": {"title": {"text": "share, %"}}, **layout},
        )
        for k, table in enumerate(found)
    )
