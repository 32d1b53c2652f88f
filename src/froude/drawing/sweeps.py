"""The picture of a sweep: the outcome of each size over a setting, with the parabola whose lowest point is its best."""

from __future__ import annotations

import numpy as np

from froude.answers.numbers import amount
from froude.drawing.axes import Panel
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS, log_colours
from froude.drawing.names import input_name
from froude.drawing.views import Line, Points, View
from froude.fitting import SweepOptima
from froude.fitting.procedures.sweep_optima import SweepOptimum

_STEPS = 41
_REACH = 4.0  # times the best setting, that a parabola is drawn to
_NAMED = 6  # sizes in the key; of more only the ends are named


def panels_of_sweep_optima(optima: SweepOptima) -> tuple[Panel, ...]:
    """A panel for each setting."""
    views = [view_of_sweep(optima, name) for name in optima.over]
    return tuple(lambda axes, look, view=view: draw_view(axes, view, look) for view in views)


def view_of_sweep(optima: SweepOptima, setting: str) -> View:
    """The runs of each size over one setting, the others as near their best as was tried, and the lowest points."""
    k, first = optima.over.index(setting), optima.by[0]
    sizes = np.array([each.sizes[first] for each in optima.optima])
    distinct = np.unique(sizes)
    shades = dict(zip(distinct.tolist(), log_colours(distinct), strict=True))
    named = {*(distinct if len(distinct) <= _NAMED else distinct[[0, -1]]).tolist()}
    lines, points = [], []
    for each in optima.optima:
        size = each.sizes[first]
        name = f"{first} = {amount(size)}" if size in named else None
        named.discard(size)
        lines.append(_parabola(each, k, shades[size], name))
        points.append(_runs_along(each, k, shades[size]))
    return View(
        points=(*points, _lowest(optima, setting)), lines=tuple(lines), x_label=input_name(setting), y_label=optima.y
    )


def _parabola(each: SweepOptimum, k: int, colour: str, name: str | None) -> Line:
    tried, best = each.swept.settings[:, k], np.log([*each.best.values()])[k]
    reach = np.log(_REACH)
    u = np.linspace(max(tried.min() - best, -reach), min(tried.max() - best, reach), _STEPS)
    rise = np.exp(each.bend[k, k] * u**2 / 2)
    return Line(x=np.exp(best + u), y=each.outcome * rise, role="path", colour=colour, name=name)


def _runs_along(each: SweepOptimum, k: int, colour: str) -> Points:
    """The runs over one setting, of the value of every other that is nearest to the best."""
    swept, best = each.swept, np.log([*each.best.values()])
    mine = np.ones(swept.n, dtype=bool)
    for j in range(len(best)):
        if j != k:
            off = np.abs(swept.settings[:, j] - best[j])
            mine &= off <= off.min() + 1e-6
    x, rise = swept.settings[:, k] - best[k], swept.outcomes + swept.lowest
    mine &= np.abs(x) <= np.log(_REACH)
    return Points(
        x=np.exp(swept.settings[mine, k]), y=np.exp(rise[mine]), colours=(colour,) * int(mine.sum()), is_small=True
    )


def _lowest(optima: SweepOptima, setting: str) -> Points:
    x = np.array([each.best[setting] for each in optima.optima])
    y = np.array([each.outcome for each in optima.optima])
    return Points(x=x, y=y, colours=(COLOURS["forecast"],) * len(x), marker="D", name=f"best {setting}")
