"""One function that draws any result, and which function draws which."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from froude.drawing.axes import PAPER, Panel, make_bare, matplotlib_figure, take_literally
from froude.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS: Mapping[str, str] = {
    "Allocation": "optima.panels_of_allocation",
    "Approach": "optima.panels_of_approach",
    "Approaches": "optima.panels_of_approaches",
    "Backtest": "backtests.panels_of_backtest",
    "BestSchedule": "schedules.panels_of_best_schedule",
    "Choice": "fits.panels_of_choice",
    "Comparison": "comparisons.panels_of_comparison",
    "ComputeOptimal": "optima.panels_of_compute_optimal",
    "Difference": "differences.panels_of_difference",
    "FitReport": "reports.panels_of_fit_report",
    "Fit": "fits.panels_of_fit",
    "Forecast": "forecasts.panels_of_forecast",
    "GroupedFit": "fits.panels_of_grouped_fit",
    "GrowthResult": "growth.panels_of_growth",
    "Infeasible": "plans.panels_of_infeasible",
    "Law": "laws.panels_of_law",
    "Optimum": "optima.panels_of_optimum",
    "PilotResult": "pilots.panels_of_pilot",
    "Plan": "plans.panels_of_plan",
    "PublishedFit": "laws.panels_of_published_fit",
    "Ranking": "comparisons.panels_of_ranking",
    "Registration": "registrations.panels_of_registration",
    "Runs": "runs.panels_of_runs",
    "Schedule": "schedules.panels_of_schedule",
    "ServeSimulation": "serving.panels_of_serve_simulation",
    "ServingPlan": "serving_plans.panels_of_serving_plan",
    "Study": "pilots.panels_of_study",
    "SweepOptima": "sweeps.panels_of_sweep_optima",
    "TrainCost": "plans.panels_of_train_cost",
}
"""By the name of a class, what makes the panels of its picture; the rooms above this one are in it too."""

TOGETHER: Mapping[str, str] = {
    "Difference": "differences.panels_of_differences",
    "Forecast": "forecasts.panels_of_forecasts",
    "Registration": "registrations.panels_of_registrations",
}
"""By the name of a class, what makes the panels of several of its kind in one picture."""

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})

_TOGETHER = "only differences, forecasts and registrations"
_WIDTH_IN, _HEIGHT_IN = 5.0, 3.3  # of a picture of one panel
_ROW_IN = (7.0, 2.9)  # of a row of two


def draw(result: Any, ax: Axes | Sequence[Axes] | None = None, **options: Any) -> Axes:
    """Draw a result into Matplotlib's axes, and return them.

    Several forecasts, differences or registrations may be given as a list. A picture of several panels takes as many
    axes, or draws its first panel into the one that it is given. Without axes it makes a figure 5 inches wide, 7 for
    several panels, and returns the first of its axes; no window holds that figure: a notebook shows the axes that end
    a cell, and `froude.write_page(result, "fit.pdf")` writes it. Text is 8 points high. A fit takes the `runs` that
    it was fitted to as an option, to mark those that diverged. InputError for a result that has no picture, or without
    matplotlib.
    """
    panels = panels_of(result, options)
    given = _new_axes(len(panels)) if ax is None else _listed(ax)
    for panel, axes in zip(panels, given, strict=False):
        make_bare(axes, PAPER)
        panel(axes, PAPER)
        take_literally(axes)
    return given[0]


def panels_of(result: Any, options: Mapping[str, Any] = NO_OPTIONS) -> tuple[Panel, ...]:
    """The panels of a result's picture, or of that of several results of a kind. InputError where there is none."""
    if isinstance(result, list | tuple):
        kinds = {type(each).__name__ for each in result}
        together = TOGETHER.get(kinds.pop()) if len(kinds) == 1 else None
        if together is not None:
            return _function(together)(result, **options)
        if len(result) != 1:
            raise InputError(f"{len(result)} results in one picture: {_TOGETHER} go together; draw one at a time")
        return panels_of(result[0], options)
    kind = type(result).__name__
    if kind not in PANELS or not type(result).__module__.startswith("froude."):
        raise InputError(f"{kind} has no picture: print it, or draw one of {', '.join(sorted(PANELS))}")
    return _function(PANELS[kind])(result, **options)


def _function(path: str) -> Callable[..., tuple[Panel, ...]]:
    module, name = path.split(".")
    return getattr(importlib.import_module(f"froude.drawing.{module}"), name)


def _listed(ax: Axes | Sequence[Axes]) -> list[Axes]:
    return list(np.ravel(np.asarray(ax, dtype=object)))


def _new_axes(n: int) -> list[Axes]:
    """Axes of a new figure that no window holds, two in a row."""
    rows = -(-n // 2)
    size = (_WIDTH_IN, _HEIGHT_IN) if n == 1 else (_ROW_IN[0], _ROW_IN[1] * rows)
    figure = matplotlib_figure(figsize=size, dpi=144, facecolor="white")
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from froude.drawing.notebook import NotebookAxes

    figure.set_layout_engine(ConstrainedLayoutEngine(wspace=0.06, hspace=0.08))

    grid = figure.add_gridspec(rows, min(n, 2))
    return [figure.add_subplot(grid[k // 2, k % 2], axes_class=NotebookAxes) for k in range(n)]
