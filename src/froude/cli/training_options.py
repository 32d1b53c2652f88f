"""Options that commands on a training share: its machine, a published one, adapters in place of a whole model."""

from __future__ import annotations

from typing import Annotated

import typer

from froude.cli.completion import complete_machines, complete_recipes

AdapterText = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        "--lora",
        metavar="lora|qlora[:rank=N,targets=…]",
        help="Fine-tune adapters alone, as lora:rank=16; of qlora the base is in NF4.",
    ),
]
MachineName = Annotated[
    str | None,
    typer.Option(
        "--machine",
        metavar="MACHINE",
        autocompletion=complete_machines,
        help='"1024 x h100", "2 nodes of 8 x h100", a chip alone for one node, or a TOML file.',
    ),
]
RecipeName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        autocompletion=complete_recipes,
        help="A published training, as llama-3.1-405b: its facts hold where nothing else is given.",
    ),
]
