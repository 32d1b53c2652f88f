"""What commands share in rendering: the console, tables, JSON, and the options several of them take."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout instead of tables.")]
Columns = Annotated[
    str | None,
    typer.Option(help="Which column plays which role: N=params,D=tokens,loss=val_loss. Found by name otherwise."),
]
Table = Annotated[str, typer.Argument(help="Runs: a CSV, Parquet or JSONL file, or a study folder.")]


def print_json(value: Any) -> None:
    """One line of strict JSON on stdout; what is not finite becomes null."""
    print(json.dumps(finite(value), allow_nan=False))


def finite(value: Any) -> Any:
    """The same value with None for every number that JSON has no form for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def print_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table on stdout, numbers to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    table = RichTable(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def print_notes(notes: Iterable[str], mark: str = "!") -> None:
    """Sentences on stdout, one a line."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for note in notes:
        console.print(f"[yellow]{mark}[/yellow] {note}")


def roles(columns: str | None) -> dict[str, str] | None:
    """The mapping role → column that `--columns` writes."""
    from froude.errors import InputError

    if columns is None:
        return None
    pairs = [pair.partition("=") for pair in columns.split(",")]
    for role, equals, column in pairs:
        if not (role.strip() and equals and column.strip()):
            raise InputError(f"--columns {columns!r} does not parse: write role=column, as in N=params,loss=val_loss")
    return {role.strip(): column.strip() for role, _, column in pairs}


def interval(lo: float, hi: float) -> str:
    """Both ends with four digits."""
    return f"{lo:.4g} to {hi:.4g}"


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage."""
    return f"{100 * share:.{digits}f}%"
