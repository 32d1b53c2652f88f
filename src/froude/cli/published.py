"""`froude published`: the public run tables, and how to get them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from froude.cli.options import Json
from froude.cli.render import facts_grid, print_json
from froude.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from froude.runs import PublishedTable
    from froude.runs.published.table import Downloaded, PublishedFile

LEGEND = {
    "here": "in the folder that FROUDE_PUBLISHED names",
    "cached": "not there, but the originals are downloaded",
    "download": "not here, fetched by froude published NAME --download",
    "by hand": "not here, and no plain file to fetch: set FROUDE_PUBLISHED",
    "part": "some of its files are here",
    "differs": "a file is not the registered one",
}


def published(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One table, shown whole.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch the originals of the table first.")] = False,
    json: Json = False,
) -> None:
    """List the public run tables, or show one: source, licence, columns, what was published on it.

    Tables are read from the folder that FROUDE_PUBLISHED names, else from what was downloaded.
    """
    from froude.runs import get_published, published_tables

    if download and name is None:
        raise InputError("--download asks which table: give its name, as in froude published steplaw --download")
    tables = (get_published(name),) if name is not None else published_tables()
    left = fetch(tables[0]) if download else ()
    if json:
        print_json([described(table) | downloads(left) for table in tables])
    elif left:
        show_downloads(tables[0], left)
    elif name is not None:
        show(tables[0])
    else:
        show_list(tables)


def fetch(table: PublishedTable) -> tuple[Downloaded, ...]:
    """Downloads a table, with the file under way on stderr where a person watches."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        return table.download()
    with console.status(f"fetching {table.id}") as status:
        return table.download(watch=lambda path: status.update(f"fetching {path.rpartition('/')[2]}"))


def state(table: PublishedTable, file: PublishedFile) -> str:
    """Where a file is; "differs" for one under FROUDE_PUBLISHED that is not the registered one."""
    place = table.place(file.name)
    differs = place == "here" and file.check(table.find(file.name)) == "differs"
    return "differs" if differs else place


def states(table: PublishedTable) -> str:
    """Where a table is, in one word: "part" if only some of its files are here, else that of the first."""
    found = [state(table, file) for file in table.files]
    if "differs" in found:
        return "differs"
    here = sum(one in ("here", "cached") for one in found)
    return "part" if 0 < here < len(found) else found[0]


def described(table: PublishedTable) -> dict[str, Any]:
    """All that is said of a table, as JSON."""
    heads = ("id", "title", "good_for", "repository", "commit", "path", "licence", "licence_note", "paper")
    return {head: getattr(table, head) for head in heads} | {
        "state": states(table),
        "cautions": list(table.cautions),
        "published": [
            {"said": c.said, "source": c.source, "law": c.law, "constants": c.constants} for c in table.published
        ],
        "files": [described_file(table, file) for file in table.files],
    }


def described_file(table: PublishedTable, file: PublishedFile) -> dict[str, Any]:
    """All that is said of a file, as JSON; `state` and `path` are those on this machine."""
    found = state(table, file)
    return {
        "name": file.name,
        "rows": file.rows,
        "sha256": file.sha256,
        "state": found,
        "path": str(table.find(file.name)) if found not in ("download", "by hand") else None,
        "roles": dict(file.roles),
        "columns": {name: {"meaning": c.meaning, "unit": c.unit} for name, c in file.columns.items()},
        "original": {
            "paths": list(file.original.paths),
            "form": file.original.form,
            "changes": file.original.changes,
            "download": file.original.plain,
        },
    }


def downloads(left: Sequence[Downloaded]) -> dict[str, Any]:
    """What a download left, as JSON; nothing if there was none."""
    found = [
        {"file": one.file.name, "path": str(one.path), "bytes": one.n_bytes, "verdict": one.verdict} for one in left
    ]
    return {"downloaded": found} if left else {}


def show_list(tables: Sequence[PublishedTable]) -> None:
    """Two lines for each table, and what the words in the last column mean."""
    wide = max(len(table.id) for table in tables)
    found = {table.id: states(table) for table in tables}
    print(f"{'id':<{wide}}  {'rows':>6}  {'files':>5}  {'licence':<11}  where")
    for table in tables:
        main = table.file()
        print(f"{table.id:<{wide}}  {main.rows:>6}  {len(table.files):>5}  {table.licence:<11}  {found[table.id]}")
        print(f"  {table.good_for}")
    print("\nrows: those of the first file")
    for word, meaning in LEGEND.items():
        if word in found.values():
            print(f"{word}: {meaning}")
    print("froude published NAME shows one whole")


def show_downloads(table: PublishedTable, left: Sequence[Downloaded]) -> None:
    """Where each file is now, what is known of it, and what was not downloaded."""
    from froude.quantity import format_bytes

    for one in left:
        print(f"{one.file.name}: {format_bytes(one.n_bytes)}, {one.verdict}")
        print(f"  {one.path}")
    for file in table.files:
        if not file.original.plain:
            print(f"{file.name}: not downloaded, made by hand from {file.original.form} at {file.original.paths[0]}")


def show(table: PublishedTable) -> None:
    """One table on the terminal, wrapped to its width."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text.assemble((table.id, "bold"), f"\n{table.title}\n"))
    console.print(Padding(facts_grid(facts(table)), (0, 0, 0, 2)))
    for file in table.files:
        console.print(Text.assemble("\n", (file.name, "bold"), f", {file.rows} rows\n"))
        console.print(Padding(facts_grid(file_facts(table, file)), (0, 0, 0, 2)))


def columns_of(file: PublishedFile) -> Table:
    """The columns of a file: name, meaning and unit."""
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, 2))
    for style in ("", "", "dim"):
        made.add_column(overflow="fold", style=style)
    for name, column in file.columns.items():
        made.add_row(Text(name), Text(column.meaning), Text("" if column.unit == "1" else column.unit))
    return made


def facts(table: PublishedTable) -> Iterator[tuple[str, str]]:
    """What is said of a table, as pairs of head and text."""
    yield "good for", table.good_for
    yield "source", f"github.com/{table.repository}"
    yield "", f"commit {table.commit}"
    yield "", table.path
    yield "licence", table.licence + (f": {table.licence_note}" if table.licence_note else "")
    yield "paper", table.paper
    for i, claim in enumerate(table.published):
        named = f"{claim.law} {claim.constants}: " if claim.law else ""
        yield "" if i else "published", f"{named}{claim.said}"
        yield "", f"[{claim.source}]"
    for i, caution in enumerate(table.cautions):
        yield "" if i else "beware", caution


def file_facts(table: PublishedTable, file: PublishedFile) -> Iterator[tuple[str, str | Table]]:
    """What is said of a file, as pairs of head and text or table."""
    yield from where(table, file)
    yield "SHA-256", file.sha256
    if file.roles:
        yield "roles", ", ".join(f"{role} = {column}" for role, column in file.roles.items())
    yield "columns", columns_of(file)
    yield "original", f"{file.original.form}: {' and '.join(file.original.paths)}"
    yield "", f"changes: {file.original.changes}" if file.original.changes else "no change known"


def where(table: PublishedTable, file: PublishedFile) -> Iterator[tuple[str, str]]:
    """Where a file is, or how to get it."""
    yield (
        "where",
        {
            "here": "here, as registered",
            "differs": "here, but differs from the registered one",
            "cached": "its original, downloaded",
            "download": f"not here: froude published {table.id} --download, or set FROUDE_PUBLISHED",
            "by hand": "not here: set FROUDE_PUBLISHED, or make it by hand from the original",
        }[state(table, file)],
    )
    if table.place(file.name) in ("here", "cached"):
        yield "", str(table.find(file.name))
