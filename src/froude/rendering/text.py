"""An answer as lines of text: all of it, as the terminal prints it, or briefly, as a result prints itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from froude.answers import Answer
from froude.errors import visible
from froude.rendering.brief import Brief, shorten
from froude.rendering.layout import Line, StyledText, fact_lines, fold, table_lines

SUMMARY_WIDTH, BRIEF_WIDTH = 100, 80
MOST_LINES = 25
"""Of a result that prints itself."""

_EMPTY: Line = (StyledText(""),)


def answer_lines(answer: Answer, width: int) -> Iterator[Line]:
    """All lines of an answer: headline, facts, tables, notes, warnings, next steps; a path wider than that is whole."""
    yield from _sentence(answer.headline, width, "bold")
    if answer.facts:
        yield from fact_lines(answer.facts, width)
    for i, table in enumerate(answer.tables):
        if i or answer.facts or answer.headline:
            yield _EMPTY
        yield from _sentence(table.title, width, "bold")
        yield from table_lines(table, width)
    if answer.notes:
        yield _EMPTY
    for note in answer.notes:
        yield from _sentence(note, width)
    for warning in answer.warnings:
        yield from _warning(warning, width)
    yield from ((StyledText(line),) for line in answer.next_steps)


def answer_text(answer: Answer, width: int = SUMMARY_WIDTH) -> str:
    """An answer as plain text."""
    return _joined(answer_lines(answer, width))


def brief_text(answer: Answer, width: int = BRIEF_WIDTH) -> str:
    """An answer in a few lines: as much of its tables and facts as there is room for, and that there is more."""
    return _joined(brief_lines(shorten(answer, width, MOST_LINES), width))


def brief_lines(brief: Brief, width: int) -> Iterator[Line]:
    """The lines of what was kept of an answer."""
    yield from _sentence(brief.headline, width, "bold")
    if brief.facts:
        yield from fact_lines(brief.facts, width)
    for cut in brief.tables:
        if cut.table.title:
            yield _EMPTY
        yield from _sentence(cut.table.title, width, "bold")
        yield from table_lines(cut.table, width)
        if cut.rest:
            yield (StyledText(cut.rest, "dim"),)
    for warning in brief.warnings:
        yield from _warning(warning, width)
    if brief.more:
        yield (StyledText(brief.more, "dim"),)


def _sentence(text: str, width: int, style: str = "") -> Iterator[Line]:
    yield from ((StyledText(line, style),) for line in fold(text, width))


def _warning(text: str, width: int) -> Iterator[Line]:
    for i, line in enumerate(fold(text, width - 2)):
        yield StyledText("  " if i else "! ", "yellow"), StyledText(line)


def _joined(lines: Iterable[Line]) -> str:
    return "\n".join(visible("".join(span.text for span in line)).rstrip() for line in lines)
