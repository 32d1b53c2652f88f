"""Values that cannot be what their column is called: a sentence each, for a person to look at the column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from froude.quantity import format_quantity
from froude.runs.roles import ROLES

if TYPE_CHECKING:
    import polars as pl

_UNIT = {"N": "Params (M)", "D": "Tokens (B)", "C": "FLOPs (1e18)"}
_WORST_LOSS = 20.0  # ln of a vocabulary of 485 million
_FAR_FROM_SIX_ND = 30.0  # attention, embeddings and experts explain less


@final
@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a count of a training can be at least and at most: the smallest toys, and far beyond the largest model."""

    least: float
    most: float


BOUNDS: Mapping[str, Bounds] = {
    "N": Bounds(least=1e2, most=1e16),
    "D": Bounds(least=1e3, most=1e18),
    "C": Bounds(least=1e6, most=1e32),
}


def implausible(frame: pl.DataFrame, names: Mapping[str, str], derived: tuple[str, ...]) -> Iterator[str]:
    """The sentences on the roles of a frame of runs; `names` are their columns as read, `derived` as of `Runs`."""
    for role in BOUNDS:
        if role in frame.columns and not any(sentence.startswith(f"{role} = ") for sentence in derived):
            yield from _out_of_bounds(role, _values(frame, role), names.get(role, role))
    if "loss" in frame.columns:
        yield from _loss(_values(frame, "loss"), names.get("loss", "loss"))
    if {"N", "D", "C"} <= {*frame.columns} and not derived:
        yield from _six_nd(*(_values(frame, role) for role in ("N", "D", "C")))


def _out_of_bounds(role: str, values: np.ndarray, column: str) -> Iterator[str]:
    bounds, values = BOUNDS[role], values[np.isfinite(values) & (values > 0)]
    few, many = values[values < bounds.least], values[values > bounds.most]
    if few.size:
        yield (
            f"{role} = {_range(few)} in {few.size} of {values.size} runs: no training has so few "
            f"{ROLES[role].meaning}; if {column!r} counts in millions, billions or such, say so in its name, as in "
            f"{_UNIT[role]!r}"
        )
    if many.size:
        yield (
            f"{role} = {_range(many)} in {many.size} of {values.size} runs: no training has so many "
            f"{ROLES[role].meaning}; check the unit of {column!r}"
        )


def _loss(values: np.ndarray, column: str) -> Iterator[str]:
    finite = values[np.isfinite(values)]
    if (finite < 0).any():
        yield (
            f"loss is negative in {int((finite < 0).sum())} of {finite.size} runs ({column!r}): a log-likelihood is "
            "the loss with its sign turned"
        )
    high = finite[finite > _WORST_LOSS]
    if high.size:
        yield (
            f"loss = {_range(high)} in {high.size} of {finite.size} runs ({column!r}): guessing costs less than "
            f"{_WORST_LOSS:g} nats a token; of a perplexity take the logarithm"
        )


def _six_nd(N: np.ndarray, D: np.ndarray, C: np.ndarray) -> Iterator[str]:
    with np.errstate(all="ignore"):
        ratio = C / (6 * N * D)
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    middle = float(np.median(ratio)) if ratio.size else 1.0
    if not 1 / _FAR_FROM_SIX_ND < middle < _FAR_FROM_SIX_ND:
        yield f"C is {middle:.2g} times 6·N·D: check the units of N, D and C"


def _values(frame: pl.DataFrame, role: str) -> np.ndarray:
    return frame[role].cast(float).to_numpy().astype(float)


def _range(values: np.ndarray) -> str:
    low, high = values.min(), values.max()
    return format_quantity(low) if low == high else f"{format_quantity(low)} to {format_quantity(high)}"
