"""The picture of a learning-rate schedule: the rate over the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from froude.drawing.axes import Look, Panel, plain_x, plain_y
from froude.drawing.colours import COLOURS
from froude.fitting import BestSchedule, Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = 600


def panels_of_schedule(schedule: Schedule) -> tuple[Panel, ...]:
    """The rate at each step."""
    return (lambda axes, look: _draw(axes, schedule, look),)


def panels_of_best_schedule(best: BestSchedule) -> tuple[Panel, ...]:
    """The schedule that was found."""
    return panels_of_schedule(best.schedule)


def _draw(axes: Axes, schedule: Schedule, look: Look) -> Axes:
    steps = np.unique(np.round(np.linspace(0, schedule.steps, _STEPS)))
    rates = schedule.at(steps)
    plain_x(axes, 0.0, float(schedule.steps), "optimizer steps S", 6, look=look)
    plain_y(axes, 0.0, 1.07 * schedule.peak, "learning rate", look=look, most=6)
    axes.plot(steps, rates, color=COLOURS["n5"], linewidth=look.px(2))
    return axes
