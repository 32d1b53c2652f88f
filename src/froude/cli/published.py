"""`froude published`: the public run tables, and how to get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.completion import complete_published
from froude.cli.options import Json
from froude.cli.show import present
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.runs import PublishedTable
    from froude.runs.published.table import Download


def published(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", autocompletion=complete_published, help="One table, shown whole.")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch the originals of the table first.")] = False,
    json: Json = False,
) -> None:
    """List the public run tables, or show one: source, licence, columns, what was published on it.

    Tables are read from the folder that FROUDE_PUBLISHED names, else from what was downloaded.
    Examples: `froude published` and `froude published steplaw --download`
    """
    from froude.answers.published import answer_of_downloads, answer_of_published, answer_of_published_tables
    from froude.runs import get_published, published_tables

    if name is None:
        if download:
            raise InputError("--download asks which table: give its name, as in froude published steplaw --download")
        present(answer_of_published_tables(published_tables()), json)
        return
    table = get_published(name)
    present(answer_of_downloads(table, fetch(table)) if download else answer_of_published(table), json)


def fetch(table: PublishedTable) -> tuple[Download, ...]:
    """Downloads a table, with the file under way on stderr where a person watches."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        return table.download()
    with console.status(f"fetching {table.id}") as status:
        return table.download(watch=lambda path: status.update(f"fetching {path.rpartition('/')[2]}"))
