"""How numbers are written in tables: decimal points or commas, grouped digits, percent, currency, NaN and nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Literal, final

MISSING = frozenset(("", "-", "--", "—", "–", "?", ".", "na", "n/a", "#n/a", "null", "none", "nil", "missing"))
"""What stands for no value, in lower case."""

NOT_FINITE: Mapping[str, str] = {
    **dict.fromkeys(("nan", "+nan", "-nan", "-nan(ind)", "1.#qnan", "1.#ind", "-1.#ind", "#num!", "#div/0!"), "nan"),
    **{sign + word: "inf" for sign in ("", "+") for word in ("inf", "infinity", "∞", "1.#inf")},
    **{sign + word: "-inf" for sign in "-−" for word in ("inf", "infinity", "∞", "1.#inf")},
}
"""What stands for NaN and the infinities, in lower case, and how Python writes them."""

PLAIN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""What nobody can read in two ways: "4.91", "5e6", "-3"."""

_GAPS = " \u00a0\u2009\u202f'’"  # what may stand between groups of digits, beside commas and points
_WRITTEN = re.compile(
    rf"(?P<sign>[+-]?)\s*(?P<currency>[$€£]?)\s*(?P<digits>[0-9][0-9.,_{_GAPS}]*|[.,][0-9]+)"
    r"(?:(?:[eE]|[dD](?=[+-])|\s*[x×·*]\s*10(?:\^|\*\*))(?P<power>[+-]?[0-9]+))?"
    r"\s*(?P<tail>%|[A-Za-z/][A-Za-z/ ]*|)"
)
_GROUPED = re.compile(rf"[0-9]{{1,3}}(?:[{_GAPS}][0-9]{{3}})+(?=[.,]|$)")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")

Mark = Literal[".", ","]
Evidence = Literal[".", ",", "comma groups", "point groups", "either", "point or group", "none", "no number"]
"""What the digits of a number show: its decimal mark ("4.91" and "4,91"), with groups ("1,234.5" and "1.234,5"), or
that it may be read in two ways ("1,234" and "1.234")."""


@final
@dataclass(frozen=True, kw_only=True)
class Written:
    """A number as written: what its digits show of the decimal mark, and what stands around them."""

    sign: str
    digits: str
    power: str
    grouped_by_blanks: bool
    currency: bool
    tail: str
    evidence: Evidence

    @property
    def percent(self) -> bool:
        """Whether a percent sign follows."""
        return self.tail == "%"

    @property
    def has_unit(self) -> bool:
        """Whether a unit follows, or a scale such as M."""
        return bool(self.tail) and not self.percent

    def is_grouped(self, mark: Mark) -> bool:
        """Whether the digits are grouped, where the decimal mark is this one."""
        return self.grouped_by_blanks or ("," if mark == "." else ".") in self.digits

    def value(self, mark: Mark) -> float:
        """The number without its unit, where the decimal mark is this one; percent are hundredths."""
        return float(self.plain(mark)) / (100 if self.percent else 1)

    def plain(self, mark: Mark) -> str:
        """The number with a decimal point and no groups, where its decimal mark is this one; no unit, no currency."""
        digits = self.digits.replace("," if mark == "." else ".", "")
        return self.sign + digits.replace(mark, ".") + self.power


def written(text: str) -> Written | None:
    """Return how a text writes a finite number, with whatever unit; None if it does not."""
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda found: "^" + found.group().translate(_SUPERSCRIPTS), text)
    match = _WRITTEN.fullmatch(text.replace("−", "-").strip())
    if match is None:
        return None
    digits = in_file = match["digits"].strip()
    if re.search(f"[{_GAPS}]", digits):
        if not _GROUPED.match(digits):
            return None
        digits = re.sub(f"[{_GAPS}]", "", digits)
    gaps = digits != in_file
    digits = re.sub(r"(?<=\d)_(?=\d)", "", digits)
    evidence = _evidence(digits)
    if evidence == "no number" or "_" in digits:
        return None
    return Written(
        sign=match["sign"].replace("+", ""),
        digits=digits,
        power=f"e{match['power']}" if match["power"] else "",
        grouped_by_blanks=gaps,
        currency=bool(match["currency"]),
        tail=match["tail"].strip(),
        evidence=evidence,
    )


def _evidence(digits: str) -> Evidence:
    commas, points = digits.count(","), digits.count(".")
    if not commas + points:
        return "none" if digits.isdigit() else "no number"
    if commas + points == 1:
        mark: Mark = "," if commas else "."
        either: Evidence = "either" if commas else "point or group"
        return either if _is_grouped(digits, mark) else mark
    group = "." if digits.rfind(",") > digits.rfind(".") else ","
    if commas and points:
        mark = "," if group == "." else "."
        digits, _, rest = digits.rpartition(mark)
        if not rest.isdigit():
            return "no number"
    else:
        group = "," if commas else "."
    grouped: Evidence = "comma groups" if group == "," else "point groups"
    return grouped if _is_grouped(digits, group) else "no number"


def _is_grouped(digits: str, mark: str) -> bool:
    """Whether a mark may part thousands here: groups of three after a first that is not zero."""
    return bool(re.fullmatch(rf"[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+", digits))


def is_missing(text: str) -> bool:
    """Whether a text stands for no value."""
    return text.strip().lower() in MISSING


def is_number(text: str) -> bool:
    """Whether a text writes a number, be it with a unit (7B) or not finite."""
    return text.strip().lower() in NOT_FINITE or written(text) is not None


def decimal_mark(own: Set[Evidence], others: Set[Evidence], powers: bool) -> Mark | None:
    """Return the decimal mark of a column by what its own numbers show, and those of other columns; None if open.

    "1,234" alone may be 1.234 or 1234: it is 1.234 beside decimal commas, and 1234 beside decimal points or grouped
    digits, but not with a power ("1,234e6"), where nobody writes groups. "1.234" is 1.234, but beside decimal commas it
    may be 1234.
    """
    commas = bool(own & {",", "point groups"})
    points = bool(own & {".", "comma groups"})
    everywhere = own | others
    if commas and points:
        return None
    if commas:
        return None if "point or group" in own and "point groups" not in everywhere else ","
    if points:
        return None if "either" in own and "comma groups" not in everywhere else "."
    commas, points = bool(others & {",", "point groups"}), bool(others & {".", "comma groups"})
    if "either" in own:
        if "point or group" in own or powers or commas == points:
            return "," if powers and commas and not points and "point or group" not in own else None
        return "," if commas else "."
    return None if "point or group" in own and commas and not points else "."
