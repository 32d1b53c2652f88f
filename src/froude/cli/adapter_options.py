"""The option for adapters that are trained in place of a whole model."""

from __future__ import annotations

from typing import Annotated

import typer

AdapterText = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        "--lora",
        metavar="lora|qlora[:rank=N,targets=…]",
        help="Fine-tune adapters alone, as lora:rank=16; of qlora the base is in NF4.",
    ),
]
