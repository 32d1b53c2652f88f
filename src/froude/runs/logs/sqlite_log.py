"""Databases of trackers, opened so that nothing is written, not even beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from froude.errors import InputError, shown

MAGIC = b"SQLite format 3\0"
_WRITE_AHEAD = 2  # byte 18 of the file, "file format write version" in https://www.sqlite.org/fileformat.html
_WAIT_SECONDS = 10
_MOST_STEPS = 1000


def has_tables(path: Path, *tables: str) -> bool:
    """Whether a path names an SQLite database with these tables."""
    try:
        with open_database(path) as database:
            return set(tables) <= set(tables_of(database))
    except (InputError, sqlite3.Error):
        return False


@contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database to read it while others may write into it. Raises InputError where it is none."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}): check the path and its rights") from None
    if not head.startswith(MAGIC):
        raise InputError(f"{str(path)!r} is no SQLite database: give the file that the tracker wrote")
    # A database with a write-ahead log, but none there, is at rest: SQLite would make the log's files beside it.
    is_at_rest = head[18:19] == bytes([_WRITE_AHEAD]) and not path.with_name(f"{path.name}-wal").exists()
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_at_rest else ''}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS)) as database:
            database.text_factory = _text
            yield database
    except sqlite3.Error as error:
        raise InputError(f"{str(path)!r} cannot be read, {said(error)}: copy the database again") from None


def tables_of(database: sqlite3.Connection) -> list[str]:
    """The names of the tables of a database."""
    return [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def columns_of(database: sqlite3.Connection, table: str) -> list[str]:
    """The names of the columns of a table; none where there is no such table."""
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def said(error: sqlite3.Error) -> str:
    """What SQLite said is wrong, as part of a sentence."""
    return f"SQLite says {shown(str(error))}"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def rows_before_damage(
    database: sqlite3.Connection, query: str, values: tuple[object, ...], notes: list[str]
) -> Iterator[tuple]:
    """Yield the rows of a query up to where the database is damaged, which goes into the notes."""
    cursor = None
    with suppress(StopIteration):
        try:
            cursor = database.execute(query, values)
            yield from cursor
        except sqlite3.DatabaseError as error:
            notes.append(f"the database is damaged, and what follows was left out: {said(error)}")
