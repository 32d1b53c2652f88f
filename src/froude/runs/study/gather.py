"""The finished runs of a study as one frame, with `study.parquet` as a cache that is never the truth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from froude.runs.frames import frame_from_rows
from froude.runs.study.atomic import atomic_write
from froude.runs.study.lines import read_json_lines

if TYPE_CHECKING:
    import polars as pl

_Table = tuple["pl.DataFrame", tuple[str, ...]]

# Columns of the cache that say which files it was made from and what was noted of them.
_KEY, _NOTES = "_key", "_notes"


def study_table(folder: Path) -> _Table:
    """Return a frame with a row for each finished run of the study in `folder`, sorted by id, and notes.

    The columns are `id`, then the keys of the configurations and of the results; where both have a key, the
    result counts, being measured. Inner keys are joined by dots. A file that cannot be read, or has no
    configuration or no result, is named in the notes and makes no row.
    """
    import polars as pl

    files = sorted((folder / "runs").glob("*.jsonl"))
    key = _key(files)
    cache = folder / "study.parquet"
    try:
        return _read_cache(cache, key)
    except (OSError, ValueError, pl.exceptions.PolarsError):
        table = _gather(files)
    if len(table[0]):
        _write_cache(cache, key, table)
    return table


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, keys joined by dots: {"shape": {"width": 8}} is {"shape.width": 8}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _gather(files: list[Path]) -> _Table:
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for path in files:
        try:
            lines = read_json_lines(path)
        except OSError as error:
            notes.append(f"runs/{path.name} cannot be read ({error.strerror}) and is not counted")
            continue
        ends = {line["kind"]: line for line in lines.objects if line.get("kind") in ("config", "result")}
        if lines.broken:
            notes.append(f"runs/{path.name}: line {lines.broken[0]} is cut short or broken and was left out")
        if len(ends) < 2:
            missing = "result" if "config" in ends else "configuration"
            notes.append(f"runs/{path.name} has no {missing} and is not counted")
            continue
        result = {k: v for k, v in ends["result"].items() if k != "kind"}
        rows.append({"id": path.stem} | flatten(ends["config"].get("config", {})) | flatten(result))
    return frame_from_rows(rows), tuple(notes)


def _key(files: list[Path]) -> str:
    stats = [(path.name, s.st_size, s.st_mtime_ns) for path in files for s in [path.stat()]]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()


def _read_cache(cache: Path, key: str) -> _Table:
    """Return the cached table. Raises what reading does, or ValueError if it is out of date."""
    import polars as pl

    frame = pl.read_parquet(cache)
    if frame[_KEY].to_list()[:1] != [key]:
        raise ValueError(f"{cache} was made from other files")
    return frame.drop(_KEY, _NOTES), tuple(json.loads(frame[_NOTES][0]))


def _write_cache(cache: Path, key: str, table: _Table) -> None:
    """Write the cache if that can be: a full disk or a folder of another user costs time, not the answer."""
    import polars as pl

    frame, notes = table
    marked = frame.with_columns(pl.lit(key).alias(_KEY), pl.lit(json.dumps(notes)).alias(_NOTES))
    with suppress(OSError, pl.exceptions.PolarsError):
        atomic_write(cache, marked.write_parquet)
