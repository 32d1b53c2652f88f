"""Numbers as every answer shows them: shares, values with the digits that they deserve, money and energy."""

from __future__ import annotations

import math

from froude.quantity import format_quantity

FEWEST_DIGITS, MOST_DIGITS = 3, 8

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage with so many decimals: 0.00644 is "0.64%"."""
    return f"{100 * share:.{digits}f}%"


def signed_percent(share: float) -> str:
    """A share as a percentage with its sign: -0.0264 is "−2.6%"."""
    return f"{100 * share:+.1f}%".replace("-0.0", "0.0").replace("+0.0", "0.0").replace("-", "−")


def count(n: int, noun: str, plural: str | None = None) -> str:
    """The number with its noun: "1 run", "7 runs", "3 families" where the plural is said."""
    return f"{n} {noun}" if n == 1 else f"{n} {plural or noun + 's'}"


def digits_for(value: float, lo: float, hi: float) -> int:
    """Significant digits of a value worth writing: two of them say where in its interval it lies."""
    half = abs(hi - lo) / 2
    if not (math.isfinite(half) and half > 0 and value):
        return MOST_DIGITS if half == 0 else FEWEST_DIGITS
    return min(MOST_DIGITS, max(FEWEST_DIGITS, math.ceil(math.log10(abs(value) / half)) + 2))


def number(value: float, digits: int) -> str:
    """A number with so many significant digits, zeros at its end kept."""
    return f"{value:#.{digits}g}".removesuffix(".").replace(".e", "e")


def number_and_interval(value: float, lo: float | None = None, hi: float | None = None) -> tuple[str, str]:
    """A value and its interval, each with as many digits as the interval's width supports; few where it is unknown."""
    if lo is None or hi is None:
        return number(value, FEWEST_DIGITS), "unknown"
    digits = digits_for(value, lo, hi)
    return number(value, digits), f"{number(lo, digits)} to {number(hi, digits)}"


def power_of_ten(value: float, digits: int = 3) -> str:
    """FLOPs as people write them: 4.36e11 is "4.36 × 10¹¹", a whole power "10¹¹", and what no float holds "inf"."""
    if not math.isfinite(value):
        return f"{value:g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    return power if float(mantissa) == 1 else f"{float(mantissa):g} × {power}"


def loss_text(value: float) -> str:
    """A loss with three decimals, or four significant digits where it is very small or large."""
    return f"{value:.3f}" if 0.1 <= abs(value) < 100 else f"{value:.4g}"


def plain_number(value: float) -> str:
    """A number of any size with three or four significant digits: 593000.0 is "5.93 × 10⁵"."""
    plain = f"{value:.4g}"
    return power_of_ten(value) if "e" in plain else plain


def amount(value: float, unit: str = "", digits: int = 3) -> str:
    """A number as people write it: 4e10 is "40B"; FLOPs and very large or small numbers are powers of ten."""
    if unit == "FLOP" or not (1e-3 <= abs(value) < 1e15 or value == 0):
        return power_of_ten(value, digits)
    return format_quantity(value, digits)


def money(dollars: float) -> str:
    """Dollars with three digits: "$10.6M"."""
    return f"${format_quantity(dollars)}"


def energy(kwh: float) -> str:
    """Energy in the largest unit of which it holds at least one: "6.5 GWh"."""
    for unit, size in (("GWh", 1e6), ("MWh", 1e3)):
        if kwh >= size:
            return f"{kwh / size:.3g} {unit}"
    return f"{kwh:.3g} kWh"
