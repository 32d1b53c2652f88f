"""What is said of the best settings that sweeps tell: each size with its optimum, and what it costs to miss it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from froude.answers.answer import Answer, Table
from froude.answers.numbers import amount, count, digits_for, number_and_interval, percent
from froude.fitting import SweepOptima
from froude.quantity import format_quantity
from froude.runs import Runs


def answer_of_sweep_optima(optima: SweepOptima) -> Answer:
    """The best settings of each size, a table a setting."""
    return Answer(
        headline=f"the {' and '.join(optima.over)} of least {optima.y}, for each size that the runs sweep",
        tables=tuple(optima_table(optima, name) for name in optima.over),
        notes=tuple(about_sweep(optima)),
        warnings=optima.warnings,
        data=optima_to_dict(optima),
    )


def optima_table(optima: SweepOptima, setting: str) -> Table:
    """A row a size: the best of one setting with its interval, and what a factor two off costs."""
    level = f"{optima.level:.0%} interval"
    rows = [
        (
            *(format_quantity(each.sizes[x]) for x in optima.by),
            *_with_interval(each.best[setting], *each.intervals[setting]),
            str(each.n),
            *number_and_interval(*each.costs[setting]),
        )
        for each in optima.optima
    ]
    return Table(
        title=f"best {setting} of each size, and how much {optima.y} rises a factor two off",
        columns=(*optima.by, f"best {setting}", level, "runs", "2× off", level),
        rows=tuple(rows),
        left=(),
    )


def about_sweep(optima: SweepOptima, runs: Runs | None = None) -> Iterator[str]:
    """How the optima were found and what they cost to miss; `runs` is the table, of which notes are repeated."""
    yield (
        f"the best {' and '.join(optima.over)} of a size: the lowest point of a quadratic surface in their logarithms "
        f"through its runs within {percent(optima.window, 1)} of the best, or the best {_fewest(optima)} of them"
    )
    for name, share in _shares(optima).items():
        yield (
            f"{name} a factor two off costs {percent(share['median'])} of {optima.y} in the median of "
            f"{count(len(optima.optima), 'size')}, {percent(share['least'])} to {percent(share['most'])}"
        )
    if optima.excess is not None:
        yield (
            f"chosen for each size from the optima of the others, the nearest run that was made lies "
            f"{percent(optima.excess)} of {optima.y} above the best on average"
        )
    if runs is not None:
        yield from runs.notes


def optima_to_dict(optima: SweepOptima) -> dict[str, Any]:
    """As JSON."""
    return {
        "over": list(optima.over),
        "by": list(optima.by),
        "y": optima.y,
        "optima": [
            {
                "at": dict(each.sizes),
                "n": each.n,
                "best": dict(each.best),
                "intervals": {name: list(ends) for name, ends in each.intervals.items()},
                optima.y: each.outcome,
                "cost_of_factor_two": {
                    name: {"value": value, "interval": [low, high]} for name, (value, low, high) in each.costs.items()
                },
            }
            for each in optima.optima
        ],
        "shares_of_factor_two": _shares(optima),
        "left_out": [{"at": dict(each.sizes), "why": each.why} for each in optima.left_out],
        "window": optima.window,
        "excess": optima.excess,
        "level": optima.level,
        "warnings": list(optima.warnings),
        **optima.origin,
    }


def _shares(optima: SweepOptima) -> dict[str, dict[str, float]]:
    """What a setting a factor two off costs, as a share of the outcome: median, least and most of the sizes."""
    shares = {name: [each.costs[name][0] / each.outcome for each in optima.optima] for name in optima.over}
    return {
        name: {"median": float(np.median(each)), "least": min(each), "most": max(each)} for name, each in shares.items()
    }


def _fewest(optima: SweepOptima) -> int:
    """The fewest runs that a surface went through."""
    return min(each.n for each in optima.optima)


def _with_interval(value: float, lo: float, hi: float) -> tuple[str, str]:
    """A rate as it is, a batch as "394k"."""
    if value < 1e3:
        return number_and_interval(value, lo, hi)
    digits = digits_for(value, lo, hi)
    return amount(value, digits=digits), f"{amount(lo, digits=digits)} to {amount(hi, digits=digits)}"
