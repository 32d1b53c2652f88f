"""A software stack: what a framework of one generation takes where a layout does not say, each fact with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, final

from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Chip
from froude.cost.stack.keeping import Keeping
from froude.result import Result

ARCHITECTURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ampere": ("a100", "a800", "a40", "a10"),
        "hopper": ("h100", "h200", "h800", "h20", "gh200"),
        "blackwell": ("b200", "b300", "gb200", "gb300"),
        "cdna": ("mi",),
        "tpu": ("tpu", "v4", "v5", "v6"),
    }
)
"""Architectures by how the names of their chips begin; of what is none of these a stack says what holds for "other"."""


@final
@dataclass(frozen=True, kw_only=True)
class StackFact:
    """One thing that a stack does: the field of a layout that it sets, for which chips or number format, and to what.

    `where` is an architecture of chips, the name of a precision, or empty for all. `trust` is "published" where
    the source was looked up, "measured", "fitted" on measured steps, "as remembered" from the source, or "guess".
    """

    name: str
    where: str
    value: Any
    trust: str
    source: str


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Stack(Result):
    """A framework at one generation.

    `fields` are values of a layout's fields that it takes where nobody says, by field and then by architecture ("" for
    all others). `precisions` changes what a number format keeps in which bytes, by precision and field; "fp8 on hopper"
    goes before "fp8" on such chips. `keeps` is what it keeps in memory beside. `factors` multiply the constants of the
    step-time model: 1 for all that are not in it. `errors` are half-widths of 90%
    intervals of log step seconds, for dense models and mixtures of experts, from steps that nothing was fitted to.
    `facts` say where each of these is from, and `asked` is the version that was asked for where none of that name is
    known.
    """

    name: str
    version: str
    title: str
    fields: Mapping[str, Mapping[str, Any]]
    precisions: Mapping[str, Mapping[str, float]]
    keeps: Keeping
    factors: Mapping[str, float]
    errors: Mapping[str, float]
    facts: tuple[StackFact, ...]
    asked: str | None = field(default=None)

    @property
    def label(self) -> str:
        """As it is asked for: "megatron-bridge@26.02"."""
        return f"{self.name}@{self.version}" if self.version else self.name

    def defaults(self, chip: Chip) -> dict[str, Any]:
        """The values of a layout's fields that it takes on a chip where nobody says."""
        architecture = architecture_of(chip)
        chosen = {name: values.get(architecture, values.get("")) for name, values in self.fields.items()}
        return {name: value for name, value in chosen.items() if value is not None}

    def kept_bytes(self, precision: str, chip: Chip) -> dict[str, float]:
        """The fields of a precision that it has otherwise on a chip."""
        names = (precision, f"{precision} on {architecture_of(chip)}")
        return {field: value for name in names for field, value in self.precisions.get(name, {}).items()}

    def constants(self, shipped: Constants) -> Constants:
        """The constants of the step-time model under this stack."""
        return replace(shipped, **{name: getattr(shipped, name) * factor for name, factor in self.factors.items()})


def architecture_of(chip: Chip) -> str:
    """The architecture of a chip, by its name; "other" where it is none that stacks speak of."""
    name = chip.name.lower()
    return next((arch for arch, heads in ARCHITECTURES.items() if name.startswith(heads)), "other")
