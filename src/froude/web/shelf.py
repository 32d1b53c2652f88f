"""The folder that the pages show: what studies, tables, fits and forecasts lie in it, and no way out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, final

from froude.errors import InputError, shown
from froude.fitting.fit_file import is_fit_file
from froude.fitting.registering.documents import is_forecast_file
from froude.runs.study.documents import SETTINGS
from froude.runs.study.writer import UNFINISHED

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
MOST_BYTES = 256 * 2**20
"""The largest file that a page opens; the command line opens any."""

MOST_DOCUMENT_BYTES = 4 * 2**20
"""The largest JSON file that is looked into for whether it is a fit or a forecast."""

DEEPEST, MOST_ITEMS = 3, 500

ItemKind = Literal["study", "table", "fit", "forecast"]


@final
@dataclass(frozen=True, kw_only=True)
class ShelfItem:
    """Something in the folder: its name there, what it is, its size in bytes, when it changed (seconds since 1970), and
    of a study how many runs are finished and under way, None of all else."""

    name: str
    kind: ItemKind
    size_bytes: int
    changed: float
    finished: int | None = None
    running: int | None = None


@final
@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A folder whose files the pages show. With `only` it is that one file or study in it."""

    root: Path
    only: str | None = None

    @classmethod
    def of(cls, source: str | os.PathLike[str]) -> Shelf:
        """The shelf of a folder, or of one study or file. InputError where there is none."""
        path = Path(source)
        if not path.exists():
            raise InputError(f"{shown(str(path), 120)} is not there: give a folder, a study or a table of runs")
        whole = path.resolve()
        if whole.is_dir() and not (whole / SETTINGS).exists():
            return cls(root=whole)
        return cls(root=whole.parent, only=whole.name)

    def items(self) -> tuple[ShelfItem, ...]:
        """What lies in the folder, studies first, then by name; at most MOST_ITEMS."""
        found = [_item(self.root, self.root / self.only)] if self.only else list(self._walk(self.root, DEEPEST))
        order = {"study": 0, "table": 1, "fit": 2, "forecast": 3}
        return tuple(sorted(filter(None, found), key=lambda item: (order[item.kind], item.name))[:MOST_ITEMS])

    def names(self, *kinds: ItemKind) -> tuple[str, ...]:
        """The names of what is of these kinds."""
        return tuple(item.name for item in self.items() if item.kind in kinds)

    def path(self, name: str) -> Path:
        """The path of a name, short where it lies below the current folder, so that commands can be copied.

        InputError for a name that leads out of the folder, to what is hidden or no plain file, and to a huge file.
        """
        parts = name.split("/")
        if not name or "\0" in name or name.startswith("/") or "\\" in name or any(part[:1] == "." for part in parts):
            raise InputError(f"{shown(name, 80)} is no name in this folder: choose one from the list of studies")
        try:
            whole = (self.root / name).resolve()
            size = whole.stat().st_size
        except (OSError, ValueError, RuntimeError):
            raise InputError(f"{shown(name, 80)} is not in this folder: choose one from the list of studies") from None
        if not whole.is_relative_to(self.root) or (self.only and parts[0] != self.only):
            raise InputError(f"{shown(name, 80)} lies outside this folder: start froude ui there")
        if whole.is_file() and size > MOST_BYTES:
            raise InputError(f"{shown(name, 80)} is larger than {MOST_BYTES // 2**20} MiB: use the command line for it")
        if not whole.is_file() and not whole.is_dir():
            raise InputError(f"{shown(name, 80)} is not in this folder: choose one from the list of studies")
        plain = self.root / name
        here = Path.cwd()
        return plain.relative_to(here) if plain.is_relative_to(here) else plain

    def _walk(self, folder: Path, depth: int) -> Iterator[ShelfItem | None]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries[: 4 * MOST_ITEMS]:
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            path = Path(entry.path)
            if not entry.is_dir() or (path / SETTINGS).exists():
                yield _item(self.root, path)
            elif depth > 1:
                yield from self._walk(path, depth - 1)


def _item(root: Path, path: Path) -> ShelfItem | None:
    """What a path is; None for what no page shows."""
    try:
        found, name = path.stat(), path.relative_to(root).as_posix()
        if path.is_dir():
            finished, running, changed = _runs_of(path)
            return ShelfItem(name=name, kind="study", size_bytes=0, changed=changed, finished=finished, running=running)
        kind = _kind_of(path, found.st_size)
        return kind and ShelfItem(name=name, kind=kind, size_bytes=found.st_size, changed=found.st_mtime)
    except OSError:  # removed meanwhile
        return None


def _runs_of(study: Path) -> tuple[int, int, float]:
    """How many runs of a study are finished and under way, and when its folder or that of its runs changed."""
    finished, running = count_runs(study)
    changed = max(each.stat().st_mtime for each in (study, study / "runs") if each.exists())
    return finished, running, changed


def count_runs(study: Path) -> tuple[int, int]:
    """How many runs of a study are finished and under way, by the names of their files."""
    folder = study / "runs"
    return _count_names(str(folder.resolve()), folder.stat().st_mtime_ns) if folder.is_dir() else (0, 0)


@lru_cache(maxsize=256)
def _count_names(folder: str, changed: int) -> tuple[int, int]:
    """Counted anew when the folder changes: a run begins by a new name in it, and ends by another one."""
    names = os.listdir(folder)
    running = sum(name.endswith(f".jsonl{UNFINISHED}") for name in names)
    return sum(name.endswith(".jsonl") for name in names), running


def _kind_of(path: Path, size_bytes: int) -> ItemKind | None:
    if path.suffix.lower() in TABLES:
        return "table"
    if path.suffix != ".json" or size_bytes > MOST_DOCUMENT_BYTES or path.name.endswith(".score.json"):
        return None
    return "fit" if is_fit_file(path) else "forecast" if is_forecast_file(path) else None
