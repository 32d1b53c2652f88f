"""What is said of a model, and of the whole catalogue: what it consists of, and what a position of it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import count, percent
from froude.cost.model.catalogue import Entry
from froude.cost.model.description import build_model
from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.quantity import format_bytes, format_quantity

POSITIONS: Mapping[str, tuple[str, str]] = {
    "decoder": ("a token", "tokens"),
    "encoder": ("a token", "tokens"),
    "encoder-decoder": ("a token", "tokens"),
    "joined": ("a token", "tokens"),
    "vit": ("a patch", "patches"),
    "dit": ("a patch", "patches"),
    "convnet": ("an image", "images"),
    "unet": ("an image", "images"),
}
"""What a position of a family is, one and several."""

LENGTHS_GIVEN = ("decoder", "encoder", "encoder-decoder", "joined")
"""Families whose context a user may choose; the others have as many positions as their image has."""


def answer_of_model(model: Model, seq_len: int, value_bytes: float = 2.0) -> Answer:
    """A model in sequences of `seq_len` positions, each value that is kept taking `value_bytes`."""
    data = model_to_dict(model, seq_len, value_bytes)
    groups = tuple((group, f"{n:,}", percent(n / data["n_params"], 1)) for group, n in data["parameters"].items())
    return Answer(
        headline=f"{model.name}: {format_quantity(float(data['n_params']))} parameters",
        facts=tuple(_facts(data)),
        tables=(
            Table(title="Parameters", columns=("group", "parameters", "share"), rows=groups),
            Table(
                title=f"What {POSITIONS[data['description']['family']][0]} costs",
                columns=("operator", "forward FLOP", "training FLOP", "share", "kept"),
                rows=tuple(_operator_rows(data)),
            ),
        ),
        warnings=tuple(data["assumptions"]),
        data=data,
    )


def answer_of_whole_model(model: Model) -> Answer:
    """A model in sequences of the length that it is trained with."""
    return answer_of_model(model, int(model.context))


def answer_of_entry(entry: Entry) -> Answer:
    """A model of the catalogue: the sizes that describe it, and where they are from."""
    size = int(build_model(entry.name, entry.description).n_params)
    return Answer(
        headline=f"{entry.name}: {format_quantity(size)} parameters",
        facts=(*(Fact(name, str(value)) for name, value in entry.description.items()), Fact("source", entry.source)),
        data={"name": entry.name, "n_params": size, "source": entry.source, "description": dict(entry.description)},
    )


def answer_of_models(entries: Sequence[Entry]) -> Answer:
    """The catalogue: names, parameters and sources."""
    sizes = [int(build_model(entry.name, entry.description).n_params) for entry in entries]
    rows = tuple((e.name, format_quantity(n), e.source) for e, n in zip(entries, sizes, strict=True))
    return Answer(
        headline=count(len(entries), "model"),
        tables=(Table(title="", columns=("name", "parameters", "source"), rows=rows, left=(0, 2)),),
        notes=("froude cost model NAME shows one whole, and takes a description or a file too",),
        data=[{"name": e.name, "n_params": n, "source": e.source} for e, n in zip(entries, sizes, strict=True)],
    )


def model_to_dict(model: Model, seq_len: int, value_bytes: float) -> dict[str, Any]:
    """All that is said of a model, as JSON: FLOPs and bytes are those of one position."""
    stored = {name: values * value_bytes for name, values in model.saved_by_operator(seq_len).items()}
    return {
        "name": model.name,
        "description": dict(model.description),
        "seq_len": seq_len,
        "value_bytes": value_bytes,
        "calls": model.calls,
        "n_params": int(model.n_params),
        "n_active": int(model.n_active),
        "n_active_with_embedding": int(model.n_active_with_embedding),
        "parameters": {group: int(n) for group, n in model.parameters_by_group.items()},
        "parameters_by_operator": {name: int(n) for name, n in model.parameters_by_operator.items() if n},
        "forward_flops": _with_total(model.forward_flops_by_operator(seq_len)),
        "training_flops": _with_total(model.training_flops_by_operator(seq_len)),
        "causal_training_flops": float(model.causal_training_flops(seq_len)),
        "sample_flops": float(model.sample_flops(seq_len)),
        "activation_bytes": _with_total(stored),
        "kv_bytes": float(model.kv_values(seq_len)) * value_bytes,
        "assumptions": list(model.assumed),
    }


def _with_total(amounts: Mapping[str, Number]) -> dict[str, float]:
    """Amounts as plain numbers, and their total."""
    plain = {name: float(amount) for name, amount in amounts.items()}
    return plain | {"total": sum(plain.values())}


def _facts(data: Mapping[str, Any]) -> Iterator[Fact]:
    """What is said of a model as a whole."""
    family = data["description"]["family"]
    one, several = POSITIONS[family]
    yield Fact("parameters", f"{data['n_params']:,}")
    yield Fact("active", f"{data['n_active']:,} in the matmuls, norms and biases that {one} passes")
    if data["n_active_with_embedding"] < data["n_params"]:
        yield Fact("", f"{data['n_active_with_embedding']:,} with its embedding, of all experts those it is sent to")
    if data["seq_len"] > 1:
        yield Fact("context", f"{data['seq_len']:,} {several}")
    training = format_quantity(data["training_flops"]["total"])
    yield Fact("training", f"{training} FLOP {one}: full attention and logits counted, nothing recomputed")
    if data["causal_training_flops"] < data["training_flops"]["total"]:
        causal = format_quantity(data["causal_training_flops"])
        yield Fact("", f"{causal} FLOP {one} without the scores that a causal mask hides")
    if family not in LENGTHS_GIVEN:
        calls = f" in {data['calls']} calls" if data["calls"] > 1 else ""
        yield Fact("a sample", f"{format_quantity(data['sample_flops'])} FLOP{calls}")
    stored = format_bytes(data["activation_bytes"]["total"])
    yield Fact("kept", f"{stored} {one} for the backward pass, without attention scores and logits")
    if data["kv_bytes"]:
        yield Fact("KV cache", f"{format_bytes(data['kv_bytes'])} {one}, on average over the context")
    yield Fact("a value", f"{data['value_bytes']:g} bytes")


def _operator_rows(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Rows of operators with FLOPs or kept bytes, and their total."""
    forward, training, stored = data["forward_flops"], data["training_flops"], data["activation_bytes"]
    names = [name for name in dict.fromkeys([*forward, *stored]) if name != "total"]
    for name in [*names, "total"]:
        yield _operator_row(name, forward, training, stored)


def _operator_row(
    name: str, forward: Mapping[str, float], training: Mapping[str, float], stored: Mapping[str, float]
) -> tuple[str, ...]:
    """One operator: FLOPs forward and in training, its share of them, bytes kept; empty where there are none."""
    stored_bytes = format_bytes(stored[name]) if name in stored else ""
    if name not in forward:
        return name, "", "", "", stored_bytes
    share = percent(forward[name] / forward["total"], 1)
    return name, format_quantity(forward[name]), format_quantity(training[name]), share, stored_bytes
