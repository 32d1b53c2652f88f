"""Claims of one kind side by side: which have a unit and a word in common, in groups, the largest first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, final, get_args

from froude.atlas.schema import Claim, Range, Record
from froude.errors import InputError

GroupedBy = Literal["role", "hardware", "bits", "batch"]

PATTERNS: Mapping[str, str] = {
    "bits": r"(?:\b(\d+(?:\.\d+)?)[- ]?bits?\b|\bW(\d+)A\d|\bINT(\d+)\b|\bFP(\d+)\b)",
    "batch": r"\bbatch(?: size)?(?: of| below| up to)? (\d+)",
}
"""How a claim's own words name the number that it is grouped by."""


@final
@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    """One claim among others of its kind: its group and the ends of its value."""

    record: Record
    claim: Claim
    group: str
    low: float
    high: float


def select_claims(records: Iterable[Record], *, about: str, unit: str = "x", by: str = "role") -> tuple[ClaimRow, ...]:
    """The claims of a unit with a value above 0 whose quantity has a word of `about`: groups in order, largest first.

    `by` groups them by the record's role, or by the hardware, bits or batch that the paper names; claims that name no
    bits or batch are left out, for nothing says where they belong.
    Raises InputError where no claim is of that kind, or `by` is no such word.
    """
    if by not in get_args(GroupedBy):
        raise InputError(f"by {by!r} is unknown: give one of {', '.join(get_args(GroupedBy))}")
    rows = [
        ClaimRow(record=record, claim=claim, group=group, low=ends[0], high=ends[1])
        for record in records
        for claim in record.claims
        if claim.unit == unit and any(word in claim.quantity.lower() for word in about.lower().split())
        if (ends := _positive_ends(claim)) and (group := _group(record, claim, by))
    ]
    if not rows:
        raise InputError(f"no claim in {unit!r} has a word of {about!r}: give other words or another unit")
    is_numbered = by in PATTERNS
    return tuple(sorted(rows, key=lambda row: (_group_number(row.group) if is_numbered else 0, row.group, -row.high)))


def _positive_ends(claim: Claim) -> tuple[float, float] | None:
    """The ends of a claim's value; None where it has none that a logarithm takes."""
    value = claim.value
    ends = (value.low, value.high) if isinstance(value, Range) else (value, value)
    numbers = tuple(float(end) for end in ends if isinstance(end, int | float) and math.isfinite(end) and end > 0)
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _group(record: Record, claim: Claim, by: str) -> str | None:
    """The group of a claim; None where nothing names one."""
    if by == "role":
        return record.role
    if by == "hardware":
        return ", ".join(claim.hardware) or "hardware not named"
    for words in (" ".join((claim.quantity, *claim.conditions)), record.title, record.lever or ""):
        match = re.search(PATTERNS[by], words, flags=re.IGNORECASE)
        if match:
            value = next(one for one in match.groups() if one)
            return f"batch {value}" if by == "batch" else f"{value} bits"
    return None


def _group_number(group: str) -> float:
    """The number that a group of bits or batch is named by."""
    return float(re.findall(r"\d+(?:\.\d+)?", group)[0])
