"""Where the cells of a table stand in so many columns: no word is broken and no number wrapped.

What does not fit goes elsewhere whole: words below their row, numbers into a further block of columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, final

from froude.answers import Fact, Table

WORDS_WIDTH = 24
"""Columns that words have beside other cells, at least, if they are that long; with fewer they go below their row."""

LONG_WORD = 40
"""Letters of a word from which it makes no column wider: a path stands out to the right rather than being broken."""

GAP, CLOSE_GAP = 3, 2  # between columns under a rule, where there is room, and elsewhere
INDENT = 2
HEAD_WIDTH = 10  # of the head of a fact, at least
BAR_WIDTH, LEAST_BAR = 40, 10  # of a share of all
EIGHTHS = " ▏▎▍▌▋▊▉█"


class StyledText(NamedTuple):
    """A piece of a line, in a style that the terminal knows by its name; "" is plain."""

    text: str
    style: str = ""


Line = tuple[StyledText, ...]


@final
@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A head over its cells; words are wrapped between them, numbers stand to the right and are whole."""

    head: str
    cells: tuple[str, ...]
    is_words: bool

    @cached_property
    def natural(self) -> int:
        """Its width where nothing is wrapped."""
        return max(map(columns_of, (self.head, *self.cells)))

    @cached_property
    def least(self) -> int:
        """Its width where as much is wrapped as may be."""
        head = longest_word(self.head)
        if not self.is_words:
            return max([head, *map(columns_of, self.cells)])
        return min(self.natural, max([head, WORDS_WIDTH, *map(longest_word, self.cells)]))

    def with_head_in(self, n_lines: int) -> int:
        """Its least width where its head takes so many lines."""
        widths = range(self.least, self.natural)
        return next((width for width in widths if len(fold(self.head, width)) <= n_lines), self.natural)

    def fold(self, text: str, width: int) -> list[str]:
        """The lines of a cell or of the head, each as wide as the column."""
        lines = fold(text, width) if self.is_words or text == self.head else [text]
        return [pad(line, width, to_the_left=self.is_words) for line in lines]


@final
@dataclass(frozen=True, kw_only=True)
class TableBlock:
    """Columns that stand beside one another, with what goes below each row and a bar at the end of it."""

    columns: tuple[TableColumn, ...]
    below: tuple[TableColumn, ...] = ()
    details: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


def table_lines(table: Table, width: int) -> Iterator[Line]:
    """The lines of a table, without its title, none wider than `width` unless one word is.

    Words too many for a column of their own stand below their row, as details do. Numbers too many for a line are
    continued in a further block, which begins with the first column again.
    """
    indent = INDENT if table.details else 0
    framed = bool(table.columns) and not table.details
    table = _with_details_beside(table, width - indent)
    for i, block in enumerate(blocks_of(table, width - indent)):
        if i:
            yield (StyledText(""),)
        yield from ((StyledText(" " * indent), *line) for line in _block_lines(block, width - indent, framed))


def _with_details_beside(table: Table, room: int) -> Table:
    """A table of named columns with its details as a last one, where it fits without being wrapped; else as it is."""
    if not table.details or not table.columns or table.shares:
        return table
    columns = (*table.columns, "")
    rows = tuple((*row, detail) for row, detail in zip(table.rows, table.details, strict=True))
    beside = replace(table, columns=columns, rows=rows, left=(*table.left, len(rows[0]) - 1), details=())
    natural = [column.natural for column in _columns(beside)]
    return beside if sum(natural) + CLOSE_GAP * (len(natural) - 1) <= room else table


def fact_lines(facts: Sequence[Fact], width: int) -> Iterator[Line]:
    """Heads to the left, their texts to the right of them."""
    head_width = max([HEAD_WIDTH, *(columns_of(fact.head) for fact in facts)])
    room = width - INDENT - head_width - CLOSE_GAP
    for head, text in facts:
        lines = fold(text, room if room >= WORDS_WIDTH else width - 2 * INDENT) or [""]
        if room < WORDS_WIDTH:
            yield (StyledText(" " * INDENT + head, "dim"),)
            yield from ((StyledText(" " * 2 * INDENT + line),) for line in lines)
            continue
        for i, line in enumerate(lines):
            lead = " " * INDENT + pad("" if i else head, head_width, to_the_left=True) + " " * CLOSE_GAP
            yield StyledText(lead, "dim"), StyledText(line)


def fold(text: str, width: int) -> list[str]:
    """A text in lines of at most so many columns, broken at blanks; a word that is wider stands whole on its own."""
    lines: list[str] = []
    for word in text.split():
        if lines and columns_of(lines[-1]) + 1 + columns_of(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def columns_of(text: str) -> int:
    """The columns that a text takes on a terminal, where some letters take two."""
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)


def longest_word(text: str) -> int:
    """The columns of the longest word that is to fit into a column."""
    return max((n for n in map(columns_of, text.split()) if n < LONG_WORD), default=0)


def pad(text: str, width: int, *, to_the_left: bool) -> str:
    """The text with blanks up to a width, after it or before it."""
    blanks = " " * (width - columns_of(text))
    return text + blanks if to_the_left else blanks + text


def bar(share: float, width: int = BAR_WIDTH) -> str:
    """A bar of a share of so many columns, to an eighth of one."""
    eighths = max(round(share * width * 8), 1)
    return EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _columns(table: Table) -> list[TableColumn]:
    heads = table.columns or ("",) * max((len(row) for row in table.rows), default=0)
    cells = list(zip(*table.rows, strict=True)) or [()] * len(heads)
    return [
        TableColumn(head=head, cells=tuple(each), is_words=i in table.left)
        for i, (head, each) in enumerate(zip(heads, cells, strict=True))
    ]


def _least(columns: Sequence[TableColumn], gap: int) -> int:
    return sum(column.least for column in columns) + gap * (len(columns) - 1)


def blocks_of(table: Table, room: int) -> list[TableBlock]:
    """The blocks that fit: one, with the longest words below their rows where they must, or several of numbers."""
    columns = _columns(table)
    kept = list(columns)
    while _least(kept, CLOSE_GAP) > room and (words := [column for column in kept[1:] if column.is_words]):
        kept.remove(max(words, key=lambda column: column.natural))
    below = tuple(column for column in columns if not any(column is each for each in kept))
    parts = list(_parts(kept, room))
    if len(parts) == 1:
        return [TableBlock(columns=tuple(kept), below=below, details=table.details, shares=table.shares)]
    *others, last = (TableBlock(columns=tuple(part)) for part in parts)
    return [*others, replace(last, below=below, details=table.details)]


def _parts(columns: Sequence[TableColumn], room: int) -> Iterator[list[TableColumn]]:
    """The columns in parts that fit, each of which begins with the first column."""
    part = list(columns[:1])
    for column in columns[1:]:
        if len(part) > 1 and _least([*part, column], CLOSE_GAP) > room:
            yield part
            part = list(columns[:1])
        part.append(column)
    yield part


def _widths(columns: Sequence[TableColumn], gap: int, room: int) -> list[int]:
    """The width of each column: heads in as few lines as fit, then words, those that lack least before others."""
    room -= gap * (len(columns) - 1)
    most = max([1, *(len(column.head.split()) for column in columns)])
    by_lines = ([each.least if each.is_words else each.with_head_in(n) for each in columns] for n in range(1, most + 1))
    widths = next((each for each in by_lines if sum(each) <= room), [column.least for column in columns])
    lacking = {i: column.natural - column.least for i, column in enumerate(columns) if column.is_words}
    for i in sorted(lacking, key=lambda i: lacking[i]):
        widths[i] += max(min(lacking[i], room - sum(widths)), 0)
    return widths


def _block_lines(block: TableBlock, room: int, framed: bool) -> Iterator[Line]:
    columns, shares = block.columns, block.shares
    gap = GAP if framed and _least(columns, GAP) <= room else CLOSE_GAP
    widths = _widths(columns, gap, room)
    total = sum(widths) + gap * (len(widths) - 1)
    if any(column.head for column in columns):
        heads = [column.fold(column.head, width) for column, width in zip(columns, widths, strict=True)]
        height = max(map(len, heads))
        yield from _beside([[""] * (height - len(head)) + head for head in heads], widths, gap, "bold" * framed)
        yield from _below([column.head for column in block.below], room)
    if framed:
        yield (StyledText("─" * min(room, max([total, *(INDENT + column.natural for column in block.below)]))),)
    bar_width = int(min(BAR_WIDTH, max(room - total - gap, 0) / (max(shares, default=0.0) or 1.0)))
    for i in range(len(columns[0].cells) if columns else 0):
        cells = [column.fold(column.cells[i], width) for column, width in zip(columns, widths, strict=True)]
        first, *rest = _beside(cells, widths, gap, "")
        bars = [StyledText(" " * gap + bar(shares[i], bar_width), "cyan")] if shares and bar_width >= LEAST_BAR else []
        yield (*first, *bars)
        yield from rest
        yield from _below([*(column.cells[i] for column in block.below), *block.details[i : i + 1]], room)


def _beside(cells: Sequence[Sequence[str]], widths: Sequence[int], gap: int, style: str) -> Iterator[Line]:
    for i in range(max([1, *map(len, cells)])):
        texts = [cell[i] if i < len(cell) else "" for cell in cells]
        yield (
            StyledText(
                (" " * gap).join(pad(text, w, to_the_left=True) for text, w in zip(texts, widths, strict=True)), style
            ),
        )


def _below(texts: Sequence[str], room: int) -> Iterator[Line]:
    for text in texts:
        yield from ((StyledText(" " * INDENT + line, "dim"),) for line in fold(text, room - INDENT))
