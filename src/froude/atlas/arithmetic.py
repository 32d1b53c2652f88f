"""Claims checked by arithmetic: against themselves, against each other, and against what is possible at best."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, final

from froude.atlas.records import atlas_records
from froude.atlas.schema import Claim, ClaimTerm, ConstantTerm, Range, Record, Relation, number
from froude.result import Result

Verdict = Literal["holds", "contradicts", "exceeds"]
ROUGHLY = 0.1  # a guess: how far "about" reaches to either side
SHARE_UNITS = ("% of peak", "% of all")
SHARE = re.compile(
    r"\b(utili[sz]ation|accuracy|recall|precision|cut|reduction|saving|saved|removed|kept|left|share|top-1|solved"
    r"|resolved|coverage|efficiency)\b"
)
CHANGE = re.compile(r"\b(gain|improvement|increase|change)\b")
Ends = tuple[float, float]


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Finding(Result):
    """One rule applied to one claim.

    `verdict` is "holds"; "contradicts" where no rounding reconciles the numbers; or, of a bound, "exceeds": the gain
    realised is larger than the ideal one, so that something else than what the record names must have helped.
    `stated` is the claim as it stands, `numbers` the arithmetic, `note` the record's own.
    """

    rule: str
    record: str
    claim: int
    quantity: str
    stated: str
    numbers: str
    verdict: Verdict
    note: str | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"note": self.note or ""}


def check_atlas(records: Iterable[Record] | None = None) -> tuple[Finding, ...]:
    """Every rule that applies to the given records, those of the atlas by default, in their order.

    Numbers are compared as they are rounded: 42 stands for 41.5 to 42.5, 100 for 95 to 105, "about" for 10% more to
    either side. A claim "at least" may be larger, one "at most" is taken at its bound.
    """
    checked = atlas_records() if records is None else records
    return tuple(finding for record in checked for finding in check_record(record))


def check_record(record: Record) -> Iterator[Finding]:
    """Every rule that applies to one record: ends in order, shares within 0 and 100%, and its relations."""
    for i, claim in enumerate(record.claims):
        if isinstance(claim.value, Range):
            numbers = f"{number(claim.value.low)} ≤ {number(claim.value.high)}"
            yield _finding("ends", record, i, numbers, claim.value.low <= claim.value.high)
        if is_share(claim):
            low, high = ends(claim)
            yield _finding("share of 100%", record, i, f"0 ≤ {range_text(low, high)} ≤ 100", low >= 0 and high <= 100)
    for relation in record.relations:
        yield _judge(record, relation)


def is_share(claim: Claim) -> bool:
    """Whether a claim is a percentage of a whole, which no more than 100 can be; a gain is none."""
    if claim.value is None or isinstance(claim.value, str):
        return False
    if claim.unit in SHARE_UNITS:
        return True
    return claim.unit == "%" and bool(SHARE.search(claim.quantity)) and not CHANGE.search(claim.quantity)


def ends(claim: Claim) -> Ends:
    """The least and the largest number that a claim with a number states, not widened by rounding."""
    if isinstance(claim.value, Range):
        return claim.value.low, claim.value.high
    if claim.value is None:
        raise ValueError(f"{claim.quantity} has no number")
    return float(claim.value), float(claim.value)


def half_digit(value: float) -> float:
    """Half of the last digit that a number as written can be held to: the second of 100, the first after 1.5."""
    if not value:
        return 0.0
    digits, _, exponent = f"{abs(value):.10e}".partition("e")
    last = int(exponent) - len(digits.rstrip("0").partition(".")[2])
    return 0.5 * 10.0 ** min(last, max(int(exponent) - 1, 0))


def rounding_range(claim: Claim) -> Ends:
    """The numbers that a claim may stand for: its ends, widened by half a digit, and by more for "about"."""
    low, high = ends(claim)
    low, high = low - half_digit(low), high + half_digit(high)
    if claim.qualifier == "about":
        low, high = low - ROUGHLY * abs(low), high + ROUGHLY * abs(high)
    return low, math.inf if claim.qualifier == "at least" else high


def _ratio(terms: list[Ends]) -> Ends:
    return terms[0][0] / math.prod(t[1] for t in terms[1:]), terms[0][1] / math.prod(t[0] for t in terms[1:])


def _product(terms: list[Ends]) -> Ends:
    return math.prod(t[0] for t in terms), math.prod(t[1] for t in terms)


def _cut(terms: list[Ends]) -> Ends:
    low, high = _ratio(terms)
    return 100 * (1 - high), 100 * (1 - low)


def _scale(ends_: Ends, factor: float, shift: float = 0.0) -> Ends:
    return factor * ends_[0] + shift, factor * ends_[1] + shift


RULES: dict[str, Callable[[list[Ends]], Ends]] = {
    "ratio": _ratio,
    "product": _product,
    "difference": lambda terms: (terms[0][0] - terms[1][1], terms[0][1] - terms[1][0]),
    "cut": _cut,
    "gain": lambda terms: _scale(_ratio(terms), 100, -100),
    "share": lambda terms: _scale(_ratio(terms), 100),
    "six_nd": lambda terms: _scale(_product(terms), 6),
    "bound": _ratio,
}
"""Rule → the least and largest result, of positive terms given by their least and largest numbers."""
FORMS = {"cut": "100 (1 − {})", "gain": "100 ({} − 1)", "share": "100 · {}", "six_nd": "6 · {}"}
SIGNS = {"product": " · ", "six_nd": " · ", "difference": " − "}
NAMES = {"six_nd": "FLOPs against 6·N·D", "share": "percent of the peak", "bound": "gain against its bound"}


def _judge(record: Record, relation: Relation) -> Finding:
    """A relation of a record, judged: as a bound, or as a number that rounding must reach."""
    claim, of = record.claims[relation.claim], RULES[relation.rule]
    low, high = of([_term(record, term) for term in relation.terms])
    formula = arithmetic(record, relation)
    name = NAMES.get(relation.rule, f"{relation.rule} of its ends")
    if relation.rule == "bound":
        share = ends(claim)[1] / of([_plain(record, term) for term in relation.terms])[1]
        numbers = f"{claim.size}, ideal {formula}: {100 * share:.4g}% of it"
        return _finding(name, record, relation.claim, numbers, ends(claim)[1] <= high, "exceeds")
    least, most = rounding_range(claim)
    return _finding(name, record, relation.claim, f"{claim.size} from {formula}", low <= most and least <= high)


def arithmetic(record: Record, relation: Relation) -> str:
    """What a relation computes and what comes out, in the numbers as stated: "16 / 4 = 4"."""
    terms = [_plain(record, term) for term in relation.terms]
    parts = SIGNS.get(relation.rule, " / ").join(range_text(*term) for term in terms)
    formula = FORMS.get(relation.rule, "{}").format(parts)
    result = range_text(*RULES[relation.rule](terms))
    return result if formula == result else f"{formula} = {result}"


def _plain(record: Record, term: ClaimTerm | ConstantTerm) -> Ends:
    if isinstance(term, ConstantTerm):
        return term.value, term.value
    return _scale(ends(record.claims[term.claim]), term.scale)


def _term(record: Record, term: ClaimTerm | ConstantTerm) -> Ends:
    return (
        _plain(record, term)
        if isinstance(term, ConstantTerm)
        else _scale(rounding_range(record.claims[term.claim]), term.scale)
    )


def range_text(low: float, high: float) -> str:
    """One number, or two ends, to four digits."""
    numbers = [number(float(f"{one:.4g}")) for one in (low, high)]
    return numbers[0] if numbers[0] == numbers[1] else " to ".join(numbers)


def _finding(
    rule: str, record: Record, claim: int, numbers: str, is_so: bool, otherwise: Verdict = "contradicts"
) -> Finding:
    one = record.claims[claim]
    verdict: Verdict = "holds" if is_so else otherwise
    return Finding(
        rule=rule,
        record=record.id,
        claim=claim,
        quantity=one.quantity,
        stated=one.size,
        numbers=numbers,
        verdict=verdict,
        note=one.note,
    )
