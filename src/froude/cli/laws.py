"""`froude laws`: the laws that Froude knows, and who published them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from froude.cli.completion import complete_families, complete_law_names
from froude.cli.options import Json
from froude.cli.outputs import output_folder
from froude.cli.show import present
from froude.errors import InputError

MOST_HITS = 10


def laws(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            autocompletion=complete_law_names,
            help="One law, shown whole: chinchilla[D=repeated-tokens] too.",
        ),
    ] = None,
    family: Annotated[
        str | None, typer.Option(metavar="NAME", autocompletion=complete_families, help="Only the laws of this family.")
    ] = None,
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Laws about this, best match first: 'learning rate', chinchilla.")
    ] = None,
    docs: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            parser=output_folder,
            help="Write laws.md there, about all laws, and beside it a picture of each.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the laws, or show one: formula, units, source, published constants, when it is wrong.

    Examples: `froude laws chinchilla`, `froude laws --search "learning rate"` and `froude laws --family kaplan`
    """
    from froude.answers.laws import answer_of_document, answer_of_law, answer_of_law_hits, answer_of_laws
    from froude.laws import all_laws, get_law, search_laws

    if sum(given is not None for given in (name, family, search, docs)) > 1:
        raise InputError("a NAME, --family, --search and --docs exclude one another: give one of them")
    if docs is not None:
        from froude.reporting.laws.document import write_documents

        document, *pictures = write_documents(all_laws(), docs)
        present(answer_of_document(document, pictures), json)
    elif search is not None:
        hits = search_laws(search, MOST_HITS)
        if not hits and not json:
            raise InputError(f"no law is about {search!r}: try another word, or froude laws, which lists all")
        present(answer_of_law_hits(search, hits), json)
    elif name is not None:
        present(answer_of_law(get_law(name)), json)
    else:
        present(answer_of_laws(all_laws(family)), json)
