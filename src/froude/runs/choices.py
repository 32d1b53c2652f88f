"""What is said of the columns that roles were found in: their units, and other columns that might have been taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from froude.quantity import format_quantity
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
    if not others:
        return
    kind = kind_of_loss(found.header)
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
    taken = {found.column for found in roles.values()}
    others = [Found(column=c, header=Header(base=c)) for c in frame.columns if _counts_flops(c) and c not in taken]
    others = [each for each in others if holds_numbers(frame[each.column])]
    scaled = {each.column: each for each in candidates(ROLES["C"], frame)}
    others = [scaled.get(each.column, each) for each in others]
    if "C" in values:
        if six_nd is not None and (ratio := ratio_of(values["C"], six_nd)).size and abs(np.median(ratio) - 1) > _OFF:
            yield f"C is {_times(ratio)} 6·N·D"
        yield from (
            f"{each.column!r} counts FLOPs too, {_times(ratio_of(values_of(each, ROLES['C'], frame), values['C']))} C"
            for each in others
            if not roles["C"].by_hand
        )
    elif six_nd is not None:
        for each in others:
            own = values_of(each, ROLES["C"], frame)
            row = next(iter(np.flatnonzero(np.isfinite(own) & np.isfinite(six_nd))), None)
            if row is not None:
                yield (
                    f"C is 6·N·D, and {each.column!r} counts FLOPs too, {_times(ratio_of(own, six_nd))} 6·N·D "
                    f"({format_quantity(own[row])} against {format_quantity(six_nd[row])} in row {row + 1}): "
                    f"take it with --columns C={quoted(each.column)}"
                )


def _power(factor: float) -> str:
    """A factor as people write it: 1e6, 8.64e19."""
    return f"{factor:.3g}".replace("e+0", "e").replace("e+", "e")


def _counts_flops(column: str) -> bool:
    name = normal(column)
    return bool(_FLOPS.search(name)) and not _RATE.search(name) and "parameter" not in name


def _times(ratio: np.ndarray) -> str:
    """How many times as much in the median, with the range where it is wide."""
    if not ratio.size:
        return "not to be compared with"
    middle, low, high = np.median(ratio), ratio.min(), ratio.max()
    spread = f" ({low:.3g} to {high:.3g})" if high > 1.1 * low else ""
    if abs(middle - 1) < _OFF and not spread:
        return "the same as"
    return f"{middle:.3g} times{spread}"
