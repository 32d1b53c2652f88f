"""What is kept of an answer where there is room for a few lines only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, final

from froude.answers import Answer, Fact, Table
from froude.rendering.layout import fact_lines, fold, table_lines

MOST_ROWS, LEAST_ROWS = 10, 3
"""Rows of a table that is kept, at most, and of one that would not fit whole, at least."""

MOST_WARNINGS = 3


class CutTable(NamedTuple):
    """The first rows of a table, without details, and a line on how many are left out, empty for none."""

    table: Table
    rest: str


@final
@dataclass(frozen=True, kw_only=True)
class Brief:
    """The parts of an answer that are shown; `more` says where the rest is, empty where nothing is left out."""

    headline: str
    facts: tuple[Fact, ...]
    tables: tuple[CutTable, ...]
    warnings: tuple[str, ...]
    more: str


def shorten(answer: Answer, width: int, most_lines: int) -> Brief:
    """The parts of an answer that fit into so many lines: headline, warnings, the facts, then tables, in this order."""
    warnings = tuple(_warnings(answer.warnings))
    room = most_lines - 1 - sum(len(fold(text, width - 2)) for text in (answer.headline, *warnings))
    facts = _facts(answer.facts, width, room - _least_lines(answer.tables[:1], width))
    room -= sum(1 for _ in fact_lines(facts, width)) if facts else 0
    tables = tuple(_tables(answer.tables, width, room))
    whole = len(facts) == len(answer.facts) and len(tables) == len(answer.tables) and not answer.notes
    details = any(table.details for table in answer.tables)
    return Brief(
        headline=answer.headline,
        facts=facts,
        tables=tables,
        warnings=warnings,
        more="" if whole and not details else "… more: .summary()",
    )


def cut_rows(table: Table, rows: int) -> CutTable:
    """The first rows of a table; a table longer by one row is left as it is."""
    left_out = len(table.rows) - rows
    if left_out <= 1:
        return CutTable(replace(table, details=()), "")
    kept = replace(table, rows=table.rows[:rows], shares=table.shares[:rows], details=())
    return CutTable(kept, f"… and {left_out} more")


def _warnings(warnings: Sequence[str]) -> Iterator[str]:
    yield from warnings[:MOST_WARNINGS]
    if len(warnings) > MOST_WARNINGS:
        yield f"… and {len(warnings) - MOST_WARNINGS} more"


def _facts(facts: Sequence[Fact], width: int, room: int) -> tuple[Fact, ...]:
    """The first facts that fit into so many lines."""
    kept: list[Fact] = []
    for fact in facts:
        if sum(1 for _ in fact_lines([*kept, fact], width)) > room:
            break
        kept.append(fact)
    return tuple(kept)


def _least_lines(tables: Sequence[Table], width: int) -> int:
    return sum(_height(cut_rows(table, LEAST_ROWS), width) for table in tables)


def _height(cut: CutTable, width: int) -> int:
    titled = 1 + len(fold(cut.table.title, width)) if cut.table.title else 0
    return titled + bool(cut.rest) + sum(1 for _ in table_lines(cut.table, width))


def _tables(tables: Sequence[Table], width: int, room: int) -> Iterator[CutTable]:
    """The first tables that fit, the first one cut as far as it must be, the others as whole as their first rows."""
    for i, table in enumerate(tables):
        for rows in range(MOST_ROWS, 0, -1):
            cut = cut_rows(table, rows)
            if (height := _height(cut, width)) <= room and (not cut.rest or rows >= LEAST_ROWS or not i):
                break
        else:
            return
        room -= height
        yield cut
