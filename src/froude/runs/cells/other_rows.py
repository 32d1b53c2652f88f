"""Lines of a table that are no runs: names that are repeated, units under the names, sums below the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from froude.runs.cells.numbers import is_number
from froude.runs.headers import is_unit

if TYPE_CHECKING:
    from froude.runs.cells.layout import CellsOfLine

_SUMS = re.compile(r"(grand )?(total|sum|mean|average|avg|median|std|stdev|min|max|count|n)\.?:?", re.IGNORECASE)
_RULE = re.compile(r":?[-=]+:?")  # between names and rows, as in Markdown


def without_other_rows(names: Sequence[str], rows: Sequence[CellsOfLine]) -> tuple[list[CellsOfLine], list[str]]:
    """Return the rows that may be runs, and a note of each that was left out: rules and repeated names need none.

    Left out are lines at the end whose first words are "Total", "Mean" and such, or that fill one cell of several.
    """
    kept, notes = [], []
    for row in rows:
        if [*row.cells] == [*names]:
            notes.append(f"line {row.line} repeats the names of columns and was left out")
        elif not all(_RULE.fullmatch(cell) for cell in row.cells):
            kept.append(row)
    while len(kept) > 1 and (why := _why_no_run(kept[-1], len(names))):
        last = kept.pop()
        notes.append(f"line {last.line} ({next(filter(None, last.cells))!r}) is {why} and was left out")
    return kept, notes


def _why_no_run(row: CellsOfLine, width: int) -> str | None:
    first = next((cell for cell in row.cells if cell), "")
    if _SUMS.fullmatch(first):
        return "a summary of rows"
    if len(row.cells) == 1 < width - 1 and not is_number(first) and re.search(r"\W", first):
        return "a remark below the rows"
    return None


def named_units(
    names: Sequence[str], rows: Sequence[CellsOfLine]
) -> tuple[tuple[str, ...], list[CellsOfLine], list[str]]:
    """Return names that bear the units which stand in a line of their own below them, the other rows, and a note."""
    if len(rows) < 2 or not _are_units(rows[0], rows[1]):
        return tuple(names), list(rows), []
    units = [re.sub(r"^[(\[{]|[)\]}]$", "", cell) for cell in rows[0].cells]
    named = [f"{name} ({unit})" if unit.strip("-–—") else name for name, unit in zip(names, units, strict=True)]
    return tuple(named), list(rows[1:]), [f"line {rows[0].line} holds the units of the columns"]


def _are_units(row: CellsOfLine, below: CellsOfLine) -> bool:
    """Whether a row has no number where the one below it has some, and a unit in each of these places or none."""
    cells = [cell for cell, under in zip(row.cells, below.cells, strict=True) if is_number(under)]
    marks = [cell for cell in cells if cell.strip("-–—")]
    return bool(marks) and all(map(is_unit, marks)) and not any(map(is_number, row.cells))
