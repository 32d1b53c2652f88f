"""The registry of public run tables: what each is good for, where it comes from, what was published on it.

The tables themselves do not ship with Froude. They are read from the folder that the environment variable
FROUDE_PUBLISHED names, which holds them as `<id>/<file>`, or from a download of their originals, where these are
plain CSV or JSON files. Pickles are never loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

import numpy as np

from froude.errors import InputError, close_names
from froude.result import Result
from froude.runs.conditions import with_column
from froude.runs.missing_columns import unknown_column
from froude.runs.published.downloads import TIMEOUT_S, cache_folder, cached_files, fetch, keep, sha256_of
from froude.runs.published.originals import Original, csv_frame, read_original
from froude.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

CODE_HOST = "https://raw.githubusercontent.com"
"""Where downloads come from, as `<host>/<repository>/<commit>/<path>`; FROUDE_PUBLISHED_URL names another."""

Verdict = Literal["as registered", "differs"]
Place = Literal["here", "cached", "download", "by hand"]


@final
@dataclass(frozen=True, kw_only=True)
class Column:
    """What a column says, and in which unit; names, texts and switches have none."""

    meaning: str
    unit: str | None = None


@final
@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """What was published on a table, and where; `law` and `constants` name it in `froude laws`, where it is there."""

    finding: str
    source: str
    law: str | None = None
    constants: str | None = None


@final
@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """One file of a published table.

    `rows` and `sha256` are those of the file as found under FROUDE_PUBLISHED; `columns` maps its columns, or
    patterns such as "acc_*" for many, to what they say; `derive` names columns that are computed from these, in SQL;
    `roles` maps N, D, C and loss to columns, where it has them.
    """

    name: str
    rows: int
    sha256: str
    columns: Mapping[str, Column]
    original: Original
    roles: Mapping[str, str] = field(default_factory=dict)
    derive: Mapping[str, str] = field(default_factory=dict)

    def check(self, path: Path) -> Verdict:
        """Whether a file is the registered one, byte for byte. Raises OSError if it cannot be read."""
        return "as registered" if sha256_of(path.read_bytes()) == self.sha256 else "differs"

    def lacking(self, names: set[str]) -> list[str]:
        """The registered columns of which there is none among these names."""
        return [c for c in self.columns if not any(fnmatchcase(name, c) for name in names)]


@final
@dataclass(frozen=True, kw_only=True)
class Download:
    """What a download left: the folder or file, its size in bytes, and what is known of its SHA-256."""

    file: PublishedFile
    path: Path
    n_bytes: int
    verdict: str


def no_watch(path: str) -> None:
    """Watches a download without a word."""


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class PublishedTable(Result):
    """A public run table, of one file or several, the one that matters most first.

    `repository` (owner/name), `commit` and `path` say where it comes from, `licence` what its repository states,
    `cautions` what has misled readers of it, `published` what was claimed on it.
    """

    id: str
    title: str
    good_for: str
    repository: str
    commit: str
    path: str
    licence: str
    paper: str
    files: tuple[PublishedFile, ...]
    licence_note: str | None = None
    cautions: tuple[str, ...] = ()
    published: tuple[PublishedResult, ...] = ()

    @property
    def home(self) -> str:
        """The repository and the commit, in words."""
        return f"github.com/{self.repository} at commit {self.commit}"

    @property
    def cache(self) -> Path:
        """The folder of what was downloaded of this commit."""
        return cache_folder() / "published" / self.id / self.commit[:12]

    def file(self, name: str | None = None) -> PublishedFile:
        """Return the file of that name, the first if none is named. InputError for another, naming the nearest."""
        if name is None:
            return self.files[0]
        for file in self.files:
            if file.name == name:
                return file
        raise unknown(name, [file.name for file in self.files], f"file of {self.id}")

    def place(self, file: str | None = None) -> Place:
        """Return where a file of the table is, or how to get it.

        "here": under FROUDE_PUBLISHED; "cached": its original was downloaded; else "download", or "by hand" where
        the original is not plain. Raises InputError for a FROUDE_PUBLISHED that names no folder.
        """
        wanted = self.file(file)
        if self._tables(wanted):
            return "here"
        if not wanted.original.plain:
            return "by hand"
        return "download" if self._cached(wanted) is None else "cached"

    def find(self, file: str | None = None) -> Path:
        """Return the path of a file of the table: under FROUDE_PUBLISHED, else of its original in the cache.

        An original of several files is a folder. Raises InputError if it is nowhere, saying how to get it, and
        for a FROUDE_PUBLISHED that names no folder.
        """
        wanted = self.file(file)
        place = self.place(file)
        if place == "here":
            return self._tables(wanted)[0]
        if place == "cached":
            return self._cache_path(wanted)
        how = f"give: froude published {self.id} --download" if place == "download" else self._by_hand(wanted)
        raise InputError(f"{self.id}/{wanted.name} is not here: set FROUDE_PUBLISHED to the folder of tables, or {how}")

    def read(self, file: str | None = None, columns: Mapping[str, str] | None = None) -> Runs:
        """Return the runs of a file of the table, its columns mapped to N, D, C and loss where it has them.

        `columns` maps roles to other columns than the registry does, as in {"loss": "loss_pile"}.

        Columns bear the names of the registry, also those of an original that names them otherwise. Notes tell
        of a file that is not the registered one, and of columns that an original lacks.

        Raises InputError as `find` does, for a file that is no CSV, for a column or role in `columns` that there is
        none of, and for N, D, C or loss out of range.
        """
        wanted = self.file(file)
        path = self.find(file)
        bodies = None if self._tables(wanted) else self._cached(wanted)
        if bodies is not None:
            frame = read_original(wanted.original, bodies)
            notes = [f"{wanted.name} is read from its original, {wanted.original.paths[0]}"]
        else:
            body = path.read_bytes()
            frame = csv_frame(str(path), body)
            differs = f"{wanted.name} differs from the registered table (SHA-256 {wanted.sha256[:12]}…)"
            notes = [differs] if sha256_of(body) != wanted.sha256 else []
        for name, text in wanted.derive.items():
            frame = with_column(frame, name, text)
        roles = {role: column for role, column in wanted.roles.items() if column in frame.columns}
        runs = _runs_of(frame, roles | dict(columns or {}))
        lacking = wanted.lacking({*frame.columns, *runs.columns})
        notes += [f"{wanted.name} lacks the columns {', '.join(lacking)}"] if lacking else []
        return replace(runs, notes=(*notes, *runs.notes))

    def download(
        self,
        base_url: str | None = None,
        watch: Callable[[str], object] = no_watch,
        timeout_s: float = TIMEOUT_S,
    ) -> tuple[Download, ...]:
        """Fetch the originals of the table into the cache, each file of the table whole or not at all.

        They come from `base_url`, else FROUDE_PUBLISHED_URL, else the code host, each within `timeout_s` seconds;
        `watch` is called with each path before it is fetched. What is in the cache, unchanged, is not fetched
        again. Files of the table whose originals are not plain are left out.

        Raises InputError if no original is plain, saying where they are, for a download that fails or is not the
        table meant, and for one whose SHA-256 is not the known one; OSError if the cache cannot be written.
        """
        from urllib.parse import quote

        plain = [file for file in self.files if file.original.plain]
        if not plain:
            raise InputError(f"{self.id} is not downloaded: {self._by_hand(self.file())} and set FROUDE_PUBLISHED")
        base = (base_url or os.environ.get("FROUDE_PUBLISHED_URL") or CODE_HOST).rstrip("/")

        def get(path: str) -> bytes:
            watch(path)
            return fetch(f"{base}/{self.repository}/{self.commit}/{quote(path, safe='/=')}", timeout_s)

        return tuple(self._download(file, get) for file in plain)

    def _download(self, file: PublishedFile, get: Callable[[str], bytes]) -> Download:
        bodies = self._cached(file)
        verdict = "already here, unchanged"
        if bodies is None:
            bodies = {path: get(path) for path in file.original.files()}
            verdict = _verdict(file, bodies)
            keep(self.cache, bodies)
        return Download(file=file, path=self._cache_path(file), n_bytes=sum(map(len, bodies.values())), verdict=verdict)

    def _cached(self, file: PublishedFile) -> dict[str, bytes] | None:
        return cached_files(self.cache, file.original.files())

    def _cache_path(self, file: PublishedFile) -> Path:
        paths = file.original.files()
        return self.cache / paths[0] if len(paths) == 1 else self.cache

    def _tables(self, file: PublishedFile) -> list[Path]:
        return [path for folder in _folders() if (path := folder / self.id / file.name).is_file()]

    def _by_hand(self, file: PublishedFile) -> str:
        return f"make it by hand from the {file.original.form} at {file.original.paths[0]} of {self.home}"


def unknown(name: str, known: Sequence[str], what: str) -> InputError:
    """Return the error that says that nothing is called `name`, with the nearest one that is there, or all."""
    near = close_names(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return InputError(f"no {what} is called {name!r}: {hint}")


def _runs_of(frame: pl.DataFrame, roles: Mapping[str, str]) -> Runs:
    """The runs of a frame in which these roles, and no others, have columns: a registry need not guess by name."""
    if not roles:
        return Runs(frame=frame, rows=np.arange(1, len(frame) + 1), as_read=frame)
    for column in roles.values():
        if column not in frame.columns:
            raise unknown_column(column, frame.columns)
    runs = Runs.unchecked(frame.select(*dict.fromkeys(roles.values())), roles).checked()
    others = frame.drop(roles.values())
    aside = {c: f"{c} (as read)" for c in others.columns if c in runs.columns}
    others = others.rename(aside)
    notes = tuple(f"the column {c} is kept as {new!r}" for c, new in aside.items())
    order = [*runs.columns[: len(roles)], *others.columns, *runs.columns[len(roles) :]]
    return replace(runs, frame=runs.frame.hstack(others).select(order), notes=notes, as_read=frame).without_copies()


def _folders() -> list[Path]:
    """The folder that FROUDE_PUBLISHED names; none if it is not set."""
    named = os.environ.get("FROUDE_PUBLISHED")
    if not named:
        return []
    if not Path(named).is_dir():
        raise InputError(f"FROUDE_PUBLISHED names {named!r}, which is no folder: set it to the folder of the tables")
    return [Path(named)]


def _verdict(file: PublishedFile, bodies: Mapping[str, bytes]) -> str:
    """What is known of the SHA-256 of a download. InputError if it is not the table meant."""
    sums = {sha256_of(body) for body in bodies.values()}
    known = file.original.sha256
    try:
        rows = len(read_original(file.original, bodies))
        if known and sums != {known}:
            raise InputError(f"its SHA-256 is {', '.join(sums)}, that of the original is {known}")
        if rows != file.rows:
            raise InputError(f"it holds {rows} rows, {file.rows} are registered")
    except InputError as error:
        raise InputError(f"{file.name}: the download is not kept, {error}: check FROUDE_PUBLISHED_URL") from None
    if sums == {file.sha256}:
        return "the same bytes as the registered table"
    return "SHA-256 recorded, none was known of the original"
