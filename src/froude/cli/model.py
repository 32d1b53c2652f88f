"""`froude cost model`: what a model consists of, and what a token of it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from froude.cli.options import Json
from froude.cli.render import facts_grid, percent, print_json, print_notes, print_table
from froude.errors import InputError
from froude.quantity import format_bytes, format_quantity, parse_quantity

if TYPE_CHECKING:
    from froude.cost.model.catalogue import Entry
    from froude.cost.model.model import Model
    from froude.cost.model.operators import Number

POSITIONS = {
    "decoder": ("a token", "tokens"),
    "encoder": ("a token", "tokens"),
    "vit": ("a patch", "patches"),
    "dit": ("a patch", "patches"),
    "convnet": ("an image", "images"),
    "unet": ("an image", "images"),
}
"""What a position of a family is, one and several."""

LENGTHS_GIVEN = ("decoder", "encoder")
"""Families whose context a user may choose; the others have as many positions as their image has."""


def model(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A name, a description as layers=96,hidden=12288,heads=96,vocab=51200, a Hugging Face config.json, or "
            "a TOML file with a table of the same keys. All names are listed without it.",
        ),
    ] = None,
    seq_len: Annotated[
        str | None, typer.Option(metavar="TOKENS", help="Length of a sequence. [default: that of its pretraining]")
    ] = None,
    value_bytes: Annotated[float, typer.Option(min=0.0, help="Bytes of a kept value: 2 in bf16, 1 in fp8.")] = 2.0,
    json: Json = False,
) -> None:
    """Show a model: parameters by group, FLOPs by operator, what training and serving keep of each token.

    Examples: `froude cost model llama-3.1-70B --seq-len 8192` and `froude cost model deepseek-v3`
    """
    from froude.cost.model.catalogue import catalogue, get_model

    if name is None:
        list_entries(list(catalogue().values()), json)
        return
    found = get_model(name)
    context = length(found, seq_len)
    if json:
        print_json(described(found, context, value_bytes))
    else:
        show(found, context, value_bytes)


def length(found: Model, seq_len: str | None) -> int:
    """The context that is asked for. InputError where it is no whole number, or not the user's to choose."""
    if seq_len is None:
        return int(found.context)
    if found.description["family"] not in LENGTHS_GIVEN:
        raise InputError(f"--seq-len {seq_len!r} cannot be: the image of {found.name} has {found.context} positions")
    number = parse_quantity(seq_len, expect="count")
    if number < 1 or number != int(number):
        raise InputError(f"--seq-len must be a whole number of at least 1, got {seq_len!r}")
    return int(number)


def list_entries(entries: list[Entry], json: bool) -> None:
    """Names, parameters and sources of the catalogue."""
    from froude.cost.model.description import build_model

    sizes = [int(build_model(entry.name, entry.description).n_params) for entry in entries]
    if json:
        rows = zip(entries, sizes, strict=True)
        print_json([{"name": e.name, "n_params": n, "source": e.source} for e, n in rows])
        return
    rows = ((e.name, format_quantity(n), e.source) for e, n in zip(entries, sizes, strict=True))
    width = max(len(entry.name) for entry in entries)
    for name, size, source in rows:
        print(f"{name:{width}}  {size:>6}  {source}")


def described(found: Model, context: int, value_bytes: float) -> dict[str, Any]:
    """All that is said of a model, as JSON: FLOPs and bytes are those of one position."""
    kept = {name: values * value_bytes for name, values in found.saved_by_operator(context).items()}
    return {
        "name": found.name,
        "description": dict(found.description),
        "seq_len": context,
        "value_bytes": value_bytes,
        "calls": found.calls,
        "n_params": int(found.n_params),
        "n_active": int(found.n_active),
        "parameters": {group: int(n) for group, n in found.parameters_by_group.items()},
        "parameters_by_operator": {name: int(n) for name, n in found.parameters_by_operator.items() if n},
        "forward_flops": summed(found.forward_flops_by_operator(context)),
        "training_flops": summed(found.training_flops_by_operator(context)),
        "sample_flops": float(found.sample_flops(context)),
        "activation_bytes": summed(kept),
        "kv_bytes": float(found.kv_values(context)) * value_bytes,
        "assumptions": list(found.assumed),
    }


def summed(amounts: Mapping[str, Number]) -> dict[str, float]:
    """Amounts as plain numbers, and their total."""
    plain = {name: float(amount) for name, amount in amounts.items()}
    return plain | {"total": sum(plain.values())}


def show(found: Model, context: int, value_bytes: float) -> None:
    """A model on the terminal: facts, then a table of its groups and one of its operators."""
    from rich.console import Console
    from rich.text import Text

    said = described(found, context, value_bytes)
    console = Console(highlight=False)
    console.print(Text(found.name, style="bold"))
    console.print(facts_grid(facts(said)))
    print()
    groups = ((group, f"{n:,}", percent(n / said["n_params"], 1)) for group, n in said["parameters"].items())
    print_table("Parameters", ("group", "parameters", "share"), groups)
    print()
    heads = ("operator", "forward FLOP", "training FLOP", "share", "kept")
    print_table(f"What {POSITIONS[said['description']['family']][0]} costs", heads, operator_rows(said))
    print_notes(said["assumptions"])


def facts(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is said of a model as a whole, as pairs of head and text."""
    family = said["description"]["family"]
    one, several = POSITIONS[family]
    yield "parameters", f"{said['n_params']:,}"
    yield "active", f"{said['n_active']:,} in the matmuls, norms and biases that {one} passes"
    if said["seq_len"] > 1:
        yield "context", f"{said['seq_len']:,} {several}"
    training = format_quantity(said["training_flops"]["total"])
    yield "training", f"{training} FLOP {one}: full attention and logits counted, nothing recomputed"
    if family not in LENGTHS_GIVEN:
        calls = f" in {said['calls']} calls" if said["calls"] > 1 else ""
        yield "a sample", f"{format_quantity(said['sample_flops'])} FLOP{calls}"
    kept = format_bytes(said["activation_bytes"]["total"])
    yield "kept", f"{kept} {one} for the backward pass, without attention scores and logits"
    if said["kv_bytes"]:
        yield "KV cache", f"{format_bytes(said['kv_bytes'])} {one}, on average over the context"
    yield "a value", f"{said['value_bytes']:g} bytes"


def operator_rows(said: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Rows of operators with FLOPs or kept bytes, and their total."""
    forward, training, kept = said["forward_flops"], said["training_flops"], said["activation_bytes"]
    for name in dict.fromkeys([*forward, *kept]):
        if name != "total":
            yield operator_row(name, forward, training, kept)
    yield operator_row("total", forward, training, kept)


def operator_row(
    name: str, forward: Mapping[str, float], training: Mapping[str, float], kept: Mapping[str, float]
) -> tuple[str, ...]:
    """One operator: FLOPs forward and in training, its share of them, bytes kept; empty where there are none."""
    kept_bytes = format_bytes(kept[name]) if name in kept else ""
    if name not in forward:
        return name, "", "", "", kept_bytes
    share = percent(forward[name] / forward["total"], 1)
    return name, format_quantity(forward[name]), format_quantity(training[name]), share, kept_bytes
