"""What is said of the columns that roles were found in: their units, and other columns that might have been taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from froude.runs.counting import count_note
from froude.runs.headers import Header, normal
from froude.runs.missing_columns import quoted
from froude.runs.numbers_of_roles import holds_numbers
from froude.runs.role_search import Found, candidates, kind_of_loss, ratio_of, values_of
from froude.runs.roles import ROLES

if TYPE_CHECKING:
    import polars as pl

_FLOPS = re.compile(r"flops?|flos|compute")
_RATE = re.compile(r"(^|_)per($|_)|(^|_)s(ec|econds?)?$|mfu|hfu|util|throughput|peak|gpu|device|chip|efficiency")
_OFF = 0.1  # FLOPs that differ by less from 6·N·D are the same for a law


def choice_notes(frame: pl.DataFrame, roles: Mapping[str, Found]) -> Iterator[str]:
    """The sentences on how roles were found in a frame, which is as read."""
    for name, found in roles.items():
        yield from _unit(name, found)
    if "N" in roles:
        note = count_note(frame, roles["N"].column)
        yield from [note] if note else []
    if "loss" in roles and not roles["loss"].by_hand:
        yield from _other_losses(frame, roles["loss"])
    if "D" in roles and not roles["D"].by_hand:
        yield from _other_tokens(frame, roles["D"])
    yield from _flops(frame, roles)


def _unit(name: str, found: Found) -> Iterator[str]:
    factor, column = found.header.factor, found.column
    if factor != 1.0:
        yield f"{name} is the column {column!r} times {_power(factor)}, the unit in its name"
    elif re.search(r"(^|_)(bits?|bpb|bpc)($|_)", normal(found.header.unit or column)):
        yield f"{name} is in bits, as the column {column!r} says: nothing is converted"


def _other_losses(frame: pl.DataFrame, found: Found) -> Iterator[str]:
    others = [each for each in candidates(ROLES["loss"], frame) if each.column != found.column]
    kind = kind_of_loss(found.header)
    if not others:
        if kind == "training":
            yield f"loss is the training loss {found.column!r}, and no held-out loss is there"
        return
    named = " and ".join(f"{each.column!r}{_kind(each)}" for each in others[:3])
    verb, which = ("is", "it") if len(others) == 1 else ("are", "one")
    yield (
        f"loss is the {f'{kind} loss' if kind else 'column'} {found.column!r}; {named} {verb} there too: "
        f"take {which} with --columns loss={quoted(others[0].column)}"
    )


def _kind(found: Found) -> str:
    """On which data a loss is, in brackets; the Hugging Face Trainer calls that of training "loss"."""
    kind = kind_of_loss(found.header)
    if found.column == "loss":
        return " (of training, if the Hugging Face Trainer logged it)"
    return f" ({kind})" if kind else ""


def _other_tokens(frame: pl.DataFrame, found: Found) -> Iterator[str]:
    own = values_of(found, ROLES["D"], frame)
    for other in candidates(ROLES["D"], frame):
        if other.column != found.column:
            ratio = ratio_of(values_of(other, ROLES["D"], frame), own)
            much = f" ({np.median(ratio):.3g} times as much)" if ratio.size else ""
            yield (
                f"D is the column {found.column!r}; {other.column!r}{much} counts tokens too: "
                f"take it with --columns D={quoted(other.column)}"
            )


def _flops(frame: pl.DataFrame, roles: Mapping[str, Found]) -> Iterator[str]:
    """Which FLOPs are C, and how other columns of FLOPs and 6·N·D differ from them."""
    values = {name: values_of(found, ROLES[name], frame) for name, found in roles.items() if name in ("N", "D", "C")}
    with np.errstate(over="ignore"):
        six_nd = 6 * values["N"] * values["D"] if {"N", "D"} <= {*values} else None
    if "C" in values:
        if six_nd is not None and (ratio := ratio_of(values["C"], six_nd)).size and abs(np.median(ratio) - 1) > _OFF:
            yield f"C is {_times(ratio, '6·N·D')}"
        for column, flops in () if roles["C"].by_hand else _other_flops(frame, roles):
            yield f"{column!r} counts FLOPs too, {_times(ratio_of(flops, values['C']), 'C')}"
    elif six_nd is not None:
        for column, flops in _other_flops(frame, roles):
            row = next(iter(np.flatnonzero(np.isfinite(flops) & np.isfinite(six_nd))), None)
            if row is not None:
                yield (
                    f"C is 6·N·D, and {column!r} counts FLOPs too, {_times(ratio_of(flops, six_nd), '6·N·D')} "
                    f"({flops[row]:.3g} against {six_nd[row]:.3g} in row {row + 1}): "
                    f"take it with --columns C={quoted(column)}"
                )


def _other_flops(frame: pl.DataFrame, roles: Mapping[str, Found]) -> Iterator[tuple[str, np.ndarray]]:
    """The columns that count FLOPs by their names and are no role, with their values (rows,)."""
    taken = {found.column for found in roles.values()}
    with_units = {each.column: each for each in candidates(ROLES["C"], frame)}
    for column in frame.columns:
        if column not in taken and _counts_flops(column) and holds_numbers(frame[column]):
            found = with_units.get(column, Found(column=column, header=Header(base=column)))
            yield column, values_of(found, ROLES["C"], frame)


def _power(factor: float) -> str:
    """A factor as people write it: 1e6, 8.64e19."""
    return f"{factor:.3g}".replace("e+0", "e").replace("e+", "e")


def _counts_flops(column: str) -> bool:
    name = normal(column)
    return bool(_FLOPS.search(name)) and not _RATE.search(name) and "parameter" not in name


def _times(ratio: np.ndarray, other: str) -> str:
    """How many times another count in the median, with the range where it is wide."""
    if not ratio.size:
        return f"in no row that has {other}"
    middle, low, high = np.median(ratio), ratio.min(), ratio.max()
    spread = f" in the median ({low:.3g} to {high:.3g})" if high > 1.1 * low else ""
    if abs(middle - 1) < _OFF and not spread:
        return f"the same as {other}"
    return f"{middle:.3g} times {other}{spread}"
