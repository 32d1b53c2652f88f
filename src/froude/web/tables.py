"""Tables of runs that pages have open: read once, and again when their files change."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, final

from froude.fitting.accounting import count_flops
from froude.runs import Runs
from froude.runs.readers.read import chosen, read_unchecked
from froude.runs.roles import parse_roles
from froude.runs.study.documents import SETTINGS
from froude.web.shelf import Shelf


@final
class LatestValues:
    """The most recent values by key, each made once however many ask for it at the same time."""

    def __init__(self, most: int) -> None:
        self._most, self._kept, self._lock = most, OrderedDict[Hashable, Any](), threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable) -> Any | None:
        """The value of a key, None where it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def make(self, key: Hashable, how: Callable[[], Any]) -> Any:
        """The value of a key, made now where it is not kept; what raises is not kept."""
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            if (known := self.get(key)) is not None:
                return known
            try:
                value = how()
            finally:
                with self._lock:
                    self._locks.pop(key, None)
            with self._lock:
                self._kept[key] = value
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            return value


@final
class OpenTables:
    """The tables of a shelf, as the command line reads them: columns by role, FLOPs counted, a condition."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self._kept = shelf, LatestValues(16)

    def read(self, name: str, columns: str = "", where: str = "") -> Runs:
        """The runs in a table for which a condition holds. InputError as `froude fit` has it."""
        path = self.shelf.path(name)
        asked = (name, columns, where)
        return self._kept.make((*asked, signature_of(path)), lambda: self._read(path, columns, where))

    def _read(self, path: Path, columns: str, where: str) -> Runs:
        return chosen(count_flops(read_unchecked(path, parse_roles(columns or None)), "auto"), where or None)


def signature_of(path: Path) -> tuple[int, ...]:
    """Numbers that change when a file, or the runs of a study, do: a run of one enters its folder by a rename."""
    places = [path / SETTINGS, path / "runs"] if path.is_dir() else [path]
    found = [os.stat(place) for place in places if place.exists()]
    return tuple(number for each in found for number in (each.st_mtime_ns, each.st_size, each.st_ino))
