"""Rows of numbers under a step become the series of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from froude.runs.headers import normal
from froude.runs.logs.logged_run import Series
from froude.runs.logs.steps_and_tokens import STEPS


def step_key(names: Iterable[str]) -> str | None:
    """Return which of some names is that of the step: "global_step" before "step" before "epoch"; None if none is."""
    known = {normal(name): name for name in reversed(list(names))}
    return next((known[name] for name in (*STEPS, "epoch") if name in known), None)


def series_of_rows(rows: Iterable[Mapping[str, Any]], step: str) -> dict[str, Series]:
    """Return each number of rows along their step; a row without one, and a value that is no number, is left out.

    The axis is called "step" where the key is a tracker's ("_step") or that very word, else as the key.
    """
    points: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        at = row.get(step)
        if isinstance(at, bool) or not isinstance(at, int | float):
            continue
        for name, value in row.items():
            if name != step and isinstance(value, int | float) and not isinstance(value, bool):
                if name not in points:
                    points[name] = ([], [])
                places, values = points[name]
                places.append(at)
                values.append(value)
    x = "step" if normal(step) == "step" else step
    return {
        name: Series(x=x, at=np.array(at, dtype=float), values=np.array(values, dtype=float))
        for name, (at, values) in points.items()
    }
