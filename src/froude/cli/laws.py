"""`froude laws`: what Froude believes, and who said so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from froude.cli.options import Json
from froude.cli.render import facts_grid, print_json
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.laws import Law


def laws(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One law, shown whole: chinchilla[D=repeated-tokens] too.")
    ] = None,
    family: Annotated[str | None, typer.Option(metavar="NAME", help="Only the laws of this family.")] = None,
    docs: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write laws.md there, about all laws, and beside it a picture of each."),
    ] = None,
    json: Json = False,
) -> None:
    """List the laws, or show one: formula, units, source, published constants, when it is wrong.

    Examples: `froude laws --family kaplan` and `froude laws chinchilla`
    """
    from froude.laws import all_laws, get_law

    if sum(given is not None for given in (name, family, docs)) > 1:
        raise InputError("a NAME, --family and --docs exclude one another: give one of them")
    if docs is not None:
        write(docs, json)
        return
    found = (get_law(name),) if name is not None else all_laws(family)
    if json:
        print_json([described(law) for law in found])
    elif name is not None:
        show(found[0])
    else:
        show_list(found)


def write(folder: Path, json: bool) -> None:
    """Writes the document on all laws and says where it is."""
    from froude.laws import all_laws
    from froude.reporting.laws.document import write_documents

    document, *pictures = write_documents(all_laws(), folder)
    if json:
        print_json({"document": str(document), "pictures": [str(path) for path in pictures]})
    else:
        print(f"written: {document} and {len(pictures)} pictures in {pictures[0].parent}")


def described(law: Law) -> dict[str, Any]:
    """All that is said of a law, as JSON; `over` is for a law of one input: published constants by input."""
    from froude.reporting.laws.words import examples, published, takings

    sets = published(law)
    return {
        "name": law.name,
        "family": law.family,
        "summary": law.summary,
        "formula": law.formula,
        "latex": law.latex,
        "inputs": dict(law.input_units),
        "domain": {x: list(ends) for x, ends in law.domain.items()},
        "parameters": {name: kind.name for name, kind in law.kinds.items()},
        "claims": {x: "falls" if sign < 0 else "rises" for x, sign in law.trend.items()},
        "unit": law.unit,
        "residual": law.residual,
        "lever": law.is_lever,
        "members": {member.name: share for member, share in law.members},
        "source": law.source,
        "wrong_when": law.wrong_when,
        "published": {each.name: each.values for each in sets if each.x == law.inputs[0]},
        "trust": dict(law.trust),
        "over": {
            taken.inputs[0]: {each.name: each.values for each in sets if each.x == taken.inputs[0]}
            for taken in takings(law)
            if law.choices
        },
        "examples": [
            {"constants": each.constants, "at": dict(each.at), "gives": float(each.gives)} for _, each in examples(law)
        ],
    }


def show_list(found: Sequence[Law]) -> None:
    """The laws by family: a formula and a sentence each, within the width of the terminal."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from froude.reporting.laws.words import about_family, by_family

    console = Console(highlight=False)
    wide = max(len(law.name) for law in found)
    for family, members in by_family(found).items():
        head = Table.grid(padding=(0, 2))
        head.add_row(Text(family, style="bold", no_wrap=True), Text(about_family(members[0])))
        console.print(head)
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=wide, no_wrap=True)
        grid.add_column(overflow="fold")
        for law in members:
            grid.add_row(Text(law.name), Text(law.formula))
            grid.add_row("", Text(law.summary, style="dim"))
        console.print(Padding(grid, (0, 0, 1, 2)))
    print("froude laws NAME shows one whole, --family NAME one family")


def show(law: Law) -> None:
    """One law on the terminal, wrapped to its width."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text.assemble((law.name, "bold"), f"\n{law.summary}\n"))
    console.print(Padding(facts_grid(facts(law)), (0, 0, 0, 2)))


def facts(law: Law) -> Iterator[tuple[str, str]]:
    """What is said of a law, as pairs of head and text; an empty head goes on with what was said."""
    from froude.reporting.laws.words import claims, composing, parameters, predicts, spans

    yield "family", law.family
    yield "formula", law.formula
    yield "inputs", spans(law)
    if law.choices:
        yield "", f"chosen with --x; {law.inputs[0]} if nothing is said"
    yield "predicts", predicts(law)
    if law.is_lever:
        yield "replaces", composing(law)
    yield "parameters", parameters(law)
    if law.trend:
        yield "claims", f"{claims(law)}, whatever the parameters"
    yield "wrong when", law.wrong_when
    yield "source", law.source
    yield from constants(law)
    yield from tested(law)


def constants(law: Law) -> Iterator[tuple[str, str]]:
    """Every published set of constants, for a law of one input under each input, with what to doubt of it."""
    from froude.reporting.laws.words import assigned, published, without_constants

    sets = published(law)
    if not sets:
        yield "published", without_constants(law)
    for i, each in enumerate(sets):
        over = f" over {each.x}" if law.choices else ""
        yield "" if i else "published", f"{each.name}{over}: {assigned(each.values.items())}"
        if each.doubt:
            yield "", f"({each.doubt})"


def tested(law: Law) -> Iterator[tuple[str, str]]:
    """Every number that the law must reproduce."""
    from froude.reporting.laws.words import amount, examples

    for i, (taken, each) in enumerate(examples(law)):
        at = ", ".join(f"{x} = {amount(value, taken.input_units[x])}" for x, value in each.at.items())
        yield "" if i else "tested", f"{each.gives} at {at} under {each.constants}"
