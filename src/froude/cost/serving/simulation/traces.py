"""Traces of requests as clusters publish them: when each came, how long it was, and which prompts began alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from froude.cost.serving.simulation.requests import Requests
from froude.errors import InputError

COLUMNS: Mapping[str, Sequence[str]] = {
    "arrival": ("timestamp", "arrived_at", "arrival"),
    "input": ("input_length", "contexttokens", "num_prefill_tokens", "input"),
    "output": ("output_length", "generatedtokens", "num_decode_tokens", "output"),
    "hashes": ("hash_ids",),
}
"""What columns are called in the traces of Mooncake (arXiv:2407.00079; milliseconds, hashes of 512 tokens), Azure
(arXiv:2311.18677; dates) and Splitwise (seconds)."""


def read_trace(path: str | Path, *, count: int | None = None) -> Requests:
    """The first `count` requests of a trace, a CSV or JSONL file, sorted by when they came; all by default.

    Seconds start at the first arrival. Arrivals of the column "timestamp" that are whole numbers are milliseconds;
    without arrivals all come at once. An answer without a token counts as one of 1. InputError for a file that cannot
    be read, lacks lengths, or holds no request.
    """
    frame = _frame(Path(path))
    names = {column.lower(): column for column in frame.columns}
    found = {role: next((names[name] for name in some if name in names), None) for role, some in COLUMNS.items()}
    lacking = [role for role in ("input", "output") if found[role] is None]
    if lacking:
        raise InputError(f"{str(path)!r} has no column of {lacking[0]} tokens: name one {COLUMNS[lacking[0]][0]}")
    tokens = [_tokens(path, frame[found[role]]) for role in ("input", "output")]
    if len(tokens[0]) == 0:
        raise InputError(f"{str(path)!r} holds no request: give another trace")
    seconds = np.zeros(len(tokens[0])) if found["arrival"] is None else _seconds(path, frame[found["arrival"]])
    order = np.argsort(seconds, kind="stable")[:count]
    hashes = None if found["hashes"] is None else frame[found["hashes"]].to_list()
    return Requests(
        input=tokens[0][order],
        output=tokens[1][order],
        arrival=seconds[order] - seconds[order[0]],
        hashes=None if hashes is None else [hashes[i] or [] for i in order],
    )


def _frame(path: Path) -> Any:
    import polars as pl

    try:
        return pl.read_csv(path) if path.suffix.lower() == ".csv" else pl.read_ndjson(path)
    except FileNotFoundError:
        raise InputError(f"there is no file {str(path)!r}: give a trace, CSV or JSONL") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0] if str(error) else "nothing can be read"
        raise InputError(f"{str(path)!r} is no trace in CSV or JSONL: {reason}") from None


def _tokens(path: str | Path, column: Any) -> np.ndarray:
    try:
        return np.maximum(column.cast(int).to_numpy(), 1)
    except Exception as error:
        raise InputError(f"{str(path)!r} has {column.name} that are no whole numbers: give tokens") from error


def _seconds(path: str | Path, column: Any) -> np.ndarray:
    import polars as pl

    try:
        if column.dtype == pl.String:
            return column.str.to_datetime().to_numpy().astype("datetime64[ns]").astype(float) / 1e9
        seconds = column.cast(float).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{str(path)!r} has {column.name} that are no times: give seconds or dates") from error
    return seconds / 1000 if column.name == "timestamp" and column.dtype.is_integer() else seconds
