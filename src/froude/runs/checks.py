"""From a frame as read to a frame of runs: name the roles, make them numbers, derive what is missing, find faults."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from froude.runs.choices import choice_notes
from froude.runs.numbers_of_roles import Fault, Numbers, numbers_of
from froude.runs.role_search import find_roles
from froude.runs.roles import ROLES

if TYPE_CHECKING:
    import polars as pl

_POSITIVE = ("N", "D", "C")
SMALLEST, LARGEST = 1e-30, 1e60
"""Of any size and loss: nothing that was run lies beyond, and products and powers of these are still numbers."""


@final
@dataclass(frozen=True, kw_only=True)
class NamedFrame:
    """A frame with role columns first and under role names, {column as read: role} of the renamed, notes and faults."""

    frame: pl.DataFrame
    read_as: Mapping[str, str]
    notes: tuple[str, ...]
    faults: tuple[Fault, ...]


def name_roles(
    frame: pl.DataFrame, columns: Mapping[str, str] | None, open_columns: Set[str] = frozenset()
) -> NamedFrame:
    """Return the frame with its roles named and, but for optional ones, in floats, null where missing.

    A column that bears a role's name while another is taken for that role is kept, as "N (as read)". A loss that is NaN
    or infinite diverged. What is no number, an N, D or C that is infinite or not above zero, and a size or loss beyond
    what runs have, is a fault; so is a number that may be read in two ways, in `open_columns`.

    Raises InputError as `find_roles` does.
    """
    roles = find_roles(frame, columns)
    renames = {found.column: role for role, found in roles.items()}
    aside = {role: f"{role} (as read)" for role in roles if role in frame.columns and role not in renames}
    notes = list(choice_notes(frame, roles))
    notes += [f"column {roles[r].column} is read as {r}; the column {r} is kept as {n!r}" for r, n in aside.items()]
    faults: list[Fault] = []
    order = [roles[role].column for role in ROLES if role in roles]
    named = frame.select(*order, *(c for c in frame.columns if c not in order)).rename({**aside, **renames})
    for role, found in roles.items():
        shown = repr(role) if found.column == role else f"{found.column!r} ({role})"
        numbers = numbers_of(
            named[role],
            ROLES[role],
            shown,
            range(1, len(frame) + 1),
            found.header.factor,
            is_open=found.column in open_columns,
        )
        if ROLES[role].optional and found.header.factor == 1.0:
            continue  # until a law takes it
        named = named.with_columns(numbers.series)
        notes += [f"{role} {', '.join(map(repr, numbers.words))}: no number, not fitted"] if numbers.words else []
        notes += [f"{role} {', '.join(map(repr, numbers.bare))} has no unit where others have"] if numbers.bare else []
        faults += numbers.faults
        faults += _beyond(numbers, frame[found.column], shown, SMALLEST if role in _POSITIVE else -LARGEST)
    read_as = {column: role for column, role in renames.items() if column != role}
    return NamedFrame(frame=named, read_as=read_as, notes=tuple(notes), faults=tuple(faults))


def derive(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the frame with the missing one of N, D, C from C = 6·N·D, and the sentence that says so."""
    import polars as pl

    formulas = {
        "C": ("C = 6·N·D", 6 * pl.col("N") * pl.col("D")),
        "D": ("D = C/(6·N)", pl.col("C") / (6 * pl.col("N"))),
        "N": ("N = C/(6·D)", pl.col("C") / (6 * pl.col("D"))),
    }
    missing = [role for role in formulas if role not in frame.columns]
    if len(missing) != 1:
        return frame, ()
    sentence, expression = formulas[missing[0]]
    return frame.with_columns(expression.alias(missing[0])), (sentence,)


def _beyond(numbers: Numbers, as_read: pl.Series, shown: str, least: float) -> Iterator[Fault]:
    """A fault for every number outside the bounds; what diverged is in them where negative numbers are."""
    inside = numbers.series.is_between(least, LARGEST)
    good = inside if least > 0 else inside | numbers.series.is_finite().not_()
    for i in good.fill_null(True).not_().arg_true():
        value = numbers.series[i]
        must = "above 0" if least > 0 and not 0 < value < math.inf else f"from {least:g} to {LARGEST:g}"
        yield Fault(
            row=i + 1,
            sentence=f"column {shown}, row {i + 1}: {as_read[i]!r}, must be a number {must}: "
            "correct the row or leave it out with --where",
        )
