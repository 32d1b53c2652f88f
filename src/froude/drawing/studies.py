"""What each picture of a study shows: points, lines and marks for `charts.draw_view`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from froude.answers.studies import StudyRecord
from froude.answers.studies.sentences import PARTS
from froude.answers.studies.values import (
    baselines,
    drawn_trunks,
    flops_per_token,
    frontier,
    law_band,
    law_value,
    trunk_names,
)
from froude.drawing.charts import chart, forecast_label, measured_label, number_line, part_bars
from froude.drawing.colours import COLOURS, size_colours
from froude.drawing.views import Line, Mark, Points, Role, View
from froude.fitting import Fit
from froude.quantity import format_quantity
from froude.runs import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[int], "Figure"]

_STEPS = 60  # of a drawn law
_BINS_A_DECADE = 32  # of a training curve, whose every step is a batch of noise
_CURVE_STARTS = 64  # a curve is drawn from this share of the longest run: before it, all fall steeply
_SAME_LENGTH = 1.15  # a gap in tokens below this factor parts no lengths
_LENGTHS = 5  # lines of equal length drawn, at most


def curves_view(record: StudyRecord) -> View:
    """Training loss against tokens, each trunk once and its branches from where they leave it."""
    runs, colours = record.pilots, size_colours(record.pilots["N"])
    start = max(table["D"].max() for table in (runs, record.targets) if len(table)) / _CURVE_STARTS
    targets = record.targets["N"].tolist() if len(record.targets) else [record.target.N] if record.target else []
    black = dict.fromkeys(targets, COLOURS["ink"])
    lines = [*_curves(record, runs, colours, start), *_curves(record, record.targets, black, start)]
    ramp = [*colours.values(), *black.values()]
    return View(
        points=(_points(record, "D"),),
        lines=tuple(sorted(lines, key=lambda line: ramp.index(line.colour))),
        marks=_measured_marks(record, "D", label=False),
        x_label=f"{record.unit}s trained on",
        y_label=_loss_label(record),
        column="parameters",
    )


def tokens_view(record: StudyRecord) -> View:
    """Loss against tokens, a line a size, the law from its shortest run out to the target's tokens."""
    runs, colours = record.fitted, size_colours(record.pilots["N"])
    flops = flops_per_token(record)
    first, last = runs["D"].min(), _reach(record, "D")
    lines: list[Line] = []
    for size, colour in colours.items():
        mine = runs.take(runs["N"] == size)
        label = f"{format_quantity(size)} parameters"
        for stretch, role, is_last in _stretches(mine, "D", last):
            if record.fit:
                loss = law_value(record.fit, size, stretch, flops(size) * stretch)
                lines.append(_labelled(stretch, loss, role, colour, label if is_last else None))
        lines += _joined(record, mine, "D", colour, label)
    if record.fit and (at := record.target):
        D = np.geomspace(first, at.D, _STEPS)
        path = _path(record.fit, D, at.N, D, flops(at.N) * D)
        lines.append(replace(path, label=f"{format_quantity(at.N)} parameters"))
    return View(
        points=(_points(record, "D"),), lines=tuple(lines), marks=_marks(record, "D"),
        x_label=f"{record.unit}s trained on", y_label=_loss_label(record),
    )  # fmt: skip


def parameters_view(record: StudyRecord) -> View:
    """Loss against parameters, a line a length, the law from its smallest run out to the target's size."""
    runs = record.fitted
    flops = flops_per_token(record)
    first, last = runs["N"].min(), _reach(record, "N")
    lines: list[Line] = []
    for length, mine in _lengths(runs):
        label = f"{format_quantity(length, 2)} {record.unit}s"
        for stretch, role, is_last in _stretches(mine, "N", last):
            if record.fit:
                loss = law_value(record.fit, stretch, length, flops(stretch) * length)
                lines.append(_labelled(stretch, loss, role, COLOURS["soft"], label if is_last else None))
        lines += _joined(record, mine, "N", COLOURS["soft"], label)
    if record.fit and (at := record.target):
        N = np.geomspace(first, at.N, _STEPS)
        lines.append(_path(record.fit, N, N, at.D, flops(N) * at.D))
    return View(
        points=(_points(record, "N"),), lines=tuple(lines), marks=_marks(record, "N"),
        x_label="parameters N, embeddings not counted", y_label=_loss_label(record),
    )  # fmt: skip


def frontier_view(record: StudyRecord) -> View:
    """Loss against compute: the law's line of each size, and under them the lowest loss at each compute."""
    runs, flops = record.fitted, flops_per_token(record)
    target, sizes = record.target, size_colours(record.pilots["N"])
    if target:
        sizes = {**sizes, target.N: COLOURS["forecast"]}
    lines: list[Line] = []
    if record.fit:
        for size, colour in sizes.items():
            D = np.geomspace(runs["D"].min() / 2, _reach(record, "D"), _STEPS)
            C = flops(size) * D
            label = None if target and size == target.N else format_quantity(size)
            lines.append(Line(x=C, y=law_value(record.fit, size, D, C), role="law", colour=colour, label=label))
        C = np.geomspace(runs["C"].min(), _reach(record, "C"), _STEPS)
        lines.insert(0, Line(x=C, y=frontier(record, record.fit, C)[0], role="frontier", colour=COLOURS["ink"]))
    return View(
        points=(_points(record, "C"),), lines=tuple(lines), marks=_marks(record, "C"),
        x_label="training FLOPs", y_label=_loss_label(record), compute=True,
        column="parameters" if lines else None,
    )  # fmt: skip


def further_view(record: StudyRecord, forecast: Mapping[str, Any]) -> View:
    """Loss against compute, from the pilots over the target to the forecasts far beyond it."""
    further = forecast["further"]
    nodes = [(forecast["at"]["C"], forecast["predicted"], forecast["interval"])]
    nodes += [(step["C"], step["mean"], step["interval"]) for step in further]
    C, mean, ends = (np.array(values, dtype=float) for values in zip(*nodes, strict=True))
    path = Line(x=C, y=mean, lo=ends[:, 0], hi=ends[:, 1], role="path", colour=COLOURS["forecast"])
    steps = tuple(
        Mark(
            x=step["C"], y=step["mean"], lo=step["interval"][0], hi=step["interval"][1],
            role="forecast", label=f"{step['factor']:g}×", side="above",
        )
        for step in further
    )  # fmt: skip
    before = tuple(replace(mark, side="left") for mark in _marks(record, "C"))
    return View(
        points=(_points(record, "C"),), lines=(path,), marks=before + steps,
        x_label="training FLOPs", y_label=_loss_label(record), compute=True,
    )  # fmt: skip


def residuals_view(record: StudyRecord, fit: Fit) -> View:
    """How far, in percent, each measured loss lies from the law, against compute."""
    runs = record.fitted
    off = 100 * (runs["loss"] / law_value(fit, runs["N"], runs["D"], runs["C"]) - 1)
    zero = Line(
        x=runs["C"][[runs["C"].argmin(), runs["C"].argmax()]],
        y=np.zeros(2),
        role="level",
        colour=COLOURS["soft"],
    )
    return View(
        points=(Points(x=runs["C"], y=off, colours=_colours(record)),), lines=(zero,),
        x_label="training FLOPs", y_label="measured less law, %", compute=True,
    )  # fmt: skip


def drawings(record: StudyRecord) -> dict[str, Draw]:
    """What draws each picture of a study's answer at a width in CSS pixels, by the picture's name."""
    views: dict[str, Callable[[], View]] = {
        "curves": lambda: curves_view(record),
        "tokens": lambda: tokens_view(record),
        "parameters": lambda: parameters_view(record),
        "frontier": lambda: frontier_view(record),
    }
    draw: dict[str, Draw] = {}
    if fit := record.fit:
        views["residuals"] = lambda: residuals_view(record, fit)
    if forecast := record.forecast:
        views["further"] = lambda: further_view(record, forecast)
        draw["parts"] = lambda width: part_bars(_parts(forecast), width)
        draw["headline"] = lambda width: _headline(record, width)
    return draw | {name: _chart(view) for name, view in views.items()}


def _chart(view: Callable[[], View]) -> Draw:
    return lambda width: chart(view(), width)


def _headline(record: StudyRecord, width: int) -> Figure:
    """The forecast and what was measured on one axis, with forecasts without a law."""
    others = baselines(record, record.target) if record.target else {}
    return number_line(_marks(record, "C"), others, _loss_label(record), width)


def _parts(forecast: Mapping[str, Any]) -> dict[str, float]:
    """The parts of an interval by their titles, and what they come to together."""
    parts = {title: forecast["parts"].get(part, 0.0) for part, title in PARTS.items()}
    return {**parts, "together": math.hypot(*parts.values())}


def _points(record: StudyRecord, x: str) -> Points:
    runs = record.fitted
    return Points(x=runs[x], y=runs["loss"], colours=_colours(record))


def _colours(record: StudyRecord) -> tuple[str, ...]:
    """The colour of each fitted pilot's size, of the ramp over the sizes of all pilots."""
    ramp = size_colours(record.pilots["N"])
    return tuple(ramp[float(n)] for n in record.fitted["N"])


def _loss_label(record: StudyRecord) -> str:
    return f"loss ({record.loss_unit})" if record.loss_unit else "loss"


def _reach(record: StudyRecord, x: str) -> float:
    """The largest N, D or C of the pilots and the target."""
    largest = float(record.fitted[x].max())
    return max(largest, getattr(record.target, x)) if record.target else largest


def _path(fit: Fit, x: np.ndarray, N: Any, D: Any, C: Any) -> Line:
    lo, hi = law_band(fit, N, D, C)
    return Line(x=x, y=law_value(fit, N, D, C), lo=lo, hi=hi, role="path", colour=COLOURS["forecast"])


def _marks(record: StudyRecord, x: str) -> tuple[Mark, ...]:
    return _forecast_marks(record, x) + _measured_marks(record, x)


def _forecast_marks(record: StudyRecord, x: str) -> tuple[Mark, ...]:
    if record.forecast is None or record.target is None:
        return ()
    mean, (lo, hi) = record.forecast["predicted"], record.forecast["interval"]
    place = getattr(record.target, x)
    return (Mark(x=place, y=mean, lo=lo, hi=hi, role="forecast", label=forecast_label(mean)),)


def _measured_marks(record: StudyRecord, x: str, label: bool = True) -> tuple[Mark, ...]:
    loss = record.measured_loss
    if record.target is None or loss is None:
        return ()
    text = measured_label(loss) if label else ""
    return (Mark(x=getattr(record.target, x), y=loss, lo=loss, hi=loss, role="measured", label=text),)


def _curves(record: StudyRecord, runs: Runs, colours: Mapping[float, str], start: float) -> Iterator[Line]:
    trunks = trunk_names(runs)
    named: set[float] = set()
    longest_first = np.argsort(-runs["D"], kind="stable")
    for trunk in drawn_trunks(runs):
        whole = np.zeros((0, 2))
        for i in longest_first[trunks[longest_first] == trunk]:
            curve = record.curves[str(runs["id"][i])]
            if not {"tokens", "loss"} <= curve.keys():
                continue
            steps = np.stack([curve["tokens"], curve["loss"]], axis=1)
            own = steps[_shared(steps, whole) :]
            # A diverging loss leaves the picture where it passes what it began with, and squeezes no other.
            x, y = _binned(own[(own[:, 0] >= start) & (own[:, 1] <= steps[0, 1])])
            if not len(x):
                continue
            size = float(runs["N"][i])
            label = None if size in named else format_quantity(size)
            named.add(size)
            yield Line(x=x, y=y, role="curve", colour=colours[size], label=label)
            whole = whole if len(whole) else steps


def _shared(steps: np.ndarray, whole: np.ndarray) -> int:
    """How many first steps are the trunk's own, less one, so that a branch is drawn from where it leaves."""
    n = min(len(steps), len(whole))
    differs = np.flatnonzero((steps[:n] != whole[:n]).any(axis=1))
    return max(0, int(differs[0]) - 1) if len(differs) else max(0, n - 1)


def _binned(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of (steps, 2) tokens and loss over equal stretches of log tokens, without what is not finite."""
    steps = steps[np.isfinite(steps).all(axis=1)]
    bins = np.floor(np.log10(np.maximum(steps[:, 0], 1)) * _BINS_A_DECADE)
    _, which = np.unique(bins, return_inverse=True)
    counts = np.maximum(np.bincount(which), 1)
    tokens, loss = (np.bincount(which, weights=column) / counts for column in steps.T)
    return tokens, loss


def _stretches(runs: Runs, x: str, last: float) -> Iterator[tuple[np.ndarray, Role, bool]]:
    """The law's line in two: from the first of these runs to the last, and beyond; with whether it ends there."""
    if not len(runs):
        return
    first, reach = runs[x].min(), runs[x].max()
    beyond = reach < last * 0.999
    yield np.geomspace(first, reach, _STEPS), "law", not beyond
    if beyond:
        yield np.geomspace(reach, last, _STEPS), "beyond", True


def _labelled(x: np.ndarray, y: np.ndarray, role: Role, colour: str, label: str | None) -> Line:
    """A line with its label, of which a phone shows the number."""
    return Line(x=x, y=y, role=role, colour=colour, label=label, short=label and label.split()[0])


def _joined(record: StudyRecord, runs: Runs, x: str, colour: str, label: str) -> list[Line]:
    """Before there is a law: a line through the mean loss at each x."""
    if record.fit or not len(runs):
        return []
    places, which = np.unique(runs[x], return_inverse=True)
    means = np.bincount(which, weights=runs["loss"]) / np.bincount(which)
    return [_labelled(places, means, "law", colour, label)]


def _lengths(runs: Runs) -> list[tuple[float, Runs]]:
    """Groups of runs of about equal tokens and several sizes, with the geometric mean of their tokens."""
    ordered, which = np.unique(runs["D"], return_inverse=True)
    group = np.cumsum([False, *(ordered[1:] >= _SAME_LENGTH * ordered[:-1])])[which]
    groups = [runs.take(group == k) for k in np.unique(group)]
    several = [g for g in groups if len(np.unique(g["N"])) > 1]
    fullest = sorted(several, key=len)[-_LENGTHS:]
    return [(float(np.exp(np.log(g["D"]).mean())), g) for g in several if any(g is f for f in fullest)]
