"""A software stack: what a framework of one generation takes where a layout does not say, each fact with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, final

import numpy as np

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

    `kind` is the part of a stack's file that it stands in: "fields", "precisions", "factors", "errors" or
    "serving". `where` is an
    architecture of chips, the name of a precision, or empty for all. `trust` is "published" where the source was looked
    up, "measured", "fitted" on measured steps, "as remembered" from the source, or "guess".
    """

    kind: str
    name: str
    where: str
    value: Any
    trust: str
    source: str


@final
@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """What is not known of some constants of the step-time model: the covariance of their logarithms."""

    constants: tuple[str, ...]
    covariance: tuple[tuple[float, ...], ...]

    @classmethod
    def of_spreads(cls, spreads: Mapping[str, float]) -> Uncertainty:
        """That of independent constants, each off by a factor: one standard deviation of its logarithm."""
        variances = np.diag(np.log(list(spreads.values())) ** 2)
        return cls(constants=tuple(spreads), covariance=tuple(map(tuple, variances.tolist())))

    @property
    def is_covariance(self) -> bool:
        """Whether its numbers can be one: a row a constant, symmetric, and positive."""
        rows = {len(row) for row in self.covariance}
        if len(self.covariance) != len(self.constants) or rows != {len(self.constants)}:
            return False
        values = np.array(self.covariance)
        return bool(np.allclose(values, values.T) and np.all(np.linalg.eigvalsh(values) > 0))

    @property
    def factors(self) -> dict[str, float]:
        """One standard deviation of each constant's logarithm, as a factor."""
        deviations = np.sqrt(np.diag(np.array(self.covariance)))
        return dict(zip(self.constants, np.exp(deviations).tolist(), strict=True))


@final
@dataclass(frozen=True, kw_only=True)
class FittedTo:
    """What the constants of a stack were fitted to: how many measured steps, the hash of their table, and when.

    `start` is the stack that they moved from, `machines` and `models` are what was measured, `froude` the version.
    """

    start: str
    rows: int
    data_sha256: tuple[str, ...]
    machines: tuple[str, ...]
    models: tuple[str, ...]
    date: str
    froude: str

    def __str__(self) -> str:
        hashes = ", ".join(each[:12] for each in self.data_sha256)
        return (
            f"{self.rows} measured steps of {', '.join(self.models)} on {', '.join(self.machines)}, from {self.start} "
            f"(data {hashes}, {self.date}, Froude {self.froude})"
        )


LATENCIES = ("ttft", "tpot", "e2e")
"""What requests meet: to the first token, of each later one, and to the last."""


@final
@dataclass(frozen=True, kw_only=True)
class ServingUncertainty:
    """What is not known of the serving model: `spreads` of its constants, and what no constant explains.

    `spreads` is the covariance of constants' logarithms, `unexplained` the standard deviations of log seconds that no
    constant explains, of "ttft", "tpot" and "e2e". They were learned from `rows` load tests of `models` on chips
    (`machines`) under `engines`, by name; what is none of these is as uncertain as without them.
    """

    spreads: Uncertainty
    unexplained: Mapping[str, float]
    rows: int = 0
    models: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()

    def knows(self, model: str, machine: str, engine: str) -> bool:
        """Whether a model, a chip and an engine are all among those that it was learned from."""
        return model in self.models and machine in self.machines and engine in self.engines


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Stack(Result):
    """A framework at one generation.

    `fields` are values of a layout's fields that it takes where nobody says, by field and then by architecture ("" for
    all others). `precisions` changes what a number format keeps in which bytes, by precision and field; "fp8 on hopper"
    goes before "fp8" on such chips. `keeps` is what it keeps in memory beside. `factors` multiply the constants of the
    step-time model: 1 for all that are not in it. `errors` are half-widths of 90%
    intervals of log step seconds, for dense models and mixtures of experts, from steps that nothing was fitted to.
    Where `uncertainty` says how well its constants are known, these are what no constant explains, and what is
    uncertain of constants comes on top. Its allocator's peaks are `memory` times what is counted, and "memory" of
    `errors` is what such a peak is off by, a standard deviation. `fitted_to` says to which of a user's measurements it
    was fitted. `serving` are factors of the serving model's constants, as a user's load tests have them, and
    `serving_uncertainty` what these leave open. `facts` say where each of these is from, and `asked` is the version
    that was asked for where none of that name is known.
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
    uncertainty: Uncertainty | None = None
    memory: float = 1.0
    fitted_to: FittedTo | None = None
    serving: Mapping[str, float] = field(default_factory=dict)
    serving_uncertainty: ServingUncertainty | None = None

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
