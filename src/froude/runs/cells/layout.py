"""How a text is laid out as a table: what parts its cells, and which of its lines has the names of the columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from froude.errors import InputError
from froude.runs.cells.numbers import is_number

_WIDE, _BLANK = "  ", " "
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", _WIDE: "wide blanks", _BLANK: "blanks"}
"""What may stand between cells, the likelier first, in words."""

_COMMENT = re.compile(r"\s*(#|%|//)")
_LONGEST_CELL = 2**27
_SAMPLE = 400  # lines that show what parts the cells
_SHOWING = 20  # lines that show how many cells a row has
# Lines above the names speak against a separator as much as so many of the rows that do not fit: any, and each.
_TITLES, _TITLE = 0.3, 0.02


@final
@dataclass(frozen=True, kw_only=True)
class CellsOfLine:
    """The cells of a line, and its 1-based number in the file."""

    line: int
    cells: tuple[str, ...]

    @property
    def n_filled(self) -> int:
        """How many cells are not empty."""
        return sum(map(bool, self.cells))


@final
@dataclass(frozen=True, kw_only=True)
class TextLayout:
    """The records of a text under one separator, those that are comments above them, and which has the names.

    `ended` says that the last line was written to its end. Where `broken` is not None, quotes do not match, and only a
    `share` of the lines could be parted.
    """

    separator: str
    records: tuple[CellsOfLine, ...]
    comments: tuple[CellsOfLine, ...]
    ended: bool
    broken: str | None = None
    share: float = 1.0

    @property
    def width(self) -> int:
        """The number of cells that most records have."""
        widths = Counter(len(record.cells) for record in self.records)
        return max(widths, key=lambda width: (widths[width], width), default=0)

    @property
    def start(self) -> int:
        """The position of the names: of the first record that fills more than half of a row; titles do not.

        A record that is no full row is a title, too, if the next is one of words alone.
        """
        width, records = self.width, self.records
        first = next((i for i, record in enumerate(records) if 2 * record.n_filled > width), 0)
        title, below = records[first : first + 1], records[first + 1 : first + 2]
        if title and below and len(title[0].cells) < width == len(below[0].cells):
            return first + (not any(map(is_number, (*title[0].cells, *below[0].cells))))
        return first

    @property
    def rank(self) -> tuple[bool, float]:
        """What makes one separator likelier than another: several columns, rows as wide as the names, no titles."""
        body = self.records[self.start :]
        names = len(body[0].cells) if body else 0
        regular = sum(len(record.cells) == names for record in body) / max(len(body), 1) * self.share
        titles = _TITLES + _TITLE * self.start if self.start else 0.0
        return names > 1, round(regular - titles, 2)


def layout_of(text: str, likely: str = ",") -> TextLayout:
    """Return the layout under which a text is most like a table; of two that fit equally the `likely` separator's.

    Raises InputError, which ends a sentence that names the file, where quotes do not match.
    """
    lines = re.split(r"\r\n|\r|\n", text)
    if said := re.fullmatch(r'"?sep=(.)"?', lines[0].strip()):  # as Excel writes it
        lines[0], likely = "", said.group(1)
    order = [likely, *(separator for separator in SEPARATORS if separator != likely)]
    best = max((_under(separator, lines[:_SAMPLE]) for separator in order), key=lambda layout: layout.rank)
    if len(lines) > _SAMPLE:
        best = _under(best.separator, lines)
    if best.broken:
        raise InputError(best.broken)
    return best


def _under(separator: str, lines: Sequence[str]) -> TextLayout:
    """The layout of lines with one separator."""
    top = next((i for i, line in enumerate(lines) if line.strip() and not _COMMENT.match(line)), len(lines))
    some = [line for line in lines[top:] if line.strip() and not _COMMENT.match(line)][:_SHOWING]
    widths = Counter(len(_cells_of(line, separator)) for line in some)
    width = max(widths, key=lambda each: widths[each], default=0)
    comments = [i for i, line in enumerate(lines) if _COMMENT.match(line)]
    comments = [i for i in comments if i < top or len(_cells_of(lines[i], separator)) != width]
    kept = list(lines)
    for i in comments:
        kept[i] = ""
    records, broken = _parse(kept, separator)
    return TextLayout(
        separator=separator,
        records=records,
        comments=tuple(
            CellsOfLine(line=i + 1, cells=tuple(_cells_of(_COMMENT.sub("", lines[i], count=1), separator)))
            for i in comments
        ),
        ended=not lines[-1].strip(),
        broken=broken,
        share=len(records) / max(sum(map(bool, kept)), 1) if broken else 1.0,
    )


def _parse(lines: Sequence[str], separator: str) -> tuple[tuple[CellsOfLine, ...], str | None]:
    """The records that are not empty, up to the first whose quotes do not match, and what is wrong with that."""
    limit = csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(_prepared(lines, separator), delimiter=_mark(separator), strict=True)
    records, line = [], 1
    try:
        for cells in reader:
            record = CellsOfLine(line=line, cells=tuple(cell.strip() for cell in cells))
            line = reader.line_num + 1
            if record.n_filled:
                records.append(record)
    except csv.Error:
        return tuple(records), f'has a quote (") in line {line} that does not match another: correct the line'
    finally:
        csv.field_size_limit(limit)
    return tuple(records), None


def _cells_of(line: str, separator: str) -> list[str]:
    """The cells of one line by itself, whatever its quotes."""
    return [cell.strip() for cell in next(csv.reader(_prepared([line.strip()], separator), delimiter=_mark(separator)))]


def _prepared(lines: Sequence[str], separator: str) -> Iterator[str]:
    """The lines with one character between cells: blanks run together, bars at both ends frame a row."""
    for line in lines:
        if separator in (_WIDE, _BLANK):
            yield re.sub(r"\s{2,}|\t" if separator == _WIDE else r"\s+", _mark(separator), line.strip()) + "\n"
        elif separator == "|" and line.strip().startswith("|"):
            yield line.strip().removeprefix("|").removesuffix("|") + "\n"
        else:
            yield line + "\n"


def _mark(separator: str) -> str:
    return "\t" if separator == _WIDE else separator
