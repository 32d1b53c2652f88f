"""A published training: what its report states, each fact with its source and trust."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import NumberSource
from froude.quantity import format_quantity, parse_quantity
from froude.result import Result

OUTCOMES = ("device_hours", "tokens_per_second")
"""Facts that say what a training took, and decide nothing."""

_TASK = ("model", "machine", "tokens", "seq_len", "global_batch", "precision")


@final
@dataclass(frozen=True, kw_only=True)
class StatedFact:
    """A value that a report states, with where it stands and how far to believe it."""

    value: Any
    source: NumberSource


@final
@dataclass(frozen=True, kw_only=True)
class RecipeSettings:
    """What a plan takes from a recipe: None, or no entry of `fixed`, where the report states nothing."""

    seq_len: int | None
    global_batch: int | None
    precision: str | None
    fixed: Mapping[str, Any]


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class PublishedTraining(Result):
    """A training that was published, by the facts that its report states.

    `facts` are by name: model, machine, tokens, seq_len, global_batch, precision, fields of `Layout`, and what it took.
    """

    name: str
    title: str
    facts: Mapping[str, StatedFact]
    note: str = ""

    @property
    def model(self) -> str:
        """The model, as `get_model` reads it."""
        return str(self.facts["model"].value)

    @property
    def machine(self) -> str:
        """The machine, as `get_machine` reads it."""
        return str(self.facts["machine"].value)

    @property
    def tokens(self) -> float:
        """Tokens trained on."""
        return parse_quantity(str(self.facts["tokens"].value), expect="count")

    @property
    def layout(self) -> dict[str, Any]:
        """Fields of `Layout` that the report states."""
        return {name: fact.value for name, fact in self.facts.items() if name not in (*_TASK, *OUTCOMES)}

    @property
    def device_hours(self) -> float:
        """Device hours that were reported, or that follow from the speed of a device that was."""
        if (hours := self.facts.get("device_hours")) is not None:
            return parse_quantity(str(hours.value), expect="count")
        return self.tokens / float(self.facts["tokens_per_second"].value) / 3600

    @property
    def devices(self) -> int:
        """Devices of its machine."""
        return get_machine(self.machine).devices

    def settings(self, *, given: Mapping[str, Any]) -> RecipeSettings:
        """What a plan takes from it where the user gives some fields of a layout."""
        return RecipeSettings(
            seq_len=self._value("seq_len"),
            global_batch=self._value("global_batch"),
            precision=self._value("precision"),
            fixed={**self.layout, **given},
        )

    def sentences(self) -> Iterator[str]:
        """A sentence on each fact that is not read in its source, and on what was reported."""
        for name, fact in self.facts.items():
            if name not in OUTCOMES and fact.source.trust != "published":
                yield f"recipe: {name} = {fact.value} ({fact.source})"
        reported = f"{format_quantity(self.device_hours)} device hours"
        outcome = next(self.facts[name] for name in OUTCOMES if name in self.facts)
        yield f"recipe: {self.title} took {reported}, as reported ({outcome.source})"
        if self.note:
            yield f"recipe: {self.note}"

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON: every fact with trust and source."""
        facts = {
            name: {"value": fact.value, "trust": fact.source.trust, "source": fact.source.source}
            for name, fact in self.facts.items()
        }
        return {
            "name": self.name,
            "title": self.title,
            "facts": facts,
            "device_hours": self.device_hours,
            "note": self.note,
        }

    def _value(self, name: str) -> Any:
        return self.facts[name].value if name in self.facts else None
