"""Ranked search of the atlas: SQLite's full-text index, built in memory, behind facets."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import final

from froude.atlas.records import atlas_records
from froude.atlas.schema import Claim, Cost, Domain, Record, Role, Runnable, choices
from froude.errors import InputError
from froude.result import Result

COLUMNS = {"id": 8.0, "title": 8.0, "lever": 5.0, "axis": 4.0, "quantities": 4.0, "context": 2.0, "works_when": 1.0}
"""What is indexed and the weight of a word found there: a guess that puts its subject before its context."""
FACETS = {
    "domain": choices(Domain),
    "role": choices(Role),
    "cost": choices(Cost),
    "runnable": choices(Runnable),
}


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Hit(Result):
    """A record found, with its score (BM25, larger is better, 0 where no text was given)."""

    record: Record
    score: float


def search_atlas(
    text: str = "",
    *,
    domain: str | None = None,
    role: str | None = None,
    lever: str | None = None,
    cost: str | None = None,
    hardware: str | None = None,
    runnable: str | None = None,
    priority: int | None = None,
    limit: int | None = 10,
) -> tuple[Hit, ...]:
    """The records that a text is about, best first, among those that every facet given admits; at most `limit`.

    Records that hold all words come before those that hold some. `lever` is a part of the lever's sentence, `hardware`
    a part of a name ("A100", "TPU"), `cost` a term of cost ("memory"). Without a text the records come in the order of
    the file; without a limit all of them.

    Raises InputError for a facet with no such word, for a text without a word, and where SQLite lacks FTS5.
    """
    for name, given in (("domain", domain), ("role", role), ("cost", cost), ("runnable", runnable)):
        if given and given not in FACETS[name]:
            raise InputError(f"{name} {given!r} is unknown: give one of {', '.join(FACETS[name])}")
    hits = [Hit(record=record, score=0.0) for record in atlas_records()] if not text.strip() else _rank(text)
    admitted = [
        hit
        for hit in hits
        if (not domain or hit.record.domain == domain)
        and (not role or hit.record.role == role)
        and (not cost or cost in hit.record.costs)
        and (not runnable or hit.record.runnable == runnable)
        and (not priority or hit.record.priority == priority)
        and (not lever or lever.lower() in (hit.record.lever or "").lower())
        and (not hardware or names_hardware(hit.record, hardware))
    ]
    return tuple(admitted[:limit])


def names_hardware(record: Record, hardware: str) -> bool:
    """Whether a claim of the record names hardware of which the given text is a part."""
    wanted = hardware.lower()
    return any(wanted in name.lower() for name in record.hardware)


def _rank(text: str) -> list[Hit]:
    words = [f'"{word}"' for word in re.findall(r"\w+", text)]
    if not words:
        raise InputError(f"search text {text!r} has no word: give one, as in KV cache memory")
    all_of, any_of = (_matches(f" {how} ".join(words)) for how in ("AND", "OR"))
    rows = all_of | {row: score for row, score in any_of.items() if row not in all_of}
    records = atlas_records()
    return [Hit(record=records[row], score=score) for row, score in rows.items()]


def _matches(query: str) -> dict[int, float]:
    weights = ", ".join(map(str, COLUMNS.values()))
    ranked = f"SELECT rowid, -bm25(atlas, {weights}) AS score FROM atlas WHERE atlas MATCH ? ORDER BY score DESC, rowid"
    return {row - 1: score for row, score in _index().execute(ranked, (query,))}


@cache
def _index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    create_index(connection)
    slots = ", ".join("?" * (len(COLUMNS) + 1))
    rows = [(i, *_words_of(record)) for i, record in enumerate(atlas_records(), start=1)]
    connection.executemany(f"INSERT INTO atlas(rowid, {', '.join(COLUMNS)}) VALUES ({slots})", rows)
    return connection


def create_index(connection: sqlite3.Connection) -> None:
    """Create the empty full-text table. Raises InputError where this SQLite has no FTS5."""
    try:
        connection.execute(f"CREATE VIRTUAL TABLE atlas USING fts5({', '.join(COLUMNS)}, tokenize='porter unicode61')")
    except sqlite3.OperationalError as error:
        if "no such module" not in str(error):
            raise
        raise InputError(
            f"SQLite {sqlite3.sqlite_version} of this Python has no FTS5: search without a text, by facets, or "
            "take a Python whose sqlite3 has FTS5"
        ) from None


def _words_of(record: Record) -> Sequence[str]:
    quantities = " ; ".join(claim.quantity for claim in record.claims)
    context = " ; ".join(map(_context, record.claims))
    return record.id, record.title, record.lever or "", record.axis, quantities, context, record.works_when


def _context(claim: Claim) -> str:
    return " ".join((claim.unit, claim.baseline or "", *claim.conditions, *claim.hardware, claim.note or ""))
