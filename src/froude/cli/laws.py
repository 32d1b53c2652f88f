"""`froude laws`: what Froude believes, and who said so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from froude.cli.options import Json
from froude.cli.render import print_json

if TYPE_CHECKING:
    from froude.laws import Law

MARGIN = 12  # columns to the left of what is said


def laws(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One law, shown whole.")] = None,
    json: Json = False,
) -> None:
    """List the laws, or show one: formula, units, source, published constants, when it is wrong."""
    from froude.laws import all_laws, get_law

    found = (get_law(name),) if name is not None else all_laws()
    if json:
        print_json([described(law) for law in found])
    elif name is not None:
        show(found[0])
    else:
        show_list(found)


def described(law: Law) -> dict[str, Any]:
    """All that is said of a law, as JSON; `over` is for a law of one input: published constants by input."""
    return {
        "name": law.name,
        "summary": law.summary,
        "formula": law.formula,
        "latex": law.latex,
        "inputs": dict(law.input_units),
        "parameters": {name: kind.name for name, kind in law.kinds.items()},
        "unit": law.unit,
        "residual": law.residual,
        "source": law.source,
        "wrong_when": law.wrong_when,
        "published": plain(law.published),
        "trust": dict(law.trust),
        "over": {x: plain(published) for x, published in law.choices.items()},
    }


def plain(published: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Published constants as plain dictionaries."""
    return {name: dict(values) for name, values in published.items()}


def show_list(found: tuple[Law, ...]) -> None:
    """A line and a sentence for each law."""
    wide = max(len(law.name) for law in found)
    for law in found:
        print(f"{law.name:<{wide}}  {law.formula}")
        print(f"{'':<{wide}}  {law.summary}")
    print("\nfroude laws NAME shows one whole")


def show(law: Law) -> None:
    """One law on the terminal, wrapped to its width."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text.assemble((law.name, "bold"), f"\n{law.summary}\n"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=MARGIN - 2, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for head, text in facts(law):
        grid.add_row(head, Text(text))
    console.print(Padding(grid, (0, 0, 0, 2)))


def facts(law: Law) -> Iterator[tuple[str, str]]:
    """What is said of a law, as pairs of head and text."""
    yield "formula", law.formula
    if law.choices:
        yield "inputs", f"{' or '.join(law.choices)}, chosen with --x; {law.inputs[0]} if nothing is said"
    else:
        yield "inputs", ", ".join(f"{x} in {unit}" for x, unit in law.input_units.items())
    yield "predicts", f"in {law.unit}; fitted on {law.residual} residuals"
    yield "wrong when", law.wrong_when
    yield "source", law.source
    sets = list(published(law))
    yield from sets or [("published", "no constants")]


def published(law: Law) -> Iterator[tuple[str, str]]:
    """Every published set of constants, for a law of one input under each input, with what to doubt of it."""
    for x, constants in (law.choices or {"": law.published}).items():
        for name, values in constants.items():
            over = f" over {x}" if x else ""
            yield "published", f"{name}{over}: " + ", ".join(f"{k} = {v:.5g}" for k, v in values.items())
            if name in law.trust:
                yield "", law.trust[name]
