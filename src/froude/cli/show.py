"""An answer on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from froude.answers import Answer
from froude.cli.layout import Line, fact_lines, fold, table_lines
from froude.cli.render import print_json

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 100
"""Columns where neither a terminal nor the environment says how many there are."""


def present(answer: Answer, json: bool) -> None:
    """An answer on stdout, as JSON or for a person."""
    print_json(answer.to_dict()) if json else show(answer)


def show(answer: Answer) -> None:
    """An answer on stdout: headline, facts, tables, notes, warnings, next steps; as wide as the terminal."""
    from rich.text import Text

    with on_stdout() as console:
        if answer.headline:
            print_sentence(console, answer.headline, style="bold")
        if answer.facts:
            print_lines(console, fact_lines(answer.facts, console.width))
        for i, table in enumerate(answer.tables):
            if i or answer.facts or answer.headline:
                console.print()
            if table.title:
                print_sentence(console, table.title, style="bold")
            print_lines(console, table_lines(table, console.width))
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
    for i, line in enumerate(fold(text, width)):
        lead = Text(" " * len(mark) if i else mark, style="yellow")
        console.print(lead + Text(line, style=style or "default"), overflow="ignore", no_wrap=True, crop=False)


def print_lines(console: Console, lines: Iterable[Line]) -> None:
    """Lines as they are laid out, in their styles."""
    from rich.text import Text

    for line in lines:
        text = Text.assemble(*((span.text, span.style) for span in line))
        console.print(text, overflow="ignore", no_wrap=True, crop=False)


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
