"""Quantities in customary writing, to numbers in base units and back.

Base units: a plain count, FLOP, FLOP/s, bytes, bytes/s, seconds, dollars. One table, `UNITS`, holds every
accepted unit; `SCALES` holds what may follow a bare number ("70B" is 70e9). No writing is in both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from froude.errors import InputError

if TYPE_CHECKING:
    import numpy as np

SCALES: Mapping[str, float] = {
    **{"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "b": 1e9, "T": 1e12},
    **{"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12},
}
"""Factors that follow a bare number: "7B", "7b" (as in model names), "70 billion"."""

_SI = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21, "Y": 1e24}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50}
_SMALL = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9}
_COUNTED = ("token", "param", "parameter", "step", "sample", "sequence", "run")
_TIMES = {
    "second": 1.0, "sec": 1.0,
    "minute": 60.0, "min": 60.0,
    "hour": 3600.0, "hr": 3600.0,
    "day": 86400.0, "week": 604800.0,
}  # fmt: skip

AMOUNT = "a count or FLOP"
"""What `expect` may be where a number of either is meant: an input of a law."""

_Unit = tuple[float, str]


def _prefixed(units: Iterable[str], prefixes: Mapping[str, float], base: float, dimension: str) -> dict[str, _Unit]:
    return {p + u: (factor * base, dimension) for u in units for p, factor in prefixes.items()}


def _plural(words: Mapping[str, float], dimension: str) -> dict[str, _Unit]:
    return {w + s: (factor, dimension) for w, factor in words.items() for s in ("", "s")}


def _build_units() -> dict[str, _Unit]:
    # A bare "B" or "b" is a billion, so neither byte nor bit; "KB" is customary, other units take only "k".
    scaled = {p: f for p, f in _SI.items() if p} | {"K": 1e3}
    data = {
        **_prefixed(["B"], scaled | _BINARY, 1.0, "bytes"),
        **_prefixed(["b"], scaled | _BINARY, 1 / 8, "bytes"),
        **_prefixed(["bit", "bits"], _SI | _BINARY, 1 / 8, "bytes"),
        **_prefixed(["byte", "bytes"], {"": 1.0}, 1.0, "bytes"),
    }
    rates = {unit + "/s": (factor, "bytes/s") for unit, (factor, _) in data.items()}
    rates |= _prefixed(["bps"], scaled, 1 / 8, "bytes/s")
    return {
        **data,
        **rates,
        **_prefixed(["FLOP", "FLOPs", "flop", "flops"], _SI, 1.0, "FLOP"),
        **_prefixed(["FLOP/s", "FLOPs/s", "flop/s", "flops/s"], _SI, 1.0, "FLOP/s"),
        **_prefixed(["s"], _SMALL, 1.0, "seconds"),
        **_plural(_TIMES, "seconds"),
        **{"h": (3600.0, "seconds"), "d": (86400.0, "seconds")},
        **_plural(dict.fromkeys(_COUNTED, 1.0), "count"),
        **_plural({"dollar": 1.0}, "dollars"),
        **{"$": (1.0, "dollars"), "USD": (1.0, "dollars")},
    }


UNITS: Mapping[str, _Unit] = _build_units()
"""Every accepted unit with its factor to the base unit and its dimension."""

_ACCEPTED = "write it like 70B, 7e9, 1e21 FLOP, 80 GiB, 30 days, 400 Gb/s or $3M"
_HINTS = {
    "m": "write M for million or min for minutes",
    "t": "write T for trillion",
    "FLOPS": "write FLOP for a count or FLOP/s for a rate",
}
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}(?=[eE]|\s*[A-Za-z])")
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d*)?|\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


def parse_quantity(text: str, *, expect: str | None = None) -> float:
    """Return the number that `text` writes, in base units (count, FLOP, bytes, seconds, bytes/s, dollars).

    `expect` names the dimension wanted, for example "seconds"; a number without a unit is taken to be in it.
    Upper and lower case matter in symbols ("Gb" are bits, "GB" bytes), not in words ("30 Days").

    A comma between groups of digits counts for nothing ("1,024"); "1,234e6" and "1,234B", in which it may be a decimal
    comma, are refused.

    Raises InputError, naming the text, if it is no quantity or one of another dimension.
    """
    body = text.strip()
    dollars = body.startswith("$")
    body = body.removeprefix("$").lstrip()
    match = _NUMBER.match(body)
    if match is None:
        raise InputError(f"{text!r} is not a quantity: {_ACCEPTED}")
    if _EITHER.match(body):
        point, none = body.replace(",", ".", 1), body.replace(",", "", 1)
        raise InputError(f"{text!r} may be {point} or {none}: write it with a decimal point and without commas")
    number = float(match.group().replace(",", "").replace("_", ""))
    factor, dimension = _unit(body[match.end() :].strip(), text)
    if dollars and dimension:
        raise InputError(f"{text!r} has two units, dollars and {dimension}: {_ACCEPTED}")
    _check_dimension(text, "dollars" if dollars else dimension, expect)
    if not math.isfinite(number * factor):
        raise InputError(f"{text!r} is too large for a number: {_ACCEPTED}")
    return number * factor


def read_quantity(value: Any, expect: str | None = None) -> float:
    """Return a number, or what a text writes as `parse_quantity` reads it. InputError for what is neither."""
    if isinstance(value, str):
        return parse_quantity(value, expect=expect)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"a {type(value).__name__} is no quantity: {_ACCEPTED}") from None


def read_quantities(values: Any) -> np.ndarray:
    """Return numbers, texts such as "7B", or lists and arrays of either as an array of floats of their shape.

    InputError, naming the value, for what is no quantity.
    """
    import numpy as np

    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError("lists of unequal length are no array of quantities: give one number for each place") from None
    if array.dtype.kind in "fiu":
        return array.astype(float)
    return np.array([read_quantity(value, AMOUNT) for value in array.ravel().tolist()], dtype=float).reshape(
        array.shape
    )


def parse_assignments(text: str) -> dict[str, float]:
    """Return {"N": 70e9, "D": 1.4e12} for "N=70B,D=1.4T"; a comma inside a number ("N=1,024") is kept.

    Raises InputError for a part without "=", a name given twice, or a value that is no quantity.
    """
    values: dict[str, float] = {}
    for part in re.split(r",(?!\d{3}(?!\d))|,(?=\s*[A-Za-z_]\w*\s*=)", text):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if values and re.fullmatch(r"\d.*", part.strip()):
            raise InputError(f"{text!r} may have a decimal comma: write a point, and name=value, as in N=70B,D=1.4T")
        if not equals or not name:
            raise InputError(f"{part.strip()!r} in {text!r} is no assignment: write name=value, as in N=70B,D=1.4T")
        if name in values:
            raise InputError(f"{name!r} is given twice in {text!r}: give it once")
        values[name] = parse_quantity(value, expect=AMOUNT)
    return values


def format_quantity(value: float, digits: int = 3) -> str:
    """Return `value` in customary writing with `digits` significant digits: 7e10 becomes "70B".

    From 1e15 on, and below 0.001, scientific writing is used ("5.76e+23"). `parse_quantity` reads it back.
    """
    rounded = float(f"{value:.{digits}g}")  # first, so that 999.9e6 becomes 1B and not 1000M
    size = abs(rounded)
    if 1e3 <= size < 1e15:
        suffix, factor = next((s, SCALES[s]) for s in "TBMk" if size >= SCALES[s])
        return _plain(rounded / factor, digits) + suffix
    return _plain(rounded, digits) if size < 1e3 else f"{rounded:.{digits}g}"


def format_seconds(value: float, digits: int = 3) -> str:
    """Return a duration in the largest unit of which it holds at least one: 300 s becomes "5 min"."""
    text = _in_unit(value, {"days": 86400.0, "h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}, digits)
    return "1 day" if text == "1 days" else text


def format_bytes(value: float, digits: int = 3) -> str:
    """Return a size in binary units, as memory is sold and reported: 80 * 2**30 becomes "80 GiB"."""
    return _in_unit(value, {p + "B": _BINARY[p] for p in ("Ti", "Gi", "Mi", "Ki")} | {"bytes": 1.0}, digits)


def _unit(written: str, text: str) -> tuple[float, str]:
    """Return factor and dimension; the dimension is empty for a number without a unit."""
    if not written:
        return 1.0, ""
    words = written[:1].lower() + written[1:] if len(written) > 2 else written  # "Days", but not "S" or "MB"
    for unit in (written, words):
        if unit in SCALES:
            return SCALES[unit], ""
        if unit in UNITS:
            return UNITS[unit]
    scale, _, noun = written.partition(" ")
    factor, dimension = UNITS.get(noun.strip(), (1.0, ""))
    if scale in SCALES and dimension in ("count", "FLOP", "dollars"):
        return SCALES[scale] * factor, dimension
    if re.match(r",\d", written):
        raise InputError(f"{text!r} has a decimal comma: write a point")
    raise InputError(f"{text!r} has an unknown unit {written!r}: {_HINTS.get(written.lstrip('kMGTPEZY'), _ACCEPTED)}")


def _check_dimension(text: str, dimension: str, expect: str | None) -> None:
    if expect is None or dimension == expect:
        return
    if expect == AMOUNT and dimension in ("", "count", "FLOP"):
        return
    if dimension:
        examples = {AMOUNT: f"give {AMOUNT}, as in 70B or 1e21 FLOP", "count": "give a count, as in 70B"}
        wanted = examples.get(expect, f"give it in {expect}")
        raise InputError(f"{text!r} is in {dimension}: {wanted}")
    if expect == "bytes" and text.strip()[-1] in "Bb":
        raise InputError(f"{text!r} may be bytes or billions: write bytes, GB or GiB")


def _in_unit(value: float, units: Mapping[str, float], digits: int) -> str:
    size = abs(float(f"{value:.{digits}g}"))
    unit = next((u for u, factor in units.items() if size >= factor), None)
    if unit is None:
        unit = list(units)[-1] if size else next(u for u, factor in units.items() if factor == 1.0)
    return f"{_plain(value / units[unit], digits)} {unit}"


def _plain(value: float, digits: int) -> str:
    """Write without an exponent where the digits before the point exceed those asked for (1023 KiB)."""
    return f"{value:.0f}" if 10**digits <= abs(value) < 1e15 else f"{value:.{digits}g}"
