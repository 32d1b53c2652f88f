"""What every reader of a table makes: a measured step with its layout, or a question to the public interface."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, final

from froude.cost.machine.machine import Machine
from froude.cost.model.catalogue import model_catalogue
from froude.cost.model.model import Model, decoder
from froude.cost.training.layout import Layout

Kind = Literal["dense", "mixture", "hybrid", "lora"]
"""What is told apart where rows are averaged; `hybrid` has state-space layers, `lora` trains an adapter."""

Peak = Literal["allocated", "reserved"]
"""What a peak of memory is of: what tensors used, or what the allocator held, as most tools print."""

MODELS = Path(__file__).with_name("models.toml")
"""Models that the catalogue does not hold, from public facts."""


@final
@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured row."""

    table: str
    name: str
    model: Model
    machine: Machine
    layout: Layout
    seconds: float
    large: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Question:
    """A measured training as a user would ask about it: `froude.train_cost(model, machine, stack=stack, **fields)`.

    `fields` is what the table (and the recipe that it names) states, in the names of the public interface, and what
    the reader's rule sets; all else is for the planner to assume. `stack` is the software with its version, `adapter`
    what is trained where that is not the whole model (`froude.cost.fine_tune_cost`). `recipe`
    has what the recipe says and no field takes. A table has seconds of a step, or where it states no batch tokens a
    second of all devices; both are None where it has no time, and `peak_bytes` where it has no memory.
    `peak` says which of `MemoryBytes` these are.
    """

    table: str
    name: str
    gpu: str
    release: str
    kind: Kind
    precision: str
    stack: str
    model: str
    machine: str
    fields: Mapping[str, Any]
    seconds: float | None = None
    tokens_per_s: float | None = None
    peak_bytes: float | None = None
    peak: Peak = "reserved"
    task: str = "pretrain"
    adapter: str = ""
    recipe: Mapping[str, str] = field(default_factory=dict)

    @property
    def twin(self) -> tuple[object, ...]:
        """What rows share that are one measurement made again: model, GPU, count, precision and length."""
        return (self.name, self.gpu, self.machine, self.precision, self.fields.get("seq_len"))


def read_table(name: str) -> list[dict[str, str]]:
    """A published table as text; FROUDE_PUBLISHED names its folder."""
    folder = os.environ.get("FROUDE_PUBLISHED")
    if not folder:
        raise SystemExit("set FROUDE_PUBLISHED to the folder of published tables")
    with (Path(folder) / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def model_text(name: str) -> str:
    """The text that names a model to Froude: the catalogue's name where it has one, else that of `models.toml`."""
    return name if name in model_catalogue() else f"{MODELS}#{name}"


def gpt(
    hidden: int, heads: int, layers: int, vocabulary: int, context: int, *, dropout: bool = False, tied: bool = True
) -> Model:
    """A GPT with learned positions and biases."""
    return decoder(
        name=f"gpt {hidden} x {layers}",
        layers=layers,
        hidden=hidden,
        heads=heads,
        vocabulary=vocabulary,
        context=context,
        learned_positions=context,
        biased=True,
        dropout=dropout,
        tied=tied,
    )


def stated_sizes(row: Mapping[str, str]) -> dict[str, int]:
    """Length, batch and parallelism, of the tables that name these columns so."""
    columns = {
        "seq_len": "seq_len", "global_batch": "global_batch", "micro_batch": "micro_batch", "tensor": "tp",
        "pipeline": "pp", "context": "cp", "interleave": "vp",
    }  # fmt: skip
    return {name: int(row[column] or 1) for name, column in columns.items()}
