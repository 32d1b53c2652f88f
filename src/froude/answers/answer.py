"""The answer of a result: what terminal, page, notebook and `--json` render, each in its own way and none with numbers
of its own.

A module beside this one holds one function for each result, named for it: `answer_of_plan(plan)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, final

from froude.provenance import Provenance


class Fact(NamedTuple):
    """Something said under a head; an empty head goes on with what stands above."""

    head: str
    text: str


@final
@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells as they are shown, under a title.

    `columns` are the heads, empty where the cells speak for themselves. The columns whose positions are in `left` are
    words, which stand to the left and may be wrapped, the others numbers. Where the rows are parts of a whole, `shares`
    are those of it, from 0 to 1, a row each: a terminal draws them as bars. `details` are a sentence a row, shown small
    below it, as wide as there is room.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: tuple[int, ...] = (0,)
    shares: tuple[float, ...] = ()
    details: tuple[str, ...] = ()


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture as data: what it is of, in a word and in a sentence, and the view that a page or Matplotlib draws."""

    name: str
    title: str
    view: Any
    caption: str = ""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What a result says: one sentence, facts, tables, pictures, then notes, warnings and next steps, in this order.

    `notes` are sentences that a reader may skip, `warnings` those that must be seen, `next_steps` lines with a command
    or a file, which a terminal leaves whole to be copied. `data` is what `--json` prints: numbers, texts, lists and
    mappings.
    """

    headline: str
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    data: Any = field(default_factory=lambda: MappingProxyType({}))

    def table(self, title: str) -> Table:
        """The table whose title begins so. KeyError where there is none."""
        for table in self.tables:
            if table.title.startswith(title):
                return table
        raise KeyError(f"no table {title!r}")

    def to_dict(self) -> Any:
        """What `--json` prints: the data with their provenance, or a list of such."""
        how = {"provenance": self.provenance.to_dict()}
        return dict(self.data) | how if isinstance(self.data, Mapping) else [dict(each) | how for each in self.data]

    @property
    def provenance(self) -> Provenance:
        """How the result was made; for one that is looked up and not computed, how it is being shown."""
        first = self.data if isinstance(self.data, Mapping) else next(iter(self.data), {})
        return Provenance.from_dict(first["provenance"]) if "provenance" in first else Provenance.now()


def split_sentences(sentences: tuple[str, ...] | list[str], longest_head: int = 32) -> tuple[tuple[str, str], ...]:
    """Sentences written "head: text" as rows of head and text, a head that repeats said once."""
    rows, before = [], ""
    for sentence in sentences:
        head, colon, text = sentence.partition(": ")
        head, text = (head, text) if colon and len(head) < longest_head else ("", sentence)
        rows.append(("" if head == before else head, text))
        before = head
    return tuple(rows)
