"""The file of a finished run: read and checked, or refused with a reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.documents.document_error import DocumentError
from froude.documents.values import check_values
from froude.runs.study.lines import read_json_lines


def run_id(config: Mapping[str, Any]) -> str:
    """Return the name of the run with this configuration: 16 hex digits of the SHA-256 of its canonical JSON.

    The order of keys does not matter; 1 and 1.0 differ. Raises TypeError for what JSON has no form for.
    """
    canonical = json.dumps(config, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@final
@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run as its file holds it; `broken` are the numbers of lines that hold nothing, which were left out."""

    path: Path
    id: str
    config: Mapping[str, Any]
    steps: tuple[dict[str, Any], ...]
    result: Mapping[str, Any]
    broken: tuple[int, ...]


@final
@dataclass(frozen=True, kw_only=True)
class NoRun:
    """A file among the runs that holds no finished run, or one that another file holds: `copy_of` names it.

    `reason` goes on after the file's name: "has no result and is not counted".
    """

    path: Path
    reason: str
    copy_of: str | None = None


def read_folder(folder: Path) -> Iterator[FinishedRun | NoRun]:
    """Yield what the files of finished runs in a folder `runs` hold, by their names; each run comes once.

    A run is known by the id in its file, not by the file's name: a copy under another name is no second run.
    """
    yield from each_once(map(read_run_file, sorted(folder.glob("*.jsonl"))))


def each_once(runs: Iterable[FinishedRun | NoRun]) -> Iterator[FinishedRun | NoRun]:
    """Yield these, each run once: a further one is no run, nor is a copy of one that has a file of its own name."""
    seen: set[str] = set()
    for run in runs:
        if isinstance(run, FinishedRun) and (run.id in seen or _has_own_file(run)):
            yield NoRun(path=run.path, reason=f"is a copy of the run {run.id}, which counts once", copy_of=run.id)
            continue
        if isinstance(run, FinishedRun):
            seen.add(run.id)
        yield run


def _has_own_file(run: FinishedRun) -> bool:
    """Whether the run is also in the file that bears its name."""
    own = run.path.with_name(f"{run.id}.jsonl")
    return own.name != run.path.name and holds(own, run.id)


def holds(path: Path, id: str) -> bool:
    """Return whether a file holds this run, finished."""
    run = read_run_file(path)
    return isinstance(run, FinishedRun) and run.id == id


def read_run_file(path: Path) -> FinishedRun | NoRun:
    """Return the finished run in a file, which has one configuration and one result, or why there is none.

    A file without an id inside holds the run that it is named for.
    """
    try:
        lines = read_json_lines(path)
        ends = [line for line in lines.objects if line.get("kind") in ("config", "result")]
        check_values(ends, finite=False)
    except (OSError, DocumentError) as error:
        return NoRun(path=path, reason=f"cannot be read ({reason_of(error)}) and is not counted")
    configs = [line for line in ends if line["kind"] == "config" and isinstance(line.get("config"), dict)]
    results = [line for line in ends if line["kind"] == "result"]
    if len(configs) != 1 or len(results) != 1:
        return NoRun(path=path, reason=f"has {_what_is_wrong(len(configs), len(results))} and is not counted")
    id = configs[0].get("id")
    return FinishedRun(
        path=path,
        id=id if isinstance(id, str) else path.stem,
        config=configs[0]["config"],
        steps=tuple(_steps_of(lines.objects)),
        result=without_kind(results[0]),
        broken=lines.broken,
    )


def _steps_of(lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the steps among lines that nobody else holds, so that each may lose its kind in its place."""
    for line in lines:
        if line.get("kind") == "step":
            del line["kind"]
            yield line


def without_kind(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line says, but not of which kind it is."""
    return {key: value for key, value in line.items() if key != "kind"}


def reason_of(error: OSError | DocumentError) -> str:
    """Return why a file cannot be read, in words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _what_is_wrong(configs: int, results: int) -> str:
    """Return what a file lacks, or has twice: a run is written with one of each."""
    if configs != 1:
        return "two configurations" if configs else "no configuration"
    return "two results" if results else "no result"
