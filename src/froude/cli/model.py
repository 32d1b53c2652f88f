"""`froude cost model`: what a model consists of, and what a token of it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from froude.bounds import MOST_COUNT, finite_number, whole_number
from froude.cli.completion import complete_models
from froude.cli.options import Json
from froude.cli.show import present
from froude.errors import InputError
from froude.quantity import parse_quantity

if TYPE_CHECKING:
    from froude.cost.model.model import Model


def model(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            autocompletion=complete_models,
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
    from froude.answers.models import answer_of_model, answer_of_models
    from froude.cost.model.catalogue import get_model, model_catalogue

    if name is None:
        present(answer_of_models(list(model_catalogue().values())), json)
        return
    described = get_model(name)
    finite_number("--value-bytes", value_bytes, 0, MOST_COUNT)
    present(answer_of_model(described, context_of(described, seq_len), value_bytes), json)


def context_of(model: Model, seq_len: str | None) -> int:
    """The context that is asked for. InputError where it is no whole number, or not the user's to choose."""
    from froude.answers.models import LENGTHS_GIVEN

    if seq_len is None:
        return int(model.context)
    if model.description["family"] not in LENGTHS_GIVEN:
        raise InputError(f"--seq-len {seq_len!r} cannot be: the image of {model.name} has {model.context} positions")
    return whole_number("--seq-len", parse_quantity(seq_len, expect="count"), 1, MOST_COUNT)
