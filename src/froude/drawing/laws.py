"""A picture of every law: its value over the range that was measured, a line for each of a few values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

import numpy as np

from froude.answers.law_texts import constants_text, variants
from froude.answers.numbers import amount
from froude.drawing.axes import Look, Panel
from froude.drawing.charts import draw_view, figure_of_view
from froude.drawing.colours import COLOURS, ramp_colour, size_colours
from froude.drawing.names import input_name, outcome_name
from froude.drawing.views import Line, Points, View
from froude.errors import InputError
from froude.fitting import PublishedFit
from froude.fitting.curves.points import ALONG
from froude.fitting.curves.schedules import Schedule
from froude.laws import Law

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT, _LEFT = 430, 264, 34  # CSS pixels
_PLACES = 121
_LINES = 3
_STEPS, _WARMUP = 24_000, 2160
_SCHEDULES: Mapping[str, Mapping[str, Any]] = {
    "constant": {},
    "cosine": {"decay": _STEPS - _WARMUP, "shape": "cosine"},
    "late decay": {"decay": _STEPS // 6},
}
_LOG_FROM = 6.0  # outcomes that differ by a larger factor are drawn on a logarithmic axis

# The smallest outcome, of which random starts of parameters are shares.
_LEVEL = {"nats/token": 2.0, "unit of the measured outcome": 2.0, "learning rate": 1e-3}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LawCurve:
    """A law's values y (n,) at some value of what its label says, under these constants."""

    label: str
    y: np.ndarray
    constants: Mapping[str, float]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """What a picture of a law shows: values of its input x (n,), `curves` over them, and where the rest stands.

    `name` is that of the published constants, None where none are published; `at` are the values of further inputs.
    `along` says of what trainings the curves are, for a law along a learning-rate schedule, whose x are steps.
    """

    law: Law
    name: str | None
    x: np.ndarray
    curves: tuple[LawCurve, ...]
    at: Mapping[str, float]
    along: str | None = None

    @property
    def caption(self) -> str:
        """Under which constants it is drawn, so that anyone can draw it again, and what its dots are."""
        return " ".join(filter(None, [self._constants(), *self._measured()]))

    def _measured(self) -> Iterator[str]:
        """What the dots are, and what to doubt of the constants that they may lie off."""
        if found := law_points().get(self.law.name):
            n = sum(len(group["x"]) for group in found["groups"])
            yield f"Dots: {n} {found['what']}, as measured ({found['table']}, {found['licence']})."
            if doubt := self.law.trust.get(self.name or ""):
                yield f"{doubt[0].upper()}{doubt[1:]}."

    def _constants(self) -> str:
        fixed = "".join(f", at {x} = {amount(value, self.law.input_units[x])}" for x, value in self.at.items())
        if self.name:
            return (
                f"Drawn under {self.name}: {constants_text(self.curves[0].constants.items())}{fixed}{self.along or ''}."
            )
        sets = [curve.constants for curve in self.curves]
        values = [f"{p} = " + " / ".join(dict.fromkeys(f"{each[p]:g}" for each in sets)) for p in self.law.parameters]
        return f"Drawn with {', '.join(values)}{fixed}: values from which a fit might start."


def drawing(law: Law, constants: str | None = None) -> Drawing:
    """What to draw of a law: over its first input, a line for each of a few values of the second.

    It is drawn under the published `constants` that are named, by default the first. Where there are none, under
    parameters in the middle of the random starts of a fit to its domain, and where it has one input only, for a few
    values of one of them. A law along a schedule is drawn over the steps of trainings under a few schedules.
    """
    if is_of_curves(law):
        return _along_schedules(law)
    variant = _best_known(law) if constants is None else law
    first, *others = variant.inputs
    x = np.geomspace(*variant.domain[first], _PLACES)
    name = constants or next(iter(variant.published), None)
    if name is None and not others:
        return Drawing(law=variant, name=None, x=x, curves=_by_parameter(variant, x), at={})
    values = _amid(variant, {}) if name is None else dict(variant.published[name])
    at = {other: _rounded(np.sqrt(np.prod(variant.domain[other])), variant, other) for other in others[1:]}
    places = [{other: value} for other in others[:1] for value in _few(variant, other)] or [{}]
    curves = tuple(
        LawCurve(
            label="".join(f"{other} = {amount(value, variant.input_units[other])}" for other, value in place.items()),
            y=variant(**{first: x}, **place, **at, **values),
            constants=values,
        )
        for place in places
    )
    return Drawing(law=variant, name=name, x=x, curves=curves, at=at)


def has_picture(law: Law) -> bool:
    """Whether a law can be drawn: over the range of its inputs, or along schedules under published constants."""
    return can_be_drawn(law) or (is_of_curves(law) and bool(law.published))


def can_be_drawn(law: Law) -> bool:
    """Whether a law is one of plain numbers, each with a range to draw it over, and not of a whole history."""
    return all(x in law.domain and mark.domain in ("positive", "count") for x, mark in law.marks.items())


def is_of_curves(law: Law) -> bool:
    """Whether a law speaks of a training's points, whose past learning rates are among its inputs."""
    return any(mark.domain == "history" for mark in law.marks.values())


def _along_schedules(law: Law) -> Drawing:
    steps = np.unique(np.round(np.geomspace(1.5 * _WARMUP, _STEPS, _PLACES)))
    name, constants = next(iter(law.published.items()))
    curves = []
    for label, options in _SCHEDULES.items():
        schedule = Schedule(peak=3e-4, steps=_STEPS, warmup=_WARMUP, final=3e-5, **options)
        rates = schedule.rates  # at every step, also before the first that is drawn
        inputs = {x: ALONG[x](rates, steps) for x in law.inputs}
        curves.append(LawCurve(label=label, y=law(**inputs, **constants), constants=constants))
    along = f", along trainings of {_STEPS:,} steps with {_WARMUP:,} of warm-up, from a rate of 3e-4 to 3e-5"
    return Drawing(law=law, name=name, x=steps, curves=tuple(curves), at={}, along=along)


def figure_of(shown: Drawing) -> Figure:
    """The picture as a figure of a document."""
    return figure_of_view(view_of_law(shown), _WIDTH, _HEIGHT, left=_LEFT)


def view_of_law(shown: Drawing) -> View:
    """The curves, the labels of lines at their right ends."""
    law = shown.law
    values = np.concatenate([curve.y for curve in shown.curves])
    shades = list(size_colours(np.arange(len(shown.curves))).values()) if len(shown.curves) > 1 else [COLOURS["n6"]]
    lines = [
        Line(x=shown.x, y=curve.y, role="path", colour=shade, label=curve.label or None)
        for curve, shade in zip(shown.curves, shades, strict=True)
    ]
    return View(
        points=(*_points_of(shown, shades),),
        lines=tuple(lines),
        x_label=input_name("S") if shown.along else input_name(law.inputs[0], law),
        y_label=outcome_name(law),
        compute=law.input_units.get(law.inputs[0]) == "FLOP",
        log_y=bool(values.min() > 0 and values.max() > _LOG_FROM * values.min()),
    )


@cache
def law_points() -> Mapping[str, Any]:
    """By law: published runs whose licence lets them be shown, as `benchmarks/law_points.py` wrote them."""
    text = resources.files("froude.drawing").joinpath("law_points.json").read_text("utf-8")
    return MappingProxyType(json.loads(text))


def _points_of(shown: Drawing, shades: Sequence[str]) -> Iterator[Points]:
    """Measured runs in the colours of the lines that they belong to, or between which they lie."""
    for group in law_points().get(shown.law.name, {}).get("groups", ()):
        n = len(group["x"])
        if "curve" in group:
            labels = [curve.label for curve in shown.curves]
            colours = (shades[labels.index(group["curve"])],) * n
        else:
            low, high = np.log(shown.law.domain[shown.law.inputs[1]])
            share = np.clip((np.log(group["by"]) - low) / (high - low), 0.0, 1.0)
            colours = tuple(ramp_colour(each) for each in share)
        yield Points(x=np.array(group["x"]), y=np.array(group["y"]), colours=colours, is_small=True)


def panels_of_law(law: Law) -> tuple[Panel, ...]:
    """The law over the range that its source measured, under its first published constants. InputError without one."""
    if not has_picture(law):
        raise InputError(f"{law.name} has no picture: it says of no range over which it was measured; plot a fit of it")
    shown = drawing(law)
    return (lambda axes, look: _draw_titled(axes, shown, look),)


def panels_of_published_fit(fit: PublishedFit) -> tuple[Panel, ...]:
    """The law under these constants over the range that its source measured. InputError without one."""
    if not can_be_drawn(fit.law):
        raise InputError(f"{fit.name} has no picture: it says of no range over which it was measured")
    shown = drawing(fit.law, fit.constants)
    return (lambda axes, look: _draw_titled(axes, shown, look),)


def _draw_titled(axes: Axes, shown: Drawing, look: Look) -> Axes:
    """The curves, and above them under which constants they are drawn."""
    draw_view(axes, view_of_law(shown), look)
    fixed = "".join(f", {x} = {amount(value, shown.law.input_units[x])}" for x, value in shown.at.items())
    constants = f"constants of {shown.name}" if shown.name else "constants from which a fit might start"
    axes.set_title(f"{shown.law.name}, {constants}{fixed}", fontsize=look.text, color=COLOURS["soft"], loc="left")
    return axes


def _best_known(law: Law) -> Law:
    """The law over the first input for which constants are published, else over that of the widest domain."""
    candidates = variants(law)
    known = [variant for variant in candidates if variant.published]
    return known[0] if known else max(candidates, key=lambda variant: _width(variant, variant.inputs[0]))


def _width(law: Law, x: str) -> float:
    low, high = law.domain[x]
    return high / low


def _few(law: Law, x: str) -> list[float]:
    """A few values of an input, from the lowest to the highest of its domain."""
    return [_rounded(value, law, x) for value in np.geomspace(*law.domain[x], _LINES)]


def _rounded(value: float, law: Law, x: str) -> float:
    return float(round(_short(value))) if law.marks[x].domain == "count" else _short(value)


def _short(value: float) -> float:
    """A value with two digits: what a caption says is what is drawn."""
    return float(f"{value:.2g}")


def _by_parameter(law: Law, x: np.ndarray) -> tuple[LawCurve, ...]:
    """Lines for a few likely values of the parameter that bends the curve most."""
    return max(
        (_of_parameter(law, name, x) for name in law.parameters),
        key=lambda curves: np.std(law.on_scale(curves[-1].y) - law.on_scale(curves[0].y)),
    )


def _of_parameter(law: Law, name: str, x: np.ndarray) -> tuple[LawCurve, ...]:
    """Lines for a middling value of a parameter, and for one to either side."""
    sets = [_amid(law, {name: _short(_likely(law, name, share))}) for share in (0.25, 0.5, 0.75)]
    return tuple(
        LawCurve(
            label=f"{name} = {amount(constants[name], digits=2)}",
            y=law(**{law.inputs[0]: x}, **constants),
            constants=constants,
        )
        for constants in sets
    )


def _amid(law: Law, given: Mapping[str, float]) -> dict[str, float]:
    """Parameters in the middle of those that are likely on the law's domain, but for those given, which are scaled."""
    scaled = {name: _short(_likely(law, name, 0.5)) for name in law.parameters} | dict(given)
    factors = {x: 1 / middle for x, middle in _middles(law).items() if law.marks[x].domain != "count"}
    return {name: _short(value) for name, value in law.rescale(scaled, factors).items()}


def _middles(law: Law) -> dict[str, float]:
    """The middle of the domain of each input, one for all that are counted in the same unit."""
    ends: dict[str, list[float]] = {}
    for x, unit in law.input_units.items():
        ends.setdefault(unit, []).extend(law.domain[x])
    return {x: float(np.exp(np.mean(np.log(ends[unit])))) for x, unit in law.input_units.items()}


def _likely(law: Law, name: str, share: float) -> float:
    """A parameter below which this share of likely values lies, for inputs that are 1 in the middle of their domain.

    A place along an input is likely anywhere in its domain, any other parameter where the random starts of a fit are,
    without their sign: between both signs lies nothing to see.
    """
    powers = list(law.carries.get(name, {}).items())
    if len(powers) == 1 and powers[0][1] in (1.0, -1.0):
        ((x, power),) = powers
        return float((_width(law, x) ** (share - 0.5)) ** power)
    starts = law.kinds[name].draw(np.random.default_rng(0), 999, _LEVEL.get(law.unit, 1.0))
    return float(np.quantile(np.abs(starts), share))
