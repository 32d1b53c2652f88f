"""What a law asks of a table: inputs found under another name, or derived, when they are wanted and not before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from froude.errors import InputError
from froude.runs.checks import holds_numbers, numbers_of
from froude.runs.roles import ROLES, synonym_of

if TYPE_CHECKING:
    import polars as pl

    from froude.runs.table import Runs

_RATIOS = {"M": ("D", "N"), "S": ("D", "B"), "B": ("D", "S")}
_ALIKE = 10.0  # whatever counts as a parameter, counts differ by less than this factor


def asked_of(runs: Runs, roles: Iterable[str]) -> Runs:
    """Return runs with a column for each of these roles that can be had; `derived` says how it was come by.

    A role that few laws take (S, B, M, U, P, lr) is found under its own name, else under a synonym, else as
    M = D/N, S = D/B or B = D/S; texts such as "7B" become numbers. L, a loss that is an input, is the column loss.
    A role that cannot be had is left out: the law says that it misses it.

    Raises InputError for two synonyms of one role, a text that is no number, and an M that is far from D/N.
    """
    wanted = tuple(roles)
    for role in wanted:
        runs = _with(runs, role)
    if "M" in wanted:
        _check_tokens_per_parameter(runs)
    return runs


def _with(runs: Runs, name: str) -> Runs:
    import polars as pl

    if name == "L" and name not in runs and "loss" in runs:
        return _adding(runs, pl.col("loss").alias(name), "L = loss")
    found = _found(runs, name)
    if name in found or name not in _RATIOS:
        return found
    over, under = _RATIOS[name]
    found = _found(_found(runs, over), under)
    if over not in found or under not in found:
        return runs
    return _adding(found, (pl.col(over) / pl.col(under)).alias(name), f"{name} = {over}/{under}")


def _found(runs: Runs, name: str) -> Runs:
    """Runs with the column that bears the role's name, or a synonym of it, in numbers."""
    import polars as pl

    if name not in ROLES or not ROLES[name].asked:
        return runs
    if name not in runs:
        column = synonym_of(ROLES[name], runs.columns, lambda each: holds_numbers(runs.frame[each]))
        if not column:
            return runs
        runs = _adding(runs, pl.col(column).alias(name), f"{name} is the column {column!r}")
    return replace(
        runs, frame=runs.frame.with_columns(numbers_of(runs.frame[name], ROLES[name], repr(name), runs.rows))
    )


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
