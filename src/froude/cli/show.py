"""An answer on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from froude.answers import Answer
from froude.cli.errors import tell
from froude.cli.render import print_json, say, to_stdout
from froude.errors import visible
from froude.rendering.layout import Line
from froude.rendering.text import SUMMARY_WIDTH, answer_lines


def present(answer: Answer, json: bool) -> None:
    """An answer on stdout, as JSON or for a person."""
    print_json(answer.to_dict()) if json else show(answer)


def present_with_page(answer: Answer, json: bool, page: Path | None, result: Any, **options: Any) -> None:
    """An answer on stdout and, where it is asked for, its page or picture; `options` are those of the picture."""
    if page is not None:
        from froude.files import write_outputs
        from froude.reporting.page import page_bytes

        write_outputs({page: page_bytes(page, answer, result, options)})
        tell(f"page: {page}")
    present(answer, json)


def show(answer: Answer) -> None:
    """An answer on stdout: headline, facts, tables, notes, warnings, next steps; as wide as the terminal."""
    with to_stdout():
        text = printable(lambda width: answer_lines(answer, width))
    say(text)


def printable(lines: Callable[[int], Iterable[Line]]) -> str:
    """The text of lines made for a width: that of the terminal or of COLUMNS, else that of a summary."""
    from rich.console import Console
    from rich.text import Text

    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(highlight=False, width=None if known else SUMMARY_WIDTH)
    with console.capture() as caught:
        for line in lines(console.width):
            text = Text.assemble(*((visible(span.text), span.style) for span in line))
            console.print(text, overflow="ignore", no_wrap=True, crop=False)
    # Cells are padded with blanks, which are noise in a pipe.
    return "\n".join(line.rstrip() for line in caught.get().splitlines())
