"""Which column of a table is which role: as it is said, by its exact name, or by a synonym, with what its name says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from froude.errors import InputError
from froude.runs.headers import Header, readings
from froude.runs.missing_columns import quoted, unknown_column
from froude.runs.numbers_of_roles import holds_numbers, numbers_of
from froude.runs.roles import HELD_OUT_LOSSES, OF_A_LOSS, PLAIN_LOSSES, ROLES, TRAINING_LOSSES, Role

if TYPE_CHECKING:
    import polars as pl

_SAME = 0.05  # columns that differ by less are one count, rounded: 4.6 (M) and 4600640
_LOSSES = (HELD_OUT_LOSSES, PLAIN_LOSSES, TRAINING_LOSSES)
_KINDS_OF_LOSS = ("held-out", "", "training")


@final
@dataclass(frozen=True, kw_only=True)
class Found:
    """The column of a role, what its name says of it, and whether it was chosen by hand."""

    column: str
    header: Header
    by_hand: bool = False


def find_roles(frame: pl.DataFrame, columns: Mapping[str, str] | None) -> dict[str, Found]:
    """Return the column of each role that a table has.

    `columns` (role to column) comes first, then a column that bears the role's exact name, then a synonym that holds
    numbers, whatever its case, separators, tracker's prefix or unit ("Train Tokens", "params.tokens", "Tokens (B)").
    Of losses one held out comes before one of which the name does not say, and that before the training loss. Of two
    synonyms that hold the same numbers up to rounding the finer one is taken. An optional role is taken from `columns`
    only.

    Raises InputError for an unknown role or column in `columns`, a column mapped to two roles, or two synonyms of one
    role that differ.
    """
    mapping = _check_mapping(frame.columns, columns or {})
    roles = {r: Found(column=c, header=_by_hand(c, ROLES[r]), by_hand=True) for r, c in mapping.items()}
    always = [role for role in ROLES.values() if not role.optional and role.name not in roles]
    for role in always:
        taken = {found.column for found in roles.values()}
        free = frame.select(name for name in frame.columns if name not in taken)
        if (found := find_role(role, free)) is not None:
            roles[role.name] = found
    return roles


def find_role(role: Role, frame: pl.DataFrame) -> Found | None:
    """Return the one column that a role is found in by its name, None if there is none. InputError if there are two."""
    several = list(candidates(role, frame))
    if role.name == "loss":
        several = _best_losses(several, frame)
        if not several and role.name in frame.columns:
            return Found(column=role.name, header=Header(base=role.name))
    elif role.name in frame.columns:
        return Found(column=role.name, header=Header(base=role.name))
    if len(several) > 1 and not _agree(several, role, frame):
        shown = " or ".join(repr(each.column) for each in several)
        raise InputError(
            f"{shown} may be {role.name} ({role.meaning}): "
            f"choose with --columns {role.name}={quoted(several[0].column)}"
        )
    # Of those that agree the one without a unit: it is rounded less.
    return min(several, key=lambda found: found.header.factor, default=None)


def candidates(role: Role, frame: pl.DataFrame) -> Iterator[Found]:
    """The columns of numbers that may be a role by their names, in the order of the table."""
    for column in frame.columns:
        header = next((each for each in readings(column) if _names(each, role)), None)
        if header is not None and holds_numbers(frame[column]):
            yield Found(column=column, header=header)


def values_of(found: Found, role: Role, frame: pl.DataFrame) -> np.ndarray:
    """The numbers of a column as those of a role, in its unit, NaN where there are none, (rows,)."""
    series = frame[found.column]
    numbers = numbers_of(series, role, found.column, range(1, len(series) + 1), found.header.factor)
    return numbers.series.to_numpy().astype(float)


def kind_of_loss(header: Header) -> str:
    """On which data a loss is, by the name of its column: "held-out", "training", or "" where it does not say."""
    name = _loss_name(header)
    return next((kind for kind, names in zip(_KINDS_OF_LOSS, _LOSSES, strict=True) if name in names), "")


def ratio_of(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """The quotients of two columns where both are numbers other than zero, (k,)."""
    with np.errstate(all="ignore"):
        ratio = over / under
    return ratio[np.isfinite(ratio) & (ratio != 0)]


def _names(header: Header, role: Role) -> bool:
    if header.base == role.name and (header.factor != 1.0 or header.unit):
        return True
    name = _loss_name(header) if role.name == "loss" else header.normal
    if name not in role.synonyms or (role.dimension not in ("count", "FLOP") and header.factor != 1.0):
        return False
    # "tflops" by itself is mostly a rate, "total_tflops" is none.
    return not (name in ("flop", "flops") and "flop" in header.unit.lower() and header.factor < 1e18)


def _loss_name(header: Header) -> str:
    words = [word for word in header.normal.split("_") if word not in OF_A_LOSS]
    return header.normal if header.normal in ROLES["loss"].synonyms else "_".join(words)


def _by_hand(column: str, role: Role) -> Header:
    """What the name of a column that was mapped by hand says: its unit counts, whatever else it is called."""
    named = [each for each in readings(column) if _names(each, role)]
    scaled = [each for each in readings(column) if each.factor != 1.0 and role.dimension in ("count", "FLOP")]
    return next(iter([*named, *scaled]), Header(base=column))


def _best_losses(several: Sequence[Found], frame: pl.DataFrame) -> list[Found]:
    """The losses of the best kind: held out before unsaid before training; of those held out, not the test's."""
    filled = [each for each in several if np.isfinite(values_of(each, ROLES["loss"], frame)).any()] or several
    for kind in _KINDS_OF_LOSS:
        if best := [each for each in filled if kind_of_loss(each.header) == kind]:
            exact = [each for each in best if each.column == "loss"]
            validation = [each for each in best if "test" not in each.header.normal]
            return exact or validation or best
    return list(several)


def _agree(several: Sequence[Found], role: Role, frame: pl.DataFrame) -> bool:
    """Whether columns hold the same numbers up to rounding."""
    first, *others = [values_of(found, role, frame) for found in several]
    ratios = [ratio_of(other, first) for other in others]
    same = _SAME if role.dimension in ("count", "FLOP") else 1e-9
    return all(ratio.size and bool(np.all(np.abs(ratio - 1) < same)) for ratio in ratios)


def _check_mapping(names: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for role, column in columns.items():
        if role not in ROLES:
            raise InputError(f"{role!r} in --columns is no role: roles are {', '.join(ROLES)}, as in N=params")
        if column not in names:
            raise unknown_column(column, names)
        if column in roles.values():
            raise InputError(f"column {column!r} is mapped to two roles in --columns: map it to one")
        roles[role] = column
    return roles
