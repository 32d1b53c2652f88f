"""Work that a page starts: what it asks for, who computes it, and how the command line and Python have the same.

Nothing is computed by opening a page: the page asks for it by a POST with its token, and shows what is known already.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, final

from froude.answers import Answer
from froude.errors import InputError
from froude.web.charts import WebChart
from froude.web.query import AddressQuery
from froude.web.shelf import Shelf
from froude.web.tables import LatestValues, OpenTables, signature_of

AT_ONCE = 2
"""Works that are computed at the same time; others wait."""


@final
@dataclass(frozen=True, kw_only=True)
class FormField:
    """Something that a page asks for: its name in the address, its label, and what may be chosen if that is a list."""

    name: str
    label: str
    hint: str = ""
    default: str = ""
    options: tuple[str, ...] = ()
    several: bool = False
    kind: Literal["text", "choice", "source"] = "text"
    advanced: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class SameElsewhere:
    """The command and the Python that give the same numbers."""

    command: str
    python: str


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class WorkResult:
    """What came of some work: its answer, pictures, the result itself, and what a page of its own needs beside them."""

    answer: Answer
    charts: tuple[WebChart, ...] = ()
    result: Any = None
    more: Mapping[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class PageWork:
    """A page that computes: its name in the address, its heading, what it asks for, and how that is computed."""

    name: str
    title: str
    lead: str
    fields: Callable[[Shelf], tuple[FormField, ...]]
    is_ready: Callable[[AddressQuery], bool]
    perform: Callable[[OpenTables, AddressQuery], WorkResult]
    elsewhere: Callable[[Shelf, AddressQuery], SameElsewhere]
    empty: str = "Fill in the form, and the answer stands here."
    template: str = "work.html.j2"
    names: tuple[str, ...] = ()
    related: tuple[tuple[str, str], ...] = ()

    def asked(self, query: AddressQuery) -> AddressQuery:
        """What of a query this work depends on."""
        return query.only(self.names)


@final
class DoneWorks:
    """Results of works, the latest kept; a result is known by what was asked and by the state of the files."""

    def __init__(self, tables: OpenTables) -> None:
        self.tables, self._kept, self._turns = tables, LatestValues(64), threading.BoundedSemaphore(AT_ONCE)

    def known(self, work: PageWork, query: AddressQuery) -> WorkResult | None:
        """The result that is known already, None where there is none."""
        return self._kept.get(self._key(work, query))

    def make(self, work: PageWork, query: AddressQuery) -> WorkResult:
        """The result, computed now where it is not known. InputError as the work raises it."""

        def perform() -> WorkResult:
            with self._turns:
                return work.perform(self.tables, query)

        return self._kept.make(self._key(work, query), perform)

    def _key(self, work: PageWork, query: AddressQuery) -> tuple[object, ...]:
        asked = work.asked(query)
        files = [value for name in ("path", "fit") for value in asked.all(name)]
        states = tuple(signature_of(self.tables.shelf.path(each)) if _is_name(self, each) else () for each in files)
        return (work.name, *sorted(asked.pairs), states)


def _is_name(works: DoneWorks, name: str) -> bool:
    """Whether a value names a file of the shelf; a law with published constants is none."""
    try:
        return works.tables.shelf.path(name).exists()
    except InputError:
        return False


def command_of(*words: object) -> str:
    """Words as a shell takes them, without those that are None."""
    return "froude " + shlex.join(str(word) for word in words if word is not None)


def options_of(query: AddressQuery, names: Mapping[str, str]) -> list[str]:
    """Options of a command, by the names of a query: those that are given."""
    return [word for name, option in names.items() for value in query.all(name) for word in (option, value)]
