"""Numbers as a face shows them, read back, and found again in what a program gets: two faces, one number."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

from froude.quantity import SCALES, UNITS

LEAST_DIGITS = 3
"""Significant digits of a number with a scale or unit: "7B" is what 7.00 billion looks like, not 7.4."""

_PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
_ENERGY = {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6, "GWh": 1e9}
_ALSO = {"kWh": 1e3, "days": 86400.0, "hours": 3600.0}
"""Units in which JSON gives some numbers, in the base unit of their dimension."""

_NUMBER = re.compile(
    r"(?<![\w.])(?<!\w[-/:])(?<!hash )"  # not inside a word as h100 or arXiv:2203.15556, nor a hash
    r"(?P<sign>[-+−]?)\$?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:e(?P<exponent>[-+]?\d+)| ?[×·] ?10(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)|(?P<whole>(?<=10)[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+))?"
    r"(?P<unit>%|[TBMkKG](?![\w/])| ?(?:[kMGTPEZ]?FLOP(?:/s)?|[KMGT]i?B(?:/s)?|days?|min|h|ms|us|s|[kMG]?Wh)(?![\w/]))?"
    r"(?![\w])"
)


@final
@dataclass(frozen=True, kw_only=True)
class ShownNumber:
    """A number in a text, with all that it may mean: each reading is a value and how far off it may be."""

    text: str
    readings: tuple[tuple[float, float], ...]

    def agrees(self, numbers: list[float]) -> bool:
        """Whether one of these numbers, sorted and without signs, is shown so."""
        for value, tolerance in self.readings:
            at = bisect_left(numbers, abs(value) - tolerance)
            if at < len(numbers) and numbers[at] <= abs(value) + tolerance:
                return True
        return False


def numbers_shown(text: str) -> tuple[ShownNumber, ...]:
    """The numbers in a text, such as 4.06 s, 75.9 GiB, 7B, 49.2%, $10.4M, 1.2e+20, 4.4 × 10¹¹; none inside a word."""
    return tuple(_shown(match) for match in _NUMBER.finditer(text))


def numbers_in(data: Any) -> list[float]:
    """Every number in JSON, without its sign and sorted: values, those in its texts and keys, lengths of its lists."""
    return sorted(abs(value) for value in _values(data))


def unmatched(texts: Iterable[str], data: Any, scales: Iterable[float] = ()) -> list[str]:
    """The numbers of texts that do not stand in the data at the precision shown, each with its text.

    `scales` are those of units that stand elsewhere than beside their numbers.
    """
    numbers = numbers_in(data)
    numbers = sorted([*numbers, *(number / scale for scale in scales for number in numbers)])
    return [f"{shown.text} in {text!r}" for text in texts for shown in numbers_shown(text) if not shown.agrees(numbers)]


def _shown(match: re.Match[str]) -> ShownNumber:
    digits, unit = match["digits"].replace(",", ""), (match["unit"] or "").strip()
    exponent = match["exponent"] or (match["power"] or match["whole"] or "0").translate(_PLAIN)
    if match["whole"]:
        digits = "1"
    sign = -1.0 if match["sign"] in ("-", "−") else 1.0
    scale = 10.0 ** int(exponent)
    value = sign * float(digits) * scale
    step = scale * 10.0 ** -len(digits.partition(".")[2])
    is_rounded = bool(unit and unit != "%") or bool(match["power"] or match["whole"])
    if is_rounded and value:
        step = min(step, 10.0 ** (len(f"{abs(value):.0f}") - LEAST_DIGITS) if abs(value) >= 1 else step)
    slack = 0.5 * step + 1e-9 * abs(value)
    readings = [(value * each, slack * each) for each in sorted({1.0, *_factors(unit)})]
    if unit == "%" and match["sign"]:  # a change, of which the ratio is given
        readings.append((1 + value / 100, slack / 100))
    return ShownNumber(text=match[0], readings=tuple(readings))


def _factors(unit: str) -> Iterator[float]:
    """What a number with a unit is multiplied by in each unit that JSON may give it in."""
    if unit == "%":
        yield 0.01
    if unit in SCALES:
        yield SCALES[unit]
    if unit in UNITS:
        base = UNITS[unit][0]
        yield base
        if UNITS[unit][1] == "seconds":
            yield from (base / _ALSO[each] for each in ("days", "hours"))
    if unit in _ENERGY:
        yield _ENERGY[unit] / 1e3  # kWh
        yield _ENERGY[unit] * 3600  # joules


def _values(data: Any) -> Iterator[float]:
    if isinstance(data, bool) or data is None:
        return
    if isinstance(data, int | float):
        yield float(data)
    elif isinstance(data, str):
        yield from (value for shown in numbers_shown(data) for value, _ in shown.readings)
    elif isinstance(data, dict):
        yield float(len(data))
        for key, item in data.items():
            yield from _values(str(key))
            yield from _values(item)
    elif isinstance(data, list | tuple):
        yield float(len(data))
        for item in data:
            yield from _values(item)
