"""What is said of a public run table, of all of them, and of what a download left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import count
from froude.quantity import format_bytes
from froude.runs import PublishedTable
from froude.runs.published.table import Download, PublishedFile

STATES = {
    "here": "in the folder that FROUDE_PUBLISHED names",
    "cached": "not there, but the originals are downloaded",
    "download": "not here, fetched by froude published NAME --download",
    "by hand": "not here, and no plain file to fetch: set FROUDE_PUBLISHED",
    "part": "some of its files are here",
    "differs": "a file is not the registered one",
}
"""Where a table is, in a word, and what the word means."""


def answer_of_published_tables(tables: Sequence[PublishedTable]) -> Answer:
    """The public run tables: rows, files, licence, where each is, and what it is good for."""
    states = {table.id: table_state(table) for table in tables}
    listing = Table(
        title="",
        columns=("id", "rows", "files", "licence", "where"),
        rows=tuple(
            (table.id, str(table.file().rows), str(len(table.files)), table.licence, states[table.id])
            for table in tables
        ),
        left=(0, 3, 4),
        details=tuple(table.good_for for table in tables),
    )
    meanings = tuple(f"{state}: {meaning}" for state, meaning in STATES.items() if state in states.values())
    return Answer(
        headline=count(len(tables), "public run table"),
        tables=(listing,),
        notes=("rows: those of the first file", *meanings, "froude published NAME shows one whole"),
        data=[published_to_dict(table) for table in tables],
    )


def answer_of_published(table: PublishedTable) -> Answer:
    """One public run table: source, licence, what was published on it, its files and their columns."""
    return Answer(
        headline=f"{table.id}: {table.title}",
        facts=tuple(_facts(table)),
        tables=tuple(part for file in table.files for part in _file_tables(table, file)),
        data=[published_to_dict(table)],
    )


def answer_of_downloads(table: PublishedTable, downloads: Sequence[Download]) -> Answer:
    """What a download left: where each file is now, what is known of it, and what was not downloaded."""
    by_hand = [file for file in table.files if not file.original.plain]
    return Answer(
        headline=f"{table.id}: {count(len(downloads), 'file')} downloaded",
        facts=tuple(fact for each in downloads for fact in _download_facts(each)),
        notes=tuple(
            f"{file.name}: not downloaded, made by hand from {file.original.form} at {file.original.paths[0]}"
            for file in by_hand
        ),
        data=[
            published_to_dict(table)
            | {
                "downloaded": [
                    {"file": each.file.name, "path": str(each.path), "bytes": each.n_bytes, "verdict": each.verdict}
                    for each in downloads
                ]
            }
        ],
    )


def file_state(table: PublishedTable, file: PublishedFile) -> str:
    """Where a file is; "differs" for one under FROUDE_PUBLISHED that is not the registered one."""
    place = table.place(file.name)
    differs = place == "here" and file.check(table.find(file.name)) == "differs"
    return "differs" if differs else place


def table_state(table: PublishedTable) -> str:
    """Where a table is, in one word: "part" if only some of its files are here, else that of the first."""
    states = [file_state(table, file) for file in table.files]
    if "differs" in states:
        return "differs"
    here = sum(state in ("here", "cached") for state in states)
    return "part" if 0 < here < len(states) else states[0]


def published_to_dict(table: PublishedTable) -> dict[str, Any]:
    """All that is said of a table, as JSON."""
    keys = ("id", "title", "good_for", "repository", "commit", "path", "licence", "licence_note", "paper")
    return {key: getattr(table, key) or "" for key in keys} | {
        "state": table_state(table),
        "cautions": list(table.cautions),
        "published": [
            {"said": each.finding, "source": each.source, "law": each.law or "", "constants": each.constants or ""}
            for each in table.published
        ],
        "files": [_file_to_dict(table, file) for file in table.files],
    }


def _file_to_dict(table: PublishedTable, file: PublishedFile) -> dict[str, Any]:
    """All that is said of a file, as JSON; `state` and `path` are those on this machine."""
    state = file_state(table, file)
    return {
        "name": file.name,
        "rows": file.rows,
        "sha256": file.sha256,
        "state": state,
        "path": str(table.find(file.name)) if state not in ("download", "by hand") else None,
        "roles": dict(file.roles),
        "columns": {name: {"meaning": c.meaning, "unit": c.unit or ""} for name, c in file.columns.items()},
        "original": {
            "paths": list(file.original.paths),
            "form": file.original.form,
            "changes": file.original.changes or "",
            "download": file.original.plain,
        },
    }


def _facts(table: PublishedTable) -> Iterator[Fact]:
    yield Fact("good for", table.good_for)
    yield Fact("source", f"github.com/{table.repository}")
    yield Fact("", f"commit {table.commit}")
    yield Fact("", table.path)
    yield Fact("licence", table.licence + (f": {table.licence_note}" if table.licence_note else ""))
    yield Fact("paper", table.paper)
    for i, result in enumerate(table.published):
        named = f"{result.law} {result.constants}: " if result.law else ""
        yield Fact("" if i else "published", f"{named}{result.finding}")
        yield Fact("", f"[{result.source}]")
    for i, caution in enumerate(table.cautions):
        yield Fact("" if i else "beware", caution)


def _file_tables(table: PublishedTable, file: PublishedFile) -> Iterator[Table]:
    """What is said of a file, and its columns."""
    yield Table(
        title=f"{file.name}, {count(file.rows, 'row')}",
        columns=(),
        rows=tuple(map(tuple, _file_facts(table, file))),
        left=(0, 1),
    )
    yield Table(
        title="",
        columns=("column", "meaning", "unit"),
        rows=tuple((name, c.meaning, "" if c.unit in (None, "1") else c.unit) for name, c in file.columns.items()),
        left=(0, 1, 2),
    )


def _file_facts(table: PublishedTable, file: PublishedFile) -> Iterator[Fact]:
    yield Fact(
        "where",
        {
            "here": "here, as registered",
            "differs": "here, but differs from the registered one",
            "cached": "its original, downloaded",
            "download": f"not here: froude published {table.id} --download, or set FROUDE_PUBLISHED",
            "by hand": "not here: set FROUDE_PUBLISHED, or make it by hand from the original",
        }[file_state(table, file)],
    )
    if table.place(file.name) in ("here", "cached"):
        yield Fact("", str(table.find(file.name)))
    yield Fact("SHA-256", file.sha256)
    if file.roles:
        yield Fact("roles", ", ".join(f"{role} = {column}" for role, column in file.roles.items()))
    yield Fact("original", f"{file.original.form}: {' and '.join(file.original.paths)}")
    yield Fact("", f"changes: {file.original.changes}" if file.original.changes else "no change known")


def _download_facts(download: Download) -> Iterator[Fact]:
    yield Fact(download.file.name, f"{format_bytes(download.n_bytes)}, {download.verdict}")
    yield Fact("", str(download.path))
