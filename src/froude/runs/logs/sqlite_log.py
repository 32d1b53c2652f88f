"""Databases of trackers, opened so that nothing is written, not even beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from froude.errors import InputError, shown

MAGIC = b"SQLite format 3\0"
DAMAGE = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged database raises; the second one comes of the names of its columns."""
_WRITE_AHEAD = 2
_WAIT_SECONDS = 10
_MOST_LACKING = 16  # times what is there


def has_tables(path: Path, *tables: str) -> bool:
    """Whether a path names an SQLite database with these tables."""
    try:
        with open_database(path) as database:
            return set(tables) <= set(tables_of(database))
    except (InputError, *DAMAGE):
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
    try:
        with closing(_connected(path, head)) as database:
            database.text_factory = _text
            yield database
    except DAMAGE as error:
        raise InputError(f"{str(path)!r} cannot be read, {said(error)}: copy the database again") from None


def _connected(path: Path, head: bytes) -> sqlite3.Connection:
    """A connection by which nothing is written. Source of the file's head: sqlite.org/fileformat.html, 1.3."""
    is_write_ahead = head[18:19] == bytes([_WRITE_AHEAD])
    has_log = path.with_name(f"{path.name}-wal").exists()
    page_bytes, n_pages = int.from_bytes(head[16:18]) % 2**16, int.from_bytes(head[28:32])
    size = path.stat().st_size
    lacking = (page_bytes if page_bytes > 1 else 2**16) * n_pages - size
    is_count_right = head[24:28] == head[92:96] and lacking < _MOST_LACKING * size
    if lacking > 0 and is_count_right and not has_log:
        # SQLite refuses a database that was cut short; filled up in memory, it gives what is whole.
        database = sqlite3.connect(":memory:")
        database.deserialize(head[:18] + b"\1\1" + path.read_bytes()[20:] + bytes(lacking))
        return database
    # A database with a write-ahead log, but none there, is at rest: SQLite would make the log's files beside it.
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_write_ahead and not has_log else ''}"
    return sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS)


def tables_of(database: sqlite3.Connection) -> list[str]:
    """The names of the tables of a database."""
    return [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def columns_of(database: sqlite3.Connection, table: str) -> list[str]:
    """The names of the columns of a table; none where there is no such table."""
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def said(error: Exception) -> str:
    """What SQLite said is wrong, as part of a sentence."""
    return f"SQLite says {shown(str(error))}"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def rows_before_damage(
    database: sqlite3.Connection, query: str, values: tuple[object, ...], notes: list[str]
) -> Iterator[tuple]:
    """Yield the rows of a query up to where the database is damaged, which goes into the notes."""
    try:
        yield from database.execute(query, values)
    except DAMAGE as error:
        notes.append(f"the database is damaged, and what follows was left out: {said(error)}")
