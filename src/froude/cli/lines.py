"""Lines of a long command on stderr, each a sentence under a head."""

from __future__ import annotations

import textwrap
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from froude.errors import visible

MARGIN = 9  # columns of the word at the head of a line
NARROWEST = 40  # columns of text, however narrow the terminal


def print_line(console: Console, head: str, text: str, style: str = "default") -> None:
    """A sentence under a head, wrapped to the terminal between words; a long path stays whole."""
    width = max(NARROWEST, console.width - MARGIN - 3)
    for part in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False):
        line = Text.assemble((f"{head:>{MARGIN}}", "bold cyan"), "  ", (visible(part), style))
        with suppress(OSError):  # a log on a full disk is no reason to end a study
            console.print(line, soft_wrap=True)
        head = ""
