"""Pictures of the best: sizes for a budget of compute, by any approach, and settings as powers of size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from froude.answers.numbers import amount
from froude.drawing.axes import Look, Panel, TitledPanel, log_x, log_y, write_key
from froude.drawing.charts import draw_view
from froude.drawing.colours import COLOURS, MARKERS, dashes_of, log_colours
from froude.drawing.names import input_name
from froude.drawing.views import Line, Points, View
from froude.errors import InputError
from froude.fitting import Allocation, Approach, Approaches, ComputeOptimal, Optimum
from froude.fitting.allocation import draws_of
from froude.fitting.procedures.frontiers import frontier_rows
from froude.fitting.procedures.isoflop import ComputeBudget, budgets_of
from froude.fitting.size_draws import expected_loss
from froude.runs import Runs
from froude.runs.optional_roles import with_optional_roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = 61  # an odd number, so that one stands in the middle
_DECADE = 10.0  # either side of the one budget that an answer is for
_SIZES_SHOWN = 8.0  # times the best size, to either side
_FEW_BUDGETS = 3  # that have a curve each
_WITHIN = 4.0  # of the best size, of the runs that a parabola goes through


def panels_of_approaches(approaches: Approaches, runs: Runs | None = None) -> tuple[Panel, ...]:
    """The best size against compute by each approach; the parabolas before it, where the runs are given."""
    return _panels(approaches.answers, runs)


def panels_of_approach(approach: Approach, runs: Runs | None = None) -> tuple[Panel, ...]:
    """One approach, as `panels_of_approaches` has it."""
    return _panels((approach,), runs)


def panels_of_allocation(allocation: Allocation) -> tuple[Panel, ...]:
    """The best parameters and tokens against compute, with their intervals."""
    return (lambda axes, look: _draw_allocation(axes, allocation, look),)


def panels_of_compute_optimal(best: ComputeOptimal) -> tuple[Panel, ...]:
    """Runs of equal compute with their parabolas, the envelope of all runs, the approaches, and the loss along sizes.

    Those that the answer has; of a fit or published constants the best sizes against compute, and the last.
    """
    panels: list[Panel] = []
    if best.runs is not None and _lowest_points(best.runs, best.y):
        panels.append(_titled("Runs of equal compute", parabolas_view(best.runs, best.y)))
    if best.runs is not None and best.approaches:
        panels.append(_titled("The envelope of all runs", envelope_view(best.runs, best.y)))
    if best.approaches:
        answers = best.approaches[0].answers
        panels.append(
            TitledPanel("The best size by each approach", lambda axes, look: _draw_best(axes, answers, "N", look))
        )
    elif best.allocations:
        panels.extend(TitledPanel("The best size and data", each) for each in panels_of_allocation(best.allocations[0]))
    if best.fit is not None and best.allocations:
        panels.append(_titled("What another size costs", sizes_view(best)))
    if not panels:
        raise InputError("nothing was answered that could be drawn: give a budget, as C=1e24")
    return tuple(panels)


def _titled(title: str, view: View) -> Panel:
    return TitledPanel(title, lambda axes, look: draw_view(axes, view, look))


def _lowest_points(runs: Runs, y: str) -> bool:
    """Whether any runs of equal compute have a parabola with a lowest point."""
    there = runs.finite(y)
    N, D, C, outcome = (runs[name][there] for name in ("N", "D", "C", y))
    budgets = budgets_of(N, D, C, outcome, _WITHIN)
    return any(np.isfinite(_lowest(each)) for each in budgets)


def envelope_view(runs: Runs, y: str = "loss") -> View:
    """All runs against compute, and the best of each doubling of it."""
    there = runs.finite(y)
    C, outcome = runs["C"][there], runs[y][there]
    best = frontier_rows(C, outcome)
    best = best[np.argsort(C[best])]
    return View(
        points=(
            Points(x=C, y=outcome, colours=(COLOURS["n3"],) * len(C), name="runs"),
            Points(x=C[best], y=outcome[best], colours=(COLOURS["forecast"],) * len(best), marker="D", name="envelope"),
        ),
        lines=(Line(x=C[best], y=outcome[best], role="path", colour=COLOURS["forecast"]),),
        x_label=input_name("C"),
        y_label=y,
        compute=True,
        log_y=True,
    )


def sizes_view(best: ComputeOptimal) -> View:
    """How much higher the loss of other sizes is on the same compute, with its interval, for each of a few budgets."""
    fit, lines = best.fit, []
    if fit is None:
        raise InputError("no law could be fitted, so there is no loss along sizes")
    for k, each in enumerate(best.allocations[:_FEW_BUDGETS]):
        drawn = draws_of(fit, each.N, each.C, best.spending)
        near = np.abs(np.log(drawn.N / each.N)) <= np.log(_SIZES_SHOWN)
        N, D = drawn.N[near], drawn.D[near]
        loss = expected_loss(fit, N, D, best.spending.unique)
        least = float(expected_loss(fit, each.N, each.D, best.spending.unique))
        extra = np.array([drawn.extra(size, each.N) for size in N])
        lo, hi = least * np.expm1(np.quantile(extra, [(1 - fit.level) / 2, (1 + fit.level) / 2], axis=1))
        lines.append(
            Line(
                x=N, y=loss - least, lo=lo, hi=hi, role="path", colour=COLOURS[f"c{k}"], order=k,
                name=f"C = {amount(each.C, 'FLOP')}", band=f"{fit.level:.0%} interval" if k == 0 else None,
            )
        )  # fmt: skip
    return View(points=(), lines=tuple(lines), x_label=input_name("N"), y_label=f"{best.y} above the best size's")


def panels_of_optimum(optimum: Optimum, runs: Runs | None = None) -> tuple[Panel, ...]:
    """Each best setting against the first size, a line for each of a few values of the second.

    Where the runs are given, over their sizes, with the best run of each cell; else over a decade to either side of
    their middle.
    """
    return tuple(lambda axes, look, k=k: _draw_setting(axes, optimum, k, runs, look) for k in range(len(optimum.over)))


def _panels(answers: Sequence[Approach], runs: Runs | None) -> tuple[Panel, ...]:
    lines: tuple[Panel, ...] = (
        lambda axes, look: _draw_best(axes, answers, "N", look),
        lambda axes, look: _draw_best(axes, answers, "D", look),
    )
    if runs is None:
        return lines
    view = parabolas_view(runs)
    return (lambda axes, look: draw_view(axes, view, look), *lines)


def parabolas_view(runs: Runs, y: str = "loss") -> View:
    """Runs of equal compute, the parabola through those near the best size, and its lowest point."""
    there = runs.finite(y)
    N, D, C, outcome = (runs[name][there] for name in ("N", "D", "C", y))
    budgets = [each for each in budgets_of(N, D, C, outcome, _WITHIN) if np.isfinite(_lowest(each))]
    shades = log_colours(np.array([each.C for each in budgets])) if budgets else []
    lines, points = [], [Points(x=N, y=outcome, colours=(COLOURS["faint"],) * len(N))]
    best_N, best_y = [], []
    for budget, colour in zip(budgets, shades, strict=True):
        bend = np.polyfit(budget.x, budget.log_outcome, 2)
        x = np.linspace(budget.x.min(), budget.x.max(), _STEPS)
        size, label = np.exp(budget.log_size), amount(budget.C, "FLOP", 2)
        lines.append(Line(x=size * np.exp(x), y=np.exp(np.polyval(bend, x)), role="path", colour=colour, label=label))
        here = size * np.exp(budget.x)
        points.append(Points(x=here, y=np.exp(budget.log_outcome), colours=(colour,) * len(here)))
        best_N.append(np.exp(_lowest(budget)))
        best_y.append(float(np.exp(np.polyval(bend, _lowest(budget) - budget.log_size))))
    ink = (COLOURS["forecast"],) * len(best_N)
    points.append(Points(x=np.array(best_N), y=np.array(best_y), colours=ink, marker="D", name="lowest"))
    return View(
        points=tuple(points),
        lines=tuple(lines),
        x_label=input_name("N"),
        y_label=y,
        log_y=True,
        column="training FLOPs",
    )


def _lowest(budget: ComputeBudget) -> float:
    return float(budget.lowest(np.ones((1, budget.x.size)))[0])


def _draw_best(axes: Axes, answers: Sequence[Approach], what: str, look: Look) -> Axes:
    """The best N or D against compute: a line an answer, with the points that it goes through and its interval at C."""
    C = np.concatenate([[each.C, *each.optima["C"]] for each in answers])
    grid = np.geomspace(C.min() / 1.5, C.max() * 1.5, _STEPS)
    slopes = {each.name: each.a if what == "N" else each.b for each in answers}
    curves = [getattr(each, what) * (grid / each.C) ** slopes[each.name] for each in answers]
    log_x(axes, grid[0], grid[-1], input_name("C"), True, 4, look=look)
    ends = [end for each in answers for end in _ends(each, what)]
    values = np.concatenate([*curves, ends, *(each.optima[what] for each in answers)])
    log_y(axes, values.min() / 1.3, values.max() * 1.3, f"best {input_name(what)}", look=look)
    for k, (each, curve) in enumerate(zip(answers, curves, strict=True)):
        colour, label = COLOURS[f"c{k}"], f"{each.name}, {_slope(what, slopes[each.name])}"
        axes.plot(grid, curve, color=colour, linewidth=look.px(1.6), label=label, **dashes_of(k))
        axes.scatter(
            each.optima["C"], each.optima[what], s=look.area(34), marker=MARKERS[k], color=colour, zorder=4,
            edgecolors=COLOURS["paper"], linewidths=look.px(1),
        )  # fmt: skip
        place, thick = each.C * 1.06 ** (k - 1), look.px(5)
        axes.plot([place, place], _ends(each, what), color=colour, linewidth=thick, alpha=0.45, solid_capstyle="butt")
    write_key(axes, look, *axes.get_legend_handles_labels())
    return axes


def _slope(what: str, exponent: float) -> str:
    return f"{what} ~ C^{exponent:.2f}"


def _ends(answer: Approach, what: str) -> tuple[float, float]:
    """An interval; the best itself where none is known."""
    best = getattr(answer, what)
    return answer.intervals.get(what, (best, best))


def _draw_allocation(axes: Axes, allocation: Allocation, look: Look) -> Axes:
    """Curves where there are several budgets; else a point with its interval, on a line of its slope."""
    budgets = np.atleast_1d(np.asarray(allocation.C, dtype=float)).ravel()
    several = len(budgets) > 1
    order = np.argsort(budgets)
    grid = budgets[order] if several else np.geomspace(budgets[0] / _DECADE, budgets[0] * _DECADE, _STEPS)
    log_x(axes, grid[0], grid[-1], input_name("C"), True, 5, look=look)
    series: dict[str, tuple[np.ndarray, tuple[Any, Any] | None]] = {}
    for what, slope in (("N", allocation.a), ("D", allocation.b)):
        best = np.atleast_1d(np.asarray(getattr(allocation, what), dtype=float)).ravel()
        curve = best[order] if several else best[0] * (grid / budgets[0]) ** float(slope)
        series[what] = curve, allocation.intervals.get(what)
    everything = np.concatenate([np.ravel(part) for curve, ends in series.values() for part in (curve, *(ends or ()))])
    log_y(axes, everything.min() / 1.4, everything.max() * 1.4, "parameters N, tokens D", look=look)
    for k, (what, (curve, ends)) in enumerate(series.items()):
        colour = COLOURS[f"c{k}"]
        label = f"best {input_name(what)}" + ("" if several else f" ({amount(float(curve[_STEPS // 2]))})")
        axes.plot(grid, curve, color=colour, linewidth=look.px(1.6), label=label, **dashes_of(k))
        if ends is None:
            continue
        lo, hi = (np.atleast_1d(np.asarray(end, dtype=float)).ravel() for end in ends)
        if several:
            axes.fill_between(grid, lo[order], hi[order], color=colour, alpha=0.14, linewidth=0)
        else:
            axes.plot([*budgets] * 2, [*lo, *hi], color=colour, linewidth=look.px(6), alpha=0.4, solid_capstyle="butt")
            axes.plot(budgets, curve[[_STEPS // 2]], marker=MARKERS[k], markersize=look.px(6), color=colour)
    write_key(axes, look, *axes.get_legend_handles_labels())
    return axes


def _draw_setting(axes: Axes, optimum: Optimum, k: int, runs: Runs | None, look: Look) -> Axes:
    """The k-th best setting against the first size."""
    name, first, others = optimum.over[k], optimum.by[0], optimum.by[1:]
    cells = None if runs is None else _best_of_cells(optimum, runs)
    middle = dict(zip(optimum.by, np.exp(optimum.middle), strict=True))
    spans = {x: (middle[x] / _DECADE, middle[x] * _DECADE) for x in optimum.by}
    if cells is not None:
        spans = {x: (float(cells[x].min()), float(cells[x].max())) for x in optimum.by}
    grid = np.geomspace(*spans[first], _STEPS)
    values = np.unique(np.geomspace(*spans[others[0]], 3)) if others else np.array([np.nan])
    lines = []
    for order, (value, colour) in enumerate(zip(values, _shades(values), strict=True)):
        fixed = {**{x: float(middle[x]) for x in others}, **({others[0]: float(value)} if others else {})}
        forecasts = [optimum.at(**{first: float(size)}, **fixed)[name] for size in grid]
        lines.append(
            Line(
                x=grid, y=np.array([each.mean for each in forecasts]), lo=np.array([each.lo for each in forecasts]),
                hi=np.array([each.hi for each in forecasts]), role="path", colour=colour, order=order,
                label=f"{others[0]} = {amount(float(value))}" if others else None,
            )
        )  # fmt: skip
    points = () if cells is None else (_cell_points(cells, first, name),)
    view = View(
        points=points, lines=tuple(lines), x_label=input_name(first), y_label=f"best {input_name(name)}",
        compute=first == "C", log_y=True,
    )  # fmt: skip
    return draw_view(axes, view, look)


def _shades(values: np.ndarray) -> list[str]:
    return log_colours(values) if len(values) > 1 else [COLOURS["n6"]]


def _best_of_cells(optimum: Optimum, runs: Runs, y: str = "loss") -> dict[str, np.ndarray]:
    """Sizes and settings of the best run of each cell."""
    table = with_optional_roles(runs, (*optimum.over, *optimum.by))
    table = table.take(table.finite(y))
    _, cell = np.unique(np.column_stack([table[x] for x in optimum.by]), axis=0, return_inverse=True)
    order = np.lexsort((table[y], cell.ravel()))
    best = order[np.unique(cell.ravel()[order], return_index=True)[1]]
    return {name: table[name][best] for name in (*optimum.by, *optimum.over)}


def _cell_points(cells: dict[str, np.ndarray], first: str, name: str) -> Points:
    return Points(
        x=cells[first], y=cells[name], colours=(COLOURS["n3"],) * len(cells[first]), name="best run of a size"
    )
