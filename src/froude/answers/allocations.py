"""What is said of the best division of compute between parameters and tokens, and of the best settings by size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from froude.answers.answer import Answer, Table
from froude.answers.numbers import amount, count, number_and_interval, percent
from froude.fitting import Allocation, Approach, Approaches, Optimum

_SIZES: Mapping[str, str] = {
    "N": "parameters N",
    "D": "tokens D",
    "tokens_per_param": "tokens a parameter",
    "loss": "loss",
    "a": "a, of N ∝ C^a",
    "b": "b, of D ∝ C^b",
}
"""What is told of the best size, with its name."""


def answer_of_allocation(allocation: Allocation) -> Answer:
    """The best N and D for a budget of compute, or for several, a row each."""
    budgets = np.atleast_1d(allocation.C).ravel()
    one = np.ndim(allocation.C) == 0
    return Answer(
        headline=f"the best size for {amount(float(budgets[0]), 'FLOP')} FLOP"
        if one
        else f"the best sizes for {count(budgets.size, 'budget')} of compute",
        tables=(best_size_table(allocation) if one else _several_budgets(allocation, budgets),),
        data=allocation_to_dict(allocation),
    )


def answer_of_approaches(approaches: Approaches) -> Answer:
    """The best size by each approach that the table allows, side by side."""
    first = approaches.answers[0]
    return Answer(
        headline=f"the best size for {amount(first.C, 'FLOP')} FLOP, "
        f"by {count(len(approaches.answers), 'approach', 'approaches')}",
        tables=(
            Table(
                title="",
                columns=("approach", *_SHORT),
                rows=tuple((each.name, *_approach_cells(each)) for each in approaches.answers),
            ),
        ),
        notes=(f"N grows as C^a and D as C^b; in brackets {first.level:.0%} intervals",),
        warnings=approaches.missing,
        data={
            **approaches.origin,
            "approaches": [approach_to_dict(each) for each in approaches.answers],
            "missing": list(approaches.missing),
        },
    )


def answer_of_approach(approach: Approach) -> Answer:
    """The best size by one approach."""
    rows = tuple(
        (_SIZES[name], *with_interval(getattr(approach, name), approach.intervals.get(name)))
        for name in ("N", "D", "tokens_per_param", "a", "b")
    )
    return Answer(
        headline=f"the best size for {amount(approach.C, 'FLOP')} FLOP, by approach {approach.name}",
        tables=(Table(title="", columns=("", "best", f"{approach.level:.0%} interval"), rows=rows),),
        data=approach_to_dict(approach),
    )


def answer_of_optimum(optimum: Optimum) -> Answer:
    """The best settings as power laws of size, with their exponents."""
    sizes = " · ".join(f"{size}^exponent" for size in optimum.by)
    return Answer(
        headline=f"best {' and '.join(optimum.over)} = scale · {sizes}",
        tables=(
            Table(
                title="",
                columns=(
                    "setting",
                    "scale",
                    *(head for x in optimum.by for head in (f"exponent of {x}", "90% interval")),
                ),
                rows=tuple((s, f"{optimum.scales[s]:.4g}", *_exponents(optimum, s)) for s in optimum.over),
            ),
        ),
        notes=(
            f"{count(optimum.n, 'run')} of {count(optimum.cells, 'cell')} fitted; chosen from the others, the settings "
            f"of a cell cost {percent(optimum.excess)} of the loss on average",
        ),
        warnings=optimum.warnings,
        data={
            "over": list(optimum.over),
            "by": list(optimum.by),
            "scales": dict(optimum.scales),
            "exponents": {s: dict(exponents) for s, exponents in optimum.exponents.items()},
            "intervals": {s: {x: list(ends) for x, ends in each.items()} for s, each in optimum.intervals.items()},
            "level": 0.9,
            "n": optimum.n,
            "cells": optimum.cells,
            "excess": optimum.excess,
            "order": optimum.order,
            "window": optimum.window,
            "warnings": list(optimum.warnings),
            **optimum.origin,
        },
    )


def allocation_to_dict(allocation: Allocation) -> dict[str, Any]:
    """The best sizes as JSON: numbers, or lists of them where C is an array; the ends of an interval where known."""
    values = {name: _plain(getattr(allocation, name)) for name in ("C", *_SIZES)}
    return {
        **values,
        "intervals": {name: [_plain(end) for end in ends] for name, ends in allocation.intervals.items()},
        "level": allocation.level,
        "beyond": {x: _plain(factor) for x, factor in allocation.beyond.items()},
        "distance": None if allocation.distance is None else _plain(allocation.distance),
        "unbounded": _plain(allocation.unbounded),
        **allocation.origin,
    }


def approach_to_dict(approach: Approach) -> dict[str, Any]:
    """One approach as JSON, with the points that its lines go through."""
    numbers = {name: getattr(approach, name) for name in ("C", "N", "D", "tokens_per_param", "a", "b")}
    intervals = {name: list(ends) for name, ends in approach.intervals.items()}
    optima = {name: values.tolist() for name, values in approach.optima.items()}
    return {"approach": approach.name, **numbers, "intervals": intervals, "level": approach.level, "optima": optima}


_SHORT = ("N", "D", "D/N", "a", "b")


def best_size_table(allocation: Allocation, title: str = "") -> Table:
    """The best size for one budget: each number, with its interval where there is one."""
    rows = [
        (head, *with_interval(getattr(allocation, name), allocation.intervals.get(name)))
        for name, head in _SIZES.items()
    ]
    if not allocation.intervals:
        return Table(title=title, columns=("", "best"), rows=tuple(row[:2] for row in rows))
    level = f"{allocation.level:.0%} interval" if allocation.level else "interval"
    return Table(title=title, columns=("", "best", level), rows=tuple(rows))


def _several_budgets(allocation: Allocation, budgets: np.ndarray) -> Table:
    columns = {name: np.ravel(np.broadcast_to(getattr(allocation, name), np.shape(allocation.C))) for name in _SIZES}
    return Table(
        title="",
        columns=("C", "N", "D", "D/N", "loss", "a", "b"),
        rows=tuple(
            (amount(float(C)), *(_number(float(values[i])) for values in columns.values()))
            for i, C in enumerate(budgets)
        ),
        left=(),
    )


def _approach_cells(approach: Approach) -> Iterator[str]:
    for name in ("N", "D", "tokens_per_param", "a", "b"):
        best, interval = with_interval(getattr(approach, name), approach.intervals.get(name))
        yield f"{best} ({interval})" if interval else best


def with_interval(value: Any, ends: tuple[Any, Any] | None) -> tuple[str, str]:
    """A size, a ratio or a loss, and its interval, empty where none is known."""
    if ends is None or not np.all(np.isfinite(ends)):
        return _number(float(value)), ""
    lo, hi = map(float, ends)
    if abs(value) < 1e3:
        return number_and_interval(float(value), lo, hi)
    return _number(float(value)), f"{_number(lo)} to {_number(hi)}"


def _number(value: float) -> str:
    return amount(value) if abs(value) >= 1e3 else f"{value:.4g}"


def _exponents(optimum: Optimum, setting: str) -> Iterator[str]:
    for x in optimum.by:
        yield from number_and_interval(optimum.exponents[setting][x], *optimum.intervals[setting][x])


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else float(value)
