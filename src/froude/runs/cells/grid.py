"""From text to rows of cells under names: every row as wide as the names, and a note of each line that is no row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from froude.errors import InputError
from froude.runs.cells.layout import SEPARATORS, CellsOfLine, TextLayout, layout_of
from froude.runs.cells.numbers import is_number
from froude.runs.cells.other_rows import named_units, without_other_rows


@final
@dataclass(frozen=True, kw_only=True)
class Grid:
    """The names of columns, the rows (all of one width) below them, and notes of what was left out or renamed."""

    names: tuple[str, ...]
    rows: tuple[CellsOfLine, ...]
    notes: tuple[str, ...] = ()


def grid_of(text: str, likely: str = ",") -> Grid:
    """Return the cells of a table in text; of separators that fit equally the `likely` one is taken.

    Raises InputError, which ends a sentence that names the file, for a line with more or fewer cells than there are
    names, naming the line, for a table without names, and for one without rows.
    """
    layout = layout_of(text, likely)
    names, rows, notes = _names_and_rows(layout)
    rows, left_out = without_other_rows(names.cells, rows)
    names = _with_row_names(names, rows, layout)
    rows, fitted = _fitted(names, rows, layout)
    units, rows, about_units = named_units(names.cells, rows)
    if not rows:
        raise InputError("holds no runs: give a table with a line of column names and a row for each run")
    grid = Grid(names=units, rows=tuple(rows), notes=(*notes, *left_out, *fitted, *about_units))
    return _named_apart(_without_empty_columns(grid))


def _names_and_rows(layout: TextLayout) -> tuple[CellsOfLine, list[CellsOfLine], list[str]]:
    """The record of names, those below it, and notes of what stands above it."""
    if not layout.records:
        raise InputError("holds no runs: give a table with a line of column names and a row for each run")
    titles, (names, *rows) = layout.records[: layout.start], layout.records[layout.start :]
    comments = list(layout.comments)
    if _is_numbers(names, rows):
        rows = [names, *rows]
        names = next((each for each in reversed(comments) if len(each.cells) == len(names.cells)), None)
        if names is None:
            raise InputError(
                f"has numbers in line {rows[0].line}, where the names of columns should stand: "
                "add a line such as N,D,loss above it, or turn a table that lies on its side"
            )
        comments.remove(names)
    skipped = sorted((*titles, *comments), key=lambda record: record.line)
    return names, rows, [f"line {each.line} ({_shown(each)!r}) is no row and was left out" for each in skipped]


def _with_row_names(names: CellsOfLine, rows: Sequence[CellsOfLine], layout: TextLayout) -> CellsOfLine:
    """The names with an empty one before them where rows have names or numbers of their own, as R writes them."""
    first = [row.cells[0] for row in rows]
    wider = layout.separator != "," and rows and all(len(row.cells) == len(names.cells) + 1 for row in rows)
    numbered = first == [str(i) for i in range(1, len(rows) + 1)]
    if wider and (numbered or (len({*first}) == len(rows) and not any(map(is_number, first)))):
        return replace(names, cells=("", *names.cells))
    return names


def _is_numbers(names: CellsOfLine, rows: Sequence[CellsOfLine]) -> bool:
    """Whether what should be names are numbers wherever a first row has numbers."""
    if not rows:
        return all(map(is_number, names.cells))
    pairs = zip(names.cells, rows[0].cells, strict=False)
    below = [is_number(name) for name, cell in pairs if is_number(cell)]
    return bool(below) and all(below)


def _fitted(names: CellsOfLine, rows: Sequence[CellsOfLine], layout: TextLayout) -> tuple[list[CellsOfLine], list[str]]:
    """The rows cut to the width of the names, where what is cut is empty, and notes."""
    width, fitted, notes = len(names.cells), [], []
    for row in rows:
        filled = max((i + 1 for i, cell in enumerate(row.cells) if cell), default=0)
        if filled > width or len(row.cells) < width:
            if row is rows[-1] and len(row.cells) < width and not layout.ended:
                notes.append(f"line {row.line}, the last, is cut short and was left out")
                continue
            raise _ragged(names, row, rows, layout)
        fitted.append(replace(row, cells=row.cells[:width]))
    return fitted, notes


def _ragged(names: CellsOfLine, row: CellsOfLine, rows: Sequence[CellsOfLine], layout: TextLayout) -> InputError:
    widths = {len(each.cells) for each in rows}
    all_wider = min(widths) > len(names.cells)
    hint = f"correct the line, or quote a cell that has {SEPARATORS.get(layout.separator, 'separators')} in it"
    if all_wider and layout.separator == ",":
        hint = "if numbers have commas in them (4,91 or 5,000,000), quote these or separate the columns by semicolons"
    elif all_wider:
        hint = "name every column"
    return InputError(
        f"has {len(row.cells)} values in line {row.line} for {len(names.cells)} names in line {names.line}: {hint}"
    )


def _without_empty_columns(grid: Grid) -> Grid:
    """The grid without columns that have neither name nor values."""
    keep = [i for i, name in enumerate(grid.names) if name or any(row.cells[i] for row in grid.rows)]
    if len(keep) == len(grid.names):
        return grid
    rows = tuple(replace(row, cells=tuple(row.cells[i] for i in keep)) for row in grid.rows)
    return replace(grid, names=tuple(grid.names[i] for i in keep), rows=rows)


def _named_apart(grid: Grid) -> Grid:
    """The grid with a name of its own for every column: those of one name are numbered, those without one too."""
    names = [" ".join(name.split()) or ("index" if i == 0 else f"column {i + 1}") for i, name in enumerate(grid.names)]
    often = {name: count for name, count in Counter(names).items() if count > 1}
    seen: Counter[str] = Counter()
    apart = []
    for name in names:
        seen[name] += 1
        apart.append(f"{name} ({seen[name]})" if name in often else name)
    notes = [
        f"{count} columns are called {name!r}: they are kept as {_several(name, count)}"
        for name, count in often.items()
    ]
    if len(set(apart)) < len(apart):
        raise InputError(f"has several columns of one name ({', '.join(often)}): rename them")
    return replace(grid, names=tuple(apart), notes=(*grid.notes, *notes))


def _several(name: str, count: int) -> str:
    return " and ".join(repr(f"{name} ({k})") for k in range(1, count + 1))


def _shown(record: CellsOfLine, most: int = 40) -> str:
    text = " ".join(cell for cell in record.cells if cell)
    return text if len(text) <= most else text[: most - 1] + "…"
