"""Inputs that few laws take: found under another name, or derived, when a law takes them and not before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from froude.errors import InputError
from froude.runs.numbers_of_roles import numbers_of
from froude.runs.role_search import Found, find_role
from froude.runs.roles import ROLES
from froude.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

_RATIOS = {"M": ("D", "N"), "S": ("D", "B"), "B": ("D", "S")}
_ALIKE = 10.0  # whatever counts as a parameter, counts differ by less than this factor


def with_optional_roles(runs: Runs, roles: Iterable[str]) -> Runs:
    """Return runs with a column for each of these roles that can be had; `derived` says where each comes from.

    An optional role (S, B, M, U, P, lr) is found under its own name, else under a synonym, else as M = D/N, S = D/B or
    B = D/S; texts such as "7B" become numbers. L, a loss that is an input, is the column loss. A role that cannot be
    had is left out, for the law to name what it lacks.

    Raises InputError for two synonyms of one role, a text that is no number, and an M that is far from D/N.
    """
    names = tuple(roles)
    for name in names:
        runs = _with_role(runs, name)
    if "M" in names:
        _check_tokens_per_parameter(runs)
    return runs


def _with_role(runs: Runs, name: str) -> Runs:
    """Runs with the role under its name or a synonym, else derived; as they are where neither can be."""
    import polars as pl

    if name == "L" and name not in runs and "loss" in runs:
        return _adding(runs, pl.col("loss").alias(name), "L = loss")
    named = _with_column(runs, name)
    if name in named or name not in _RATIOS:
        return named
    over, under = _RATIOS[name]
    both = _with_column(_with_column(named, over), under)
    if over not in both or under not in both:
        return runs
    return _adding(both, (pl.col(over) / pl.col(under)).alias(name), f"{name} = {over}/{under}")


def _with_column(runs: Runs, name: str) -> Runs:
    """Runs with the column that bears the role's name, or a synonym of it, in numbers."""
    import polars as pl

    if name not in ROLES or not ROLES[name].optional:
        return runs
    factor = 1.0
    if name not in runs:
        found = find_role(ROLES[name], runs.frame)
        if found is None:
            return runs
        factor = found.header.factor
        runs = _adding(runs, pl.col(found.column).alias(name), _sentence(name, found))
    numbers = numbers_of(runs.frame[name], ROLES[name], repr(name), runs.rows, factor)
    if numbers.faults:
        raise InputError(numbers.faults[0].sentence)
    return replace(runs, frame=runs.frame.with_columns(numbers.series))


def _sentence(name: str, found: Found) -> str:
    times = f" times {found.header.factor:g}" if found.header.factor != 1.0 else ""
    return f"{name} is the column {found.column!r}{times}"


def _adding(runs: Runs, column: pl.Expr, sentence: str) -> Runs:
    return replace(runs, frame=runs.frame.with_columns(column), derived=(*runs.derived, sentence))


def _check_tokens_per_parameter(runs: Runs) -> None:
    if not {"M", "N", "D"} <= {*runs.columns}:
        return
    ratio = runs["D"] / runs["N"]
    far = np.flatnonzero(np.abs(np.log(runs["M"] / ratio)) > np.log(_ALIKE))
    if far.size:
        row = int(far[0])
        raise InputError(
            f"{runs.row_name(row)} has M = {runs['M'][row]:.3g} and D/N = {ratio[row]:.3g}: M is tokens per parameter; "
            "name the column that is with --columns M=COLUMN"
        )
