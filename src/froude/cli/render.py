"""What commands share in rendering: JSON, tables, sentences, and numbers with the digits they deserve."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

FACTS_HEAD = 10  # columns of the head of a fact
PIPED_WIDTH = 100  # columns where no terminal says how many it has


def print_json(value: Any) -> None:
    """One line of strict JSON on stdout."""
    print(json.dumps(strict(value), allow_nan=False))


def strict(value: Any) -> Any:
    """The same value with None for NaN and infinity, for which JSON has no form: no such number was found."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    return [strict(item) for item in value] if isinstance(value, list | tuple) else value


def print_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table on stdout: the first column to the left, wrapped where it is long, the others to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if i else "left", no_wrap=bool(i))
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print(Text(title, style="bold"), soft_wrap=True)
    console.print()
    console.print(table)


def facts_grid(said: Iterable[tuple[str, str | Table]]) -> Table:
    """Heads to the left, what is said to the right of them."""
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, 2))
    made.add_column(width=FACTS_HEAD, style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for head, what in said:
        made.add_row(head, Text(what) if isinstance(what, str) else what)
    return made


def print_notes(notes: Iterable[str]) -> None:
    """Sentences that ask for attention, one a line."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for note in notes:
        console.print(Text("! ", style="yellow") + Text(note, style="default"))


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage."""
    return f"{100 * share:.{digits}f}%"
