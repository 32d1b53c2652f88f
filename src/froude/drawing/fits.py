"""The picture of a fit: the runs, its law through them with a band, and what lies far off.

A law of one input is drawn over it. One of two is drawn over one of them, a line for each value of the other; where
both N and D have many values, over the compute that they come to. Any other law is shown by what it leaves over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from froude.answers.fits import rows_text
from froude.answers.numbers import amount, percent
from froude.drawing.axes import Look, Panel
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS, log_colours, size_colours
from froude.drawing.names import input_name
from froude.drawing.views import Line, Points, View
from froude.fitting import Choice, Fit, GroupedFit
from froude.fitting.outliers import far_off
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN
from froude.laws.residual_scales import relative_error
from froude.runs import Runs
from froude.runs.optional_roles import with_optional_roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS = 80  # of a drawn law
_FEW = 8  # values of an input that have a line each
_LINES = 5  # where there are more values
_NEAR = 1.5  # times a value that has a line, up to which runs say how far the line reaches
_LEAST_REACH = 1.3  # times, that any line reaches


@final
@dataclass(frozen=True, kw_only=True)
class Placement:
    """How runs of a law are laid out: over the input `x`, or where `over_compute` is true over the C that N and D make.

    `by` is the input that has a line for each of its values, None for a law of one input.
    """

    x: str
    by: str | None
    over_compute: bool = False

    def place(self, inputs: Mapping[str, Any]) -> np.ndarray:
        """Where inputs stand on x."""
        if not self.over_compute:
            return np.asarray(inputs[self.x], dtype=float)
        return FLOP_PER_PARAM_TOKEN * np.asarray(inputs["N"], dtype=float) * np.asarray(inputs["D"], dtype=float)

    @property
    def column(self) -> str | None:
        """What a column of the values of lines is called: over compute, and over N, lines end in the midst of runs."""
        return input_name(self.by) if self.by is not None and (self.over_compute or self.x == "N") else None

    @property
    def is_compute(self) -> bool:
        """Whether the axis is one of FLOPs."""
        return self.over_compute or self.x == "C"

    def label(self, fit: Fit) -> str:
        """What the axis is called."""
        if self.over_compute:
            return f"training FLOPs, {FLOP_PER_PARAM_TOKEN:g}·N·D"
        return input_name(self.x, fit.law)


def panels_of_fit(fit: Fit, runs: Runs | None = None) -> tuple[Panel, ...]:
    """The fit over its runs. The table that was fitted says, where it is given, at which inputs runs diverged."""
    view = view_of_fit(fit, runs)
    return (lambda axes, look: draw_view(axes, view, look),)


def panels_of_choice(choice: Choice, runs: Runs | None = None) -> tuple[Panel, ...]:
    """The average of the laws over its runs, as `panels_of_fit` has it."""
    return panels_of_fit(choice.fit, runs)


def panels_of_grouped_fit(grouped: GroupedFit) -> tuple[Panel, ...]:
    """The fit of each group over its runs, a panel each under the group's value."""
    return tuple(_titled(f"{grouped.by} = {value}", fit) for value, fit in grouped.fits.items())


def _titled(title: str, fit: Fit) -> Panel:
    """The fit over its runs, under a title."""
    view = view_of_fit(fit)

    def panel(axes: Axes, look: Look) -> Axes:
        axes.set_title(title, fontsize=look.text, color=COLOURS["ink"], loc="left")
        return draw_view(axes, view, look)

    return panel


def view_of_fit(fit: Fit, runs: Runs | None = None, placement: Placement | None = None) -> View:
    """The runs, the law with its band, and what lies far off or diverged, laid out as is asked or as suits them."""
    placement = placement or placement_of(fit)
    if placement is None:
        return residuals_view(fit)
    lines = [*law_lines(fit, placement)]
    points = [*run_points(fit, placement, with_diverged=runs is None), *_diverged(fit, placement, runs)]
    return View(
        points=tuple(points),
        lines=tuple(lines),
        x_label=placement.label(fit),
        y_label=fit.y,
        compute=placement.is_compute,
        log_y=fit.residual == "log",
        column=placement.column,
    )


def placement_of(fit: Fit) -> Placement | None:
    """How to lay out the runs of a fit; None for a law whose picture is what it leaves over."""
    inputs = {x: fit.inputs[x] for x in fit.law.inputs if x in fit.inputs}
    plain = set(inputs) == set(fit.law.inputs) and all(np.all(values > 0) for values in inputs.values())
    if not plain or len(inputs) not in (1, 2):
        return None
    if len(inputs) == 1:
        return Placement(x=next(iter(inputs)), by=None)
    counts = {x: len(np.unique(values)) for x, values in inputs.items()}
    first, second = inputs
    if {first, second} == {"N", "D"}:
        # Lines of equal N over D are how the field draws it; the other way only where few D have many N.
        by = "N" if counts["N"] <= max(counts["D"], _FEW) else "D"
        if counts[by] > _FEW:
            return Placement(x="D", by="N", over_compute=True)
    else:
        by = second if counts[second] <= counts[first] else first
    return Placement(x=second if by == first else first, by=by)


def measured_of(fit: Fit) -> np.ndarray:
    """The outcomes of the fitted runs (n,), as law and residuals have them."""
    predicted = np.asarray(fit.law(**fit.inputs, **fit.params), dtype=float)
    return fit.law.off_scale(fit.law.on_scale(predicted) - fit.residuals)


def law_name(fit: Fit) -> str:
    """What the key calls the law: an average is one of so many laws."""
    members = len(fit.law.members)
    return f"average of {members} laws" if members else fit.law.name


def band_name(level: float) -> str:
    """What the key calls a band."""
    return f"{percent(level, 0)} interval of one run"


def run_points(fit: Fit, placement: Placement, with_diverged: bool = True) -> Iterator[Points]:
    """The fitted runs, and a ring around those that lie far off; how many diverged stands in the key."""
    x, y = placement.place(fit.inputs), measured_of(fit)
    missing = f" ({fit.diverged} more diverged)" if fit.diverged and with_diverged else ""
    yield Points(x=x, y=y, colours=_colours(fit, placement), name=rows_text(fit) + missing)
    far = far_off(fit.law, fit.residuals, y)
    if far.any():
        yield Points(x=x[far], y=y[far], colours=(), kind="outlier", name="far off the law")


def law_lines(fit: Fit, placement: Placement) -> Iterator[Line]:
    """The law as far as its runs reach, each line with the interval of one run."""
    x, first = placement.place(fit.inputs), True
    if placement.by is None:
        grid = np.geomspace(x.min(), x.max(), STEPS)
        yield line_of(fit, placement, {placement.x: grid}, COLOURS["n6"], name=law_name(fit), named=True)
        return
    values, shades = fit.inputs[placement.by], _shades(fit, placement)
    for value, colour in shades.items():
        grid = _stretch(fit, placement, value, len(np.unique(values)) <= _FEW)
        text = amount(value, fit.law.input_units[placement.by])
        label = text if placement.column else f"{placement.by} = {text}"
        yield line_of(
            fit, placement, {placement.by: value, placement.x: grid}, colour,
            name=law_name(fit), named=first, label=label,
        )  # fmt: skip
        first = False


def line_of(
    fit: Fit,
    placement: Placement,
    at: Mapping[str, Any],
    colour: str,
    *,
    name: str | None = None,
    named: bool = False,
    label: str | None = None,
) -> Line:
    """The law at inputs, one of them an array, with the interval of one run; `named` puts both into the key."""
    forecast = fit.predict(of="run", **at)
    return Line(
        x=placement.place({x: np.broadcast_to(values, np.shape(forecast.mean)) for x, values in at.items()}),
        y=np.asarray(forecast.mean), lo=np.asarray(forecast.lo), hi=np.asarray(forecast.hi),
        role="path", colour=colour, label=label,
        name=name if named else None, band=band_name(fit.level) if named else None,
    )  # fmt: skip


def residuals_view(fit: Fit, placement: Placement | None = None) -> View:
    """What the law leaves over, in percent or in units of the outcome, as placed or over the first input above 0."""
    x = next((each for each, values in fit.inputs.items() if np.all(values > 0)), None)
    placement = placement or (None if x is None else Placement(x=x, by=None))
    places = np.arange(1.0, fit.n + 1) if placement is None else placement.place(fit.inputs)
    log = fit.law.is_relative
    off = 100 * relative_error(fit.residual, -fit.residuals) if log else -fit.residuals
    zero = Line(x=np.array([places.min(), places.max()]), y=np.zeros(2), role="level", colour=COLOURS["soft"])
    return View(
        points=(Points(x=places, y=off, colours=(COLOURS["n5"],) * fit.n, name=rows_text(fit)),),
        lines=(zero,),
        x_label="run" if placement is None else placement.label(fit),
        y_label=f"measured {fit.y} less the law" + (", %" if log else ""),
        compute=placement is not None and placement.is_compute,
    )


def _diverged(fit: Fit, placement: Placement, runs: Runs | None) -> Iterator[Points]:
    """Crosses where runs of the table diverged."""
    if runs is None or not fit.diverged:
        return
    table = with_optional_roles(runs, fit.law.inputs)
    lost = table.take(table.diverged(fit.y))
    x = placement.place({name: lost[name] for name in fit.law.inputs})
    yield Points(x=x, y=np.full(len(x), np.nan), colours=(), kind="diverged", name="diverged")


def _colours(fit: Fit, placement: Placement) -> tuple[str, ...]:
    """The colour of each run, by the input that has lines."""
    if placement.by is None:
        return (COLOURS["n3"],) * fit.n
    values = fit.inputs[placement.by]
    if len(np.unique(values)) <= _FEW:
        shades = size_colours(values)
        return tuple(shades[float(value)] for value in values)
    return tuple(log_colours(values))


def _shades(fit: Fit, placement: Placement) -> dict[float, str]:
    """The values that have a line, with their colours: all, or some from the smallest to the largest."""
    values = fit.inputs[placement.by or ""]
    distinct = np.unique(values)
    if len(distinct) <= _FEW:
        return size_colours(values)
    wanted = np.geomspace(distinct[0], distinct[-1], _LINES)
    nearest = np.unique([np.abs(np.log(distinct / value)).argmin() for value in wanted])
    shades = log_colours(distinct)
    return {float(distinct[k]): shades[k] for k in nearest}


def _stretch(fit: Fit, placement: Placement, value: float, exact: bool) -> np.ndarray:
    """How far a line reaches along its input: as far as runs of that value do, or of values near it."""
    values, along = fit.inputs[placement.by or ""], fit.inputs[placement.x]
    factor = 1.0001 if exact else _NEAR
    mine = along[(values <= value * factor) & (values >= value / factor)]
    low, high = float(mine.min()), float(mine.max())
    if high < low * _LEAST_REACH:
        low, high = low / _LEAST_REACH, high * _LEAST_REACH
    return np.geomspace(low, high, STEPS)
