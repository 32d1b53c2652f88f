"""Pictures of a backtest: what was predicted against what was measured, and errors by distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from froude.answers.numbers import percent
from froude.drawing.axes import (
    Look,
    Panel,
    hairlines,
    linear_ticks,
    log_ticks,
    log_x,
    plain_y,
    tick_labels,
    write_key,
)
from froude.drawing.colours import COLOURS
from froude.drawing.fits import law_name
from froude.fitting import Backtest

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def panels_of_backtest(backtest: Backtest) -> tuple[Panel, ...]:
    """Predicted against measured, with intervals, and errors by how far beyond the fitted runs."""
    return (
        lambda axes, look: _draw_outcomes(axes, backtest, look),
        lambda axes, look: _draw_errors(axes, backtest, look),
    )


def _draw_outcomes(axes: Axes, backtest: Backtest, look: Look) -> Axes:
    """Predicted against measured, both on one scale, with the line on which they are equal."""
    values = np.concatenate([backtest.measured, backtest.predicted, backtest.lo, backtest.hi])
    log = bool(backtest.fit.residual == "log" and values.min() > 0)
    low, high = _padded(values[np.isfinite(values)], log)
    for axis, name in ((axes.xaxis, "measured"), (axes.yaxis, "predicted")):
        axis.set_label_text(f"{name} {backtest.fit.y}", fontsize=look.text, color=COLOURS["soft"])
    if log:
        axes.set(xscale="log", yscale="log")
    axes.set(xlim=(low, high), ylim=(low, high))
    ticks = (log_ticks if log else linear_ticks)(low, high, 5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, tick_labels(ticks))
        axis.set_ticks([], minor=True)
    hairlines(axes, look)
    axes.plot([low, high], [low, high], color=COLOURS["soft"], linewidth=look.px(1), dashes=(4, 3), label="equal")
    _draw_bars(axes, backtest, backtest.measured, (backtest.predicted, backtest.lo, backtest.hi), look)
    write_key(axes, look, *axes.get_legend_handles_labels())
    return axes


def _draw_errors(axes: Axes, backtest: Backtest, look: Look) -> Axes:
    """Relative errors with their intervals, against how many times larger a run is than the largest fitted one."""
    times = np.exp(backtest.reaches)
    scale = 100 / np.abs(backtest.measured)
    ends = [(each - backtest.measured) * scale for each in (backtest.predicted, backtest.lo, backtest.hi)]
    values = np.concatenate([*ends, [0.0]])
    log_x(axes, float(times.min()), float(times.max()), "times the largest fitted run", False, 5, look=look)
    unit = float(np.ptp(values)) or 1.0
    label = f"error of {law_name(backtest.fit)}, %"
    plain_y(axes, float(values.min()) - 0.07 * unit, float(values.max()) + 0.07 * unit, label, look=look)
    axes.axhline(0, color=COLOURS["soft"], linewidth=look.px(1), dashes=(4, 3))
    _draw_bars(axes, backtest, times, (ends[0], ends[1], ends[2]), look)
    return axes


def _draw_bars(
    axes: Axes, backtest: Backtest, x: np.ndarray, ends: tuple[np.ndarray, np.ndarray, np.ndarray], look: Look
) -> None:
    """Each prediction with its interval: dots where it holds what was measured, hollow diamonds where not."""
    y, lo, hi = ends
    inside = (backtest.lo <= backtest.measured) & (backtest.measured <= backtest.hi)
    level = percent(backtest.level, 0)
    for which, colour, name in ((inside, "n5", f"inside the {level} interval"), (~inside, "forecast", "outside")):
        if not which.any():
            continue
        axes.vlines(x[which], lo[which], hi[which], color=COLOURS[colour], linewidth=look.px(1.4), alpha=0.55)
        face = COLOURS[colour] if name != "outside" else "white"
        axes.scatter(
            x[which], y[which], s=look.area(34), marker="o" if name != "outside" else "D", facecolors=face,
            edgecolors=COLOURS[colour], linewidths=look.px(1.4), zorder=4, label=f"{name} ({int(which.sum())})",
        )  # fmt: skip


def _padded(values: np.ndarray, log: bool) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if log:
        factor = max((high / low) ** 0.06, 1.01)
        return low / factor, high * factor
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room
