"""The form of a record of the atlas: a paper, its claims, and the arithmetic that ties one claim to others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, final, get_args

from froude.result import Result

Domain = Literal[
    "language",
    "systems",
    "vision",
    "3d",
    "image-generation",
    "materials",
    "other",
    "theory",
    "hardware",
    "molecules",
    "physics",
    "graphs",
    "tabular",
    "medical",
    "retrieval",
    "quantum",
    "code",
    "video",
    "recommendation",
    "robotics",
    "speech",
]
Role = Literal[
    "law",
    "data",
    "shape",
    "train",
    "compress",
    "kernel",
    "serve",
    "test-time",
    "peft",
    "algorithm",
    "study",
    "outside",
]
Runnable = Literal["cpu-now", "model-only", "record-only"]
Cost = Literal["memory", "compute", "time", "throughput", "communication", "energy", "money", "quality"]
Qualifier = Literal["exact", "mean", "median", "maximum", "at least", "about", "direction"]
Gain = Literal["ideal", "realised", "none"]
Rule = Literal["ratio", "product", "difference", "cut", "gain", "share", "six_nd", "bound"]
SIGNS = {
    "maximum": "≤ ",
    "at least": "≥ ",
    "about": "≈ ",
    "mean": "mean ",
    "median": "median ",
    "direction": "said to be ",
}
BARE = frozenset(("complexity", "direction", "formula", "duration", "count", "exponent", "fraction", "ratio", "score"))
"""Units that say nothing beside the quantity's name, and are not written."""
LARGE = 1e7  # from here on a count is written with a power of ten


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """A value that a paper gives by its two ends, both in the unit of the claim."""

    low: float
    high: float

    def __str__(self) -> str:
        """Both ends, as in "1.7 to 2.7"."""
        return f"{number(self.low)} to {number(self.high)}"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One thing that a paper says: a quantity, how large, against what, and where it holds.

    `value` is a number, a Range, or a text: a formula as "O(k)", a word as "several"; None for a claim that names a
    direction alone. `qualifier` says how the value is meant: as it stands ("exact"), as a mean or median, as a bound
    from above ("maximum", the "up to" of abstracts) or below, roughly, or as a direction. `gain` is "realised" for what
    was measured against the baseline, "ideal" for what theory or the best case allows, and "none" for what is no gain
    at all, such as a setting. `note` says what is doubtful, with the arithmetic that shows it.
    """

    quantity: str
    value: float | Range | str | None
    unit: str
    baseline: str | None
    conditions: tuple[str, ...]
    hardware: tuple[str, ...]
    qualifier: Qualifier
    gain: Gain
    note: str | None

    @property
    def size(self) -> str:
        """The value with its unit and its sign: "≤ 4 x" for "up to 4 x"; empty for a direction alone."""
        if self.value is None:
            return ""
        value = number(self.value) if isinstance(self.value, int | float) else str(self.value)
        unit = "" if self.unit in BARE else f" {self.unit}"
        return f"{SIGNS.get(self.qualifier, '')}{value}{unit}"

    @property
    def sentence(self) -> str:
        """The whole claim in one line: quantity, size, baseline, conditions, and whether the gain is an ideal one."""
        what = f"{self.quantity}: {self.size}" if self.size else self.quantity
        against = f", against {self.baseline}" if self.baseline else ""
        where = f" ({'; '.join(self.conditions)})" if self.conditions else ""
        return what + against + where + (" [ideal]" if self.gain == "ideal" else "")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimTerm:
    """A number in a relation that the paper states: that of claim number `claim`, times `scale`, a change of unit."""

    claim: int
    scale: float


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ConstantTerm:
    """A number in a relation that is no claim of its own, and where it stands."""

    value: float
    source: str


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """Arithmetic that should yield a claim: `rule` applied to `terms` gives, or bounds, claim number `claim`.

    ratio: the first over all others. product: all multiplied. difference: first − second. cut: 100 (1 − first/second),
    after and before. gain: 100 (first/second − 1). share: 100 times the ratio, a rate in percent of a peak. six_nd:
    6 × first × second, the training FLOPs of N parameters and D tokens. bound: the claim is at most the ratio.
    """

    rule: Rule
    claim: int
    terms: tuple[ClaimTerm | ConstantTerm, ...]


@final
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Record(Result):
    """What one paper says about scaling, and what would show that Froude reproduces it.

    `lever` is what one sets and what it changes, None where the paper has none; `costs` are the terms of a cost that
    its claims are about; `works_when` is the sentence a check must show; `runnable` says how far that goes on a CPU.
    """

    id: str
    title: str
    domain: Domain
    role: Role
    priority: int
    axis: str
    lever: str | None
    costs: tuple[Cost, ...]
    works_when: str
    runnable: Runnable
    claims: tuple[Claim, ...]
    relations: tuple[Relation, ...]

    @property
    def hardware(self) -> tuple[str, ...]:
        """The hardware that any of its claims names, each once."""
        return tuple(dict.fromkeys(name for claim in self.claims for name in claim.hardware))


def number(value: float) -> str:
    """A number as an abstract would write it: "2.35", "12288", "1.5e9"."""
    if value and abs(value) >= LARGE and math.isfinite(value):
        mantissa, _, exponent = f"{value:.6e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.10g}"


def choices(kind: object) -> tuple[str, ...]:
    """The words that a Literal of this file allows."""
    return get_args(kind)
