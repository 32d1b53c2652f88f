"""What each picture shows, taken from the story: points, lines and marks for `figures.chart`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from froude.fitting import Fit
from froude.quantity import format_quantity
from froude.reporting.charts import Line, Mark, Points, View, forecast_label, measured_label
from froude.reporting.study.story import Place, Story, flops_a_token, frontier, law_band, law_value
from froude.reporting.style import COLOURS, size_colours
from froude.runs import Runs

_STEPS = 60  # of a drawn law
_BINS_A_DECADE = 32  # of a training curve, whose every step is a batch of noise
_CURVE_STARTS = 64  # a curve is drawn from this share of the longest run: before it, all fall steeply
_SAME_LENGTH = 1.15  # a gap in tokens below this factor parts no lengths
_LENGTHS = 5  # lines of equal length drawn, at most


def curves_view(story: Story) -> View:
    """Training loss against tokens, each trunk once and its branches from where they leave it."""
    runs, colours = story.pilots, size_colours(story.pilots["N"])
    start = max(table["D"].max() for table in (runs, story.targets) if len(table)) / _CURVE_STARTS
    black = {at.N: COLOURS["ink"] for at in story.place}
    lines = [*_curves(story, runs, colours, start), *_curves(story, story.targets, black, start)]
    return View(
        points=_points(story, "D"),
        lines=tuple(lines),
        marks=_measured_marks(story, "D", label=False),
        x_label=f"{story.unit}s trained on",
        y_label=_loss_label(story),
    )


def tokens_view(story: Story) -> View:
    """Loss against tokens, a line a size, the law from the shortest run out to the target's tokens."""
    runs, colours = story.fitted, size_colours(story.pilots["N"])
    flops, _ = flops_a_token(story)
    first, last = runs["D"].min(), max([runs["D"].max(), *(at.D for at in story.place)])
    lines: list[Line] = []
    for size, colour in colours.items():
        mine = runs.take(runs["N"] == size)
        for stretch, role, label in _stretches(mine, "D", first, last, format_quantity(size)):
            lines += [
                Line(
                    x=stretch,
                    y=law_value(fit, size, stretch, flops(size) * stretch),
                    role=role,
                    colour=colour,
                    label=label,
                )
                for fit in story.fits
            ]
        lines += _joined(story, mine, "D", colour, format_quantity(size))
    for at, fit in _both(story):
        D = np.geomspace(first, at.D, _STEPS)
        lines.append(_path(fit, D, at.N, D, flops(at.N) * D))
    return View(
        points=_points(story, "D"), lines=tuple(lines), marks=_marks(story, "D"),
        x_label=f"{story.unit}s trained on", y_label=_loss_label(story),
    )  # fmt: skip


def parameters_view(story: Story) -> View:
    """Loss against parameters, a line a length, the law from the smallest pilot out to the target's size."""
    runs = story.fitted
    flops, _ = flops_a_token(story)
    first, last = runs["N"].min(), max([runs["N"].max(), *(at.N for at in story.place)])
    lines: list[Line] = []
    for length, mine in _lengths(runs):
        label = format_quantity(length, 2)
        for stretch, role, name in _stretches(mine, "N", first, last, label):
            lines += [
                Line(
                    x=stretch, y=law_value(fit, stretch, length, flops(stretch) * length), role=role,
                    colour=COLOURS["soft"], label=name,
                )
                for fit in story.fits
            ]  # fmt: skip
        lines += _joined(story, mine, "N", COLOURS["soft"], label)
    for at, fit in _both(story):
        N = np.geomspace(first, at.N, _STEPS)
        lines.append(_path(fit, N, N, at.D, flops(N) * at.D))
    return View(
        points=_points(story, "N"), lines=tuple(lines), marks=_marks(story, "N"),
        x_label="parameters, embedding not counted", y_label=_loss_label(story),
    )  # fmt: skip


def frontier_view(story: Story) -> View:
    """Loss against compute: the law's line of each size, and under them the lowest loss at each compute."""
    runs, (flops, _) = story.fitted, flops_a_token(story)
    places = story.place
    sizes = {**size_colours(story.pilots["N"]), **{at.N: COLOURS["forecast"] for at in places}}
    last = max([runs["D"].max(), *(at.D for at in places)])
    lines: list[Line] = []
    for fit in story.fits:
        for size, colour in sizes.items():
            D = np.geomspace(runs["D"].min() / 2, last, _STEPS)
            C = flops(size) * D
            label = "" if places and size == places[0].N else format_quantity(size)
            lines.append(Line(x=C, y=law_value(fit, size, D, C), role="law", colour=colour, label=label))
        C = np.geomspace(runs["C"].min(), max([runs["C"].max(), *(at.C for at in places)]), _STEPS)
        lines.insert(0, Line(x=C, y=frontier(story, fit, C)[0], role="frontier", colour=COLOURS["ink"]))
    return View(
        points=_points(story, "C"), lines=tuple(lines), marks=_marks(story, "C"),
        x_label="training FLOPs", y_label=_loss_label(story), compute=True,
    )  # fmt: skip


def further_view(story: Story) -> View:
    """Loss against compute, from the pilots over the target to the forecasts far beyond it."""
    further = story.forecast["further"]
    nodes = [(story.forecast["at"]["C"], story.forecast["predicted"], story.forecast["interval"])]
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
    before = tuple(replace(mark, side="left") for mark in _marks(story, "C"))
    return View(
        points=_points(story, "C"), lines=(path,), marks=before + steps,
        x_label="training FLOPs", y_label=_loss_label(story), compute=True,
    )  # fmt: skip


def residuals_view(story: Story, fit: Fit) -> View:
    """How far, in percent, each measured loss lies from the law, against compute."""
    runs = story.fitted
    off = 100 * (runs["loss"] / law_value(fit, runs["N"], runs["D"], runs["C"]) - 1)
    zero = Line(
        x=runs["C"][[runs["C"].argmin(), runs["C"].argmax()]],
        y=np.zeros(2),
        role="level",
        colour=COLOURS["soft"],
    )
    return View(
        points=Points(x=runs["C"], y=off, colours=_colours(story)), lines=(zero,),
        x_label="training FLOPs", y_label="measured less law, %", compute=True,
    )  # fmt: skip


def target_marks(story: Story) -> tuple[Mark, ...]:
    """Forecast and measured loss of the target, as far as there are any; x is its compute."""
    return _marks(story, "C")


def _points(story: Story, x: str) -> Points:
    runs = story.fitted
    return Points(x=runs[x], y=runs["loss"], colours=_colours(story))


def _colours(story: Story) -> tuple[str, ...]:
    """The colour of each fitted pilot's size, of the ramp over the sizes of all pilots."""
    ramp = size_colours(story.pilots["N"])
    return tuple(ramp[float(n)] for n in story.fitted["N"])


def _loss_label(story: Story) -> str:
    return f"loss, nats per {story.unit}"


def _both(story: Story) -> Iterator[tuple[Place, Fit]]:
    """The target and the fit, where there are both."""
    return zip(story.place, story.fits, strict=False)


def _path(fit: Fit, x: np.ndarray, N: Any, D: Any, C: Any) -> Line:
    lo, hi = law_band(fit, N, D, C)
    return Line(x=x, y=law_value(fit, N, D, C), lo=lo, hi=hi, role="path", colour=COLOURS["forecast"])


def _marks(story: Story, x: str) -> tuple[Mark, ...]:
    return _forecast_marks(story, x) + _measured_marks(story, x)


def _forecast_marks(story: Story, x: str) -> tuple[Mark, ...]:
    if not story.forecast:
        return ()
    mean, (lo, hi) = story.forecast["predicted"], story.forecast["interval"]
    place = getattr(story.place[0], x)
    return (Mark(x=place, y=mean, lo=lo, hi=hi, role="forecast", label=forecast_label(mean)),)


def _measured_marks(story: Story, x: str, label: bool = True) -> tuple[Mark, ...]:
    return tuple(
        Mark(
            x=getattr(at, x),
            y=loss,
            lo=loss,
            hi=loss,
            role="measured",
            label=measured_label(loss) if label else "",
        )
        for at, loss in zip(story.place, story.measured, strict=False)
        if np.isfinite(loss)
    )


def _curves(story: Story, runs: Runs, colours: Mapping[float, str], start: float) -> Iterator[Line]:
    trunks = runs["trunk"] if "trunk" in runs else runs["id"]
    named: set[float] = set()
    longest_first = np.argsort(-runs["D"], kind="stable")
    for trunk in dict.fromkeys(trunks[longest_first]):
        whole = np.zeros((0, 2))
        for i in longest_first[trunks[longest_first] == trunk]:
            curve = story.curves[str(runs["id"][i])]
            if not {"tokens", "loss"} <= curve.keys():
                continue
            steps = np.stack([curve["tokens"], curve["loss"]], axis=1)
            own = steps[_shared(steps, whole) :]
            # A diverging loss leaves the picture where it passes what it began with, and squeezes no other.
            x, y = _binned(own[(own[:, 0] >= start) & (own[:, 1] <= steps[0, 1])])
            if not len(x):
                continue
            size = float(runs["N"][i])
            label = "" if size in named else format_quantity(size)
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


def _stretches(runs: Runs, x: str, first: float, last: float, label: str) -> Iterator[tuple[np.ndarray, Any, str]]:
    """The law's line in two: as far as these runs reach, and beyond, where the label stands."""
    if not len(runs):
        return
    reach = runs[x].max()
    beyond = reach < last * 0.999
    yield np.geomspace(first, reach, _STEPS), "law", "" if beyond else label
    if beyond:
        yield np.geomspace(reach, last, _STEPS), "beyond", label


def _joined(story: Story, runs: Runs, x: str, colour: str, label: str) -> list[Line]:
    """Before there is a law: a line through the mean loss at each x."""
    if story.fits or not len(runs):
        return []
    places, which = np.unique(runs[x], return_inverse=True)
    means = np.bincount(which, weights=runs["loss"]) / np.bincount(which)
    return [Line(x=places, y=means, role="law", colour=colour, label=label)]


def _lengths(runs: Runs) -> list[tuple[float, Runs]]:
    """Groups of runs of about equal tokens and several sizes, with the geometric mean of their tokens."""
    ordered, which = np.unique(runs["D"], return_inverse=True)
    group = np.cumsum([False, *(ordered[1:] >= _SAME_LENGTH * ordered[:-1])])[which]
    groups = [runs.take(group == k) for k in np.unique(group)]
    several = [g for g in groups if len(np.unique(g["N"])) > 1]
    fullest = sorted(several, key=len)[-_LENGTHS:]
    return [(float(np.exp(np.log(g["D"]).mean())), g) for g in several if any(g is f for f in fullest)]
