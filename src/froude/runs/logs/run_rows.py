"""A logged run as a row of a table and as steps: what a study holds of it, and what `read_runs` shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from froude.runs.logs.evidence import RoleValue
from froude.runs.logs.logged_run import LoggedRun, Series
from froude.runs.logs.run_roles import RUN_ROLES
from froude.runs.roles import ROLES

_OWN = frozenset((*RUN_ROLES, *ROLES, "id", "name", "state", "step", "config", "tokens"))
ALWAYS = ("N", "D", "loss")
"""Roles that are columns of every table of logs, empty where no run says them: nothing else is taken for them."""


def row_of_run(run: LoggedRun, roles: Mapping[str, RoleValue]) -> dict[str, Any]:
    """Return the row of a run: id, name, state and roles, the last value of each metric, then the summary.

    A metric that bears the name of a role and is none, or another's, is found as "logged.loss".
    """
    row: dict[str, Any] = {"id": run.id, "name": run.name, "state": run.state, **dict.fromkeys(ALWAYS)}
    row |= {role: roles[role].value for role in (*RUN_ROLES, *roles) if role in roles}
    ends = {name: float(series.values[-1]) for name, series in run.series.items() if series.values.size}
    for name, value in {**run.summary, **ends}.items():
        if not (name in row and name in ROLES and row[name] == value):
            row.setdefault(f"logged.{name}" if name in _OWN else name, value)
    return row


def steps_of_run(run: LoggedRun, roles: Mapping[str, RoleValue]) -> list[dict[str, Any]]:
    """Return the steps of a run in their order, each with what was logged there.

    The metric that the loss is taken from is `loss`, that of training `train_loss`, the counted tokens `tokens`, the
    rate `lr`; others keep their names ("logged.loss" for one that bears such a name and is another). A metric along an
    axis of its own stands at the steps where that axis has its values, or in steps of its own without a number.
    """
    names = _names(run, roles)
    by_step: dict[float, dict[str, Any]] = {}
    beside: dict[tuple[str, float], dict[str, Any]] = {}
    main = _main_axis(run)
    for name, series in run.series.items():
        known = _steps_of_axis(run, series, main)
        for at, value in zip(series.at.tolist(), series.values.tolist(), strict=True):
            step = at if known is None else known.get(at)
            if step is not None:
                by_step.setdefault(step, {"step": _whole(step)})[names[name]] = value
            else:
                beside.setdefault((series.x, at), {series.x: _whole(at)})[names[name]] = value
    return [*(by_step[step] for step in sorted(by_step)), *beside.values()]


def _names(run: LoggedRun, roles: Mapping[str, RoleValue]) -> dict[str, str]:
    """What each metric is called among the steps."""
    shown = {"loss": "loss", "train_loss": "train_loss", "lr": "lr", "D": "tokens"}
    by_role = {value.metric: shown[role] for role, value in roles.items() if value.metric and role in shown}
    return {name: by_role.get(name, f"logged.{name}" if name in _OWN else name) for name in run.series}


def _main_axis(run: LoggedRun) -> str:
    """The axis that most values are along: the tracker's own before others."""
    sizes: dict[str, int] = {}
    for series in run.series.values():
        sizes[series.x] = sizes.get(series.x, 0) + series.values.size
    return "step" if "step" in sizes else max(sizes, key=lambda x: sizes[x], default="step")


def _steps_of_axis(run: LoggedRun, series: Series, main: str) -> dict[float, float] | None:
    """Where an axis that is a metric itself has its values: value → step; None for the main axis."""
    if series.x == main:
        return None
    axis = run.series.get(series.x)
    if axis is None or axis.x != main:
        return {}
    return dict(zip(axis.values.tolist(), axis.at.tolist(), strict=True))


def _whole(value: float) -> int | float:
    return int(value) if np.isfinite(value) and value == int(value) else value
