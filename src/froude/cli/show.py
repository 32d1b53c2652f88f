"""An answer on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from froude.answers import Answer
from froude.cli.render import print_json
from froude.rendering.text import answer_lines

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
        for line in answer_lines(answer, console.width):
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
