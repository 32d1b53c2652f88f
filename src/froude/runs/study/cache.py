"""What the files of finished runs hold, once more in few large files, from which a study of many runs opens fast.

```
cache/<token>.v1.runs.parquet     a row for each run: name, size and time of its file, id, configuration, result
cache/<token>.v1.curves.parquet   the numbers of their steps, one run after another
```

Never the truth: a row counts only while the file of its run has the name, the size and the time that it was read with,
and whoever removes the folder loses nothing. A study of fewer than `FEWEST` runs has none.
"""

from __future__ import annotations

import io
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from froude.files import write_file
from froude.runs.study.curve import curve_of
from froude.runs.study.lines import parse_line
from froude.runs.study.run_file import FinishedRun, NoRun, each_once, read_run_file

FEWEST = 1000
"""Files of runs that the cache does not know, from which on it is written: fewer are as soon read."""
SHARD = 5000  # runs whose steps are in memory together while the cache is written
FORMAT = 1
FOLDER = "cache"
_RUNS, _CURVES = f".v{FORMAT}.runs.parquet", f".v{FORMAT}.curves.parquet"

Curve = dict[str, np.ndarray]
Stamp = tuple[int, int]
"""Size of a file in bytes, and when it was changed, in nanoseconds."""


@final
@dataclass(frozen=True, slots=True)
class CachedRun:
    """A finished run without its steps, whose numbers stand in a file of curves: so many rows from `start`."""

    run: FinishedRun
    stamp: Stamp
    curves: Path
    start: int
    n_steps: int
    names: tuple[str, ...]


def read_heads(study: Path) -> Iterator[FinishedRun | NoRun]:
    """Yield what `read_folder` yields of a study's runs; where the cache has them, without their steps."""
    yield from each_once(_runs(study, {}))


def read_curves(study: Path) -> dict[str, Curve]:
    """Return the curve of each finished run of a study, as `curve_of` makes it, by its id, in their order."""
    cached: dict[Path, CachedRun] = {}
    columns: dict[Path, Mapping[str, np.ndarray]] = {}
    curves: dict[str, Curve] = {}
    for run in each_once(_runs(study, cached)):
        if not isinstance(run, FinishedRun):
            continue
        place = cached.get(run.path)
        if place is not None and place.curves not in columns:
            columns[place.curves] = _columns(place.curves)
        if place is None or not columns[place.curves].keys() >= {*place.names}:
            whole = read_run_file(run.path) if place else run
            curves[run.id] = curve_of(whole.steps) if isinstance(whole, FinishedRun) else {}
            continue
        steps = slice(place.start, place.start + place.n_steps)
        curves[run.id] = {name: columns[place.curves][name][steps] for name in place.names}
    return dict(sorted(curves.items()))


def _runs(study: Path, cached: dict[Path, CachedRun]) -> Iterator[FinishedRun | NoRun]:
    """Yield what each file of a run holds, by their names; notes in `cached` those that the cache knows."""
    folder, stamps = study / "runs", _stamps(study / "runs")
    known: dict[str, CachedRun] = {}
    if len(stamps) >= FEWEST:
        known = _known(study, stamps)
        new = [name for name in stamps if name not in known]
        if len(new) >= FEWEST:
            known |= _write(study, new, stamps)
        cached.update((each.run.path, each) for each in known.values())
    for name in stamps:
        yield known[name].run if name in known else read_run_file(folder / name)


def _stamps(folder: Path) -> dict[str, Stamp]:
    """Return size and time of each file of a run in a folder, by their names, in order."""
    stamps: dict[str, Stamp] = {}
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".jsonl"):
                try:
                    status = entry.stat()
                    stamps[entry.name] = (status.st_size, status.st_mtime_ns)
                except OSError:  # a link to nothing: it is told of as a file that cannot be read
                    stamps[entry.name] = (-1, -1)
    return dict(sorted(stamps.items()))


def _known(study: Path, stamps: Mapping[str, Stamp]) -> dict[str, CachedRun]:
    """Return the runs that the cache has as their files are now, by their names; clears a cache that is mostly old."""
    known: dict[str, CachedRun] = {}
    rows = 0
    shards = sorted((study / FOLDER).glob(f"*{_RUNS}"))
    for shard in shards:
        for each in _load(shard, study / "runs"):
            rows += 1
            if stamps.get(each.run.path.name) == each.stamp:
                known[each.run.path.name] = each
    if rows > 2 * len(known) + FEWEST:
        with suppress(OSError):
            for path in (study / FOLDER).glob("*.parquet"):
                path.unlink()
        return {}
    return known


def _load(shard: Path, folder: Path) -> list[CachedRun]:
    """Return the runs in a file of the cache; none where it is damaged or of another make."""
    import polars as pl

    curves = shard.with_name(shard.name.removesuffix(_RUNS) + _CURVES)
    try:
        rows = pl.read_parquet(shard).rows()
        return [
            CachedRun(
                run=FinishedRun(
                    path=folder / name, id=id, config=_object(config), steps=(), result=_object(result),
                    broken=tuple(broken),
                ),
                stamp=(size, changed), curves=curves, start=start, n_steps=n_steps, names=tuple(names),
            )
            for name, size, changed, id, config, result, broken, start, n_steps, names in rows
        ]  # fmt: skip
    except Exception:  # polars has a dozen kinds for bytes that are none of its own, and panics for others
        return []


def _object(text: str) -> dict[str, object]:
    value = parse_line(text.encode())
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _columns(path: Path) -> Mapping[str, np.ndarray]:
    """Return the columns of a file of curves; none where it is damaged or gone."""
    import polars as pl

    try:
        frame = pl.read_parquet(path)
        return {name: frame[name].to_numpy() for name in frame.columns}
    except Exception:  # as above
        return {}


def _write(study: Path, names: Sequence[str], stamps: Mapping[str, Stamp]) -> dict[str, CachedRun]:
    """Read the files of these names and write the cache of them; return what is in it, by names.

    Where the folder cannot be written the rest is left to be read by others.
    """
    cached: dict[str, CachedRun] = {}
    if not os.access(study, os.W_OK):
        return cached
    with suppress(OSError):
        (study / FOLDER).mkdir(exist_ok=True)
        for start in range(0, len(names), SHARD):
            cached |= _write_shard(study, names[start : start + SHARD], stamps)
    return cached


def _write_shard(study: Path, names: Sequence[str], stamps: Mapping[str, Stamp]) -> dict[str, CachedRun]:
    """Write two files of the cache. Raises OSError."""
    runs = [run for name in names if isinstance(run := read_run_file(study / "runs" / name), FinishedRun)]
    curves = [curve_of(run.steps) for run in runs]
    token = study / FOLDER / secrets.token_hex(8)
    path, start = token.with_name(token.name + _CURVES), 0
    cached: dict[str, CachedRun] = {}
    for run, curve in zip(runs, curves, strict=True):
        cached[run.path.name] = CachedRun(
            replace(run, steps=()), stamps[run.path.name], path, start, len(run.steps), tuple(curve)
        )
        start += len(run.steps)
    _write_parquet(path, _one_after_another(runs, curves))
    _write_parquet(token.with_name(token.name + _RUNS), _table([*cached.values()]))
    return cached


def _one_after_another(runs: Sequence[FinishedRun], curves: Sequence[Curve]) -> dict[str, np.ndarray]:
    """Return columns of the steps of all runs; NaN where a run has no such number."""
    names = dict.fromkeys(name for curve in curves for name in curve)
    lengths = [len(run.steps) for run in runs]
    columns = {name: np.full(sum(lengths), np.nan) for name in names}
    start = 0
    for curve, length in zip(curves, lengths, strict=True):
        for name, values in curve.items():
            columns[name][start : start + length] = values
        start += length
    return columns


def _table(cached: Sequence[CachedRun]) -> dict[str, list[object]]:
    """Return the columns of a file of runs, in the order in which `_load` takes them."""
    return {
        "name": [each.run.path.name for each in cached],
        "size": [each.stamp[0] for each in cached],
        "changed_ns": [each.stamp[1] for each in cached],
        "id": [each.run.id for each in cached],
        "config": [json.dumps(each.run.config) for each in cached],
        "result": [json.dumps(each.run.result) for each in cached],
        "broken": [list(each.run.broken) for each in cached],
        "start": [each.start for each in cached],
        "n_steps": [each.n_steps for each in cached],
        "names": [list(each.names) for each in cached],
    }


def _write_parquet(path: Path, columns: Mapping[str, object]) -> None:
    import polars as pl

    body = io.BytesIO()
    pl.DataFrame(columns).write_parquet(body, compression="zstd", compression_level=1)
    write_file(path, body.getvalue())
