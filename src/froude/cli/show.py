"""An answer on the terminal."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from froude.answers import Answer, Fact, Table
from froude.cli.render import print_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table as RichTable

PIPED_WIDTH = 100
"""Columns where neither a terminal nor the environment says how many there are."""

HEAD_WIDTH = 10  # columns of the head of a fact, at least
BAR_WIDTH = 40
EIGHTHS = " ▏▎▍▌▋▊▉█"


def present(answer: Answer, json: bool) -> None:
    """An answer on stdout, as JSON or for a person."""
    print_json(answer.to_dict()) if json else show(answer)


def show(answer: Answer) -> None:
    """An answer on stdout: headline, facts, tables, notes, warnings, next steps; as wide as the terminal."""
    from rich.padding import Padding
    from rich.text import Text

    with on_stdout() as console:
        if answer.headline:
            print_sentence(console, answer.headline, style="bold")
        if answer.facts:
            console.print(Padding(facts_grid(answer.facts), (0, 0, 0, 2)))
        for i, table in enumerate(answer.tables):
            if i or answer.facts or answer.headline:
                console.print()
            if table.title:
                console.print(Text(table.title, style="bold"))
            for part in detailed_rows(table) if table.details else [rich_table(table)]:
                console.print(part)
        if answer.notes:
            console.print()
        for note in answer.notes:
            print_sentence(console, note)
        for warning in answer.warnings:
            print_sentence(console, warning, mark="! ")
        for line in answer.next_steps:
            console.print(Text(line), overflow="ignore", no_wrap=True, crop=False)


def print_sentence(console: Console, text: str, *, style: str = "", mark: str = "") -> None:
    """A sentence over as many lines as it takes, below a mark; a path that is wider than that stays whole."""
    from rich.text import Text

    width = console.width - len(mark)
    for i, line in enumerate(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)):
        lead = Text(" " * len(mark) if i else mark, style="yellow")
        console.print(lead + Text(line, style=style or "default"), overflow="ignore", no_wrap=True, crop=False)


@contextmanager
def on_stdout() -> Iterator[Console]:
    """A console as wide as the terminal or COLUMNS, else PIPED_WIDTH; what it was given goes to stdout at the end."""
    from rich.console import Console

    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(highlight=False, width=None if known else PIPED_WIDTH)
    with console.capture() as caught:
        yield console
    # Cells are padded with blanks, which are noise in a pipe.
    print("\n".join(line.rstrip() for line in caught.get().splitlines()))


def facts_grid(facts: Sequence[Fact]) -> RichTable:
    """Heads to the left, their texts to the right of them."""
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(min_width=HEAD_WIDTH, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for head, text in facts:
        grid.add_row(Text(head), Text(text))
    return grid


def rich_table(table: Table) -> RichTable:
    """A table: words to the left and wrapped, numbers to the right; parts of a whole with bars."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    heads = table.columns or ("",) * max((len(row) for row in table.rows), default=0)
    framed = bool(table.columns)
    drawn = RichTable(
        box=box.SIMPLE_HEAD if framed else None,
        show_header=framed,
        pad_edge=False,
        show_edge=False,
        padding=(0, 2, 0, 0) if not framed else (0, 1),
    )
    for i, head in enumerate(heads):
        words = i in table.left
        drawn.add_column(Text(head), justify="left" if words else "right", no_wrap=not words, overflow="fold")
    if table.shares:
        drawn.add_column("", no_wrap=True)
    for i, row in enumerate(table.rows):
        bars = [Text(bar(table.shares[i]), style="cyan")] if table.shares else []
        drawn.add_row(*(Text(cell) for cell in row), *bars)
    return drawn


def detailed_rows(table: Table) -> Iterator[RenderableType]:
    """A table with a sentence below each row; only the last column is wrapped, the others stand one below another."""
    from rich.padding import Padding
    from rich.table import Table as RichTable
    from rich.text import Text

    lines = [table.columns, *table.rows] if table.columns else table.rows
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    details = ["", *table.details] if table.columns else table.details
    for line, detail in zip(lines, details, strict=True):
        grid = RichTable.grid(padding=(0, 2))
        for i, width in enumerate(widths):
            last = i == len(widths) - 1
            justify = "left" if i in table.left else "right"
            grid.add_column(width=None if last else width, no_wrap=not last, justify=justify, overflow="fold")
        grid.add_row(*map(Text, line))
        yield Padding(grid, (0, 0, 0, 2))
        if detail:
            yield Padding(Text(detail, style="dim"), (0, 0, 0, 4))


def bar(share: float) -> str:
    """A bar of a share of `BAR_WIDTH` columns, to an eighth of one."""
    eighths = max(round(share * BAR_WIDTH * 8), 1)
    return EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8].strip()
