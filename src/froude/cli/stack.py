"""`froude stack`: the software stacks that Froude knows, and what each does."""

from __future__ import annotations

from typing import Annotated

import typer

from froude.cli.completion import complete_stacks
from froude.cli.options import Json
from froude.cli.render import say
from froude.cli.show import present

StackName = Annotated[
    str | None,
    typer.Option(
        "--stack",
        metavar="NAME[@VERSION]",
        autocompletion=complete_stacks,
        help="Its software, as megatron-bridge@26.02, or a TOML file. [default: the likely ones, all in the interval]",
    ),
]


def list_stacks(json: Json = False) -> None:
    """List the software stacks that Froude knows, one a framework and generation.

    Example: `froude stack list`
    """
    from froude.answers.stacks import answer_of_stacks
    from froude.cost.stack.known_stacks import known_stacks

    present(answer_of_stacks(known_stacks()), json)


def show_stack(
    name: Annotated[
        str,
        typer.Argument(
            metavar="STACK", autocompletion=complete_stacks, help="A name, megatron-bridge@26.02, or a TOML file."
        ),
    ],
    toml: Annotated[
        bool, typer.Option("--toml", help="Print its TOML file, to be changed and given to --stack.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what a stack sets where a layout does not say: each fact with its source and how far to trust it.

    Examples: `froude stack show torchtitan` and `froude stack show megatron-bridge@26.02`
    """
    from froude.answers.stacks import answer_of_stack
    from froude.cost.stack.known_stacks import get_stack
    from froude.cost.stack.stack_file import stack_toml

    say(stack_toml(get_stack(name))) if toml else present(answer_of_stack(get_stack(name)), json)
