"""Which column of a table of serving says what: names in use, statistics and units among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from froude.errors import InputError
from froude.runs.headers import normal

PER_DEVICE = "output_tokens_per_second_per_device"

ALIASES: Mapping[str, tuple[str, ...]] = {
    "model": ("model", "model_id", "model_name", "model_path", "checkpoint"),
    "machine": ("machine", "gpu", "gpu_type", "chip", "hardware", "accelerator", "system"),
    "devices": ("devices", "gpus", "n_gpus", "num_gpus", "gpu_count", "n_devices", "num_devices"),
    "engine": ("engine", "backend", "framework", "serving_engine"),
    "version": ("version", "engine_version", "backend_version", "framework_version"),
    **{
        short: (short, f"{short}_size", f"{long}_parallel", f"{long}_parallel_size")
        for short, long in {"tp": "tensor", "pp": "pipeline", "ep": "expert", "dp": "data"}.items()
    },
    "precision": ("precision", "quantization", "dtype", "weight_dtype"),
    "kv": ("kv", "kv_precision", "kv_dtype", "kv_cache_dtype", "kv_cache"),
    "input": ("input", "input_tokens", "input_length", "input_len", "isl", "prompt_tokens", "prompt_length"),
    "output": ("output", "output_tokens", "output_length", "output_len", "osl", "generated_tokens"),
    "concurrency": ("concurrency", "users", "max_concurrency", "num_users", "streams", "batch_size"),
    "rate": ("rate", "request_rate", "qps", "rps"),
    "output_tokens_per_second": ("output_tokens_per_second", "output_throughput", "output_token_throughput"),
    PER_DEVICE: (PER_DEVICE, "output_tokens_per_second_per_gpu", "output_throughput_per_gpu"),
    "requests": ("requests", "completed", "num_requests", "num_prompts"),
    "failed": ("failed", "failed_requests"),
}
"""What a column may be called, its own name first."""

_LATENCIES: Mapping[str, str] = {
    **dict.fromkeys(("ttft", "time_to_first_token", "first_token_latency"), "ttft"),
    **dict.fromkeys(("tpot", "time_per_output_token", "itl", "inter_token_latency"), "tpot"),
    **dict.fromkeys(("e2e", "e2el", "e2e_latency", "end_to_end_latency", "request_latency"), "e2e"),
}
_UNITS: Mapping[str, float] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "microsecond", "microseconds"), 1e-6),
}
_MEANS = ("mean", "avg", "average")
_PERCENTILE = re.compile(r"p(\d{2}|99\d)")


@final
@dataclass(frozen=True, kw_only=True)
class LatencyColumn:
    """A column of a latency: which, its statistic (None for the mean) and what its numbers are in seconds."""

    name: str
    percentile: float | None
    seconds: float | None


def latency_column(column: str) -> LatencyColumn | None:
    """What latency a column's name says, None for another; `seconds` is None where no unit stands in it."""
    unit, percentile, rest = None, None, []
    for word in normal(column).split("_"):
        word = "p50" if word == "median" else word
        if word in _UNITS:
            unit = _UNITS[word]
        elif match := _PERCENTILE.fullmatch(word):
            percentile = _share(match[1])
        elif word not in _MEANS:
            rest.append(word)
    name = _LATENCIES.get("_".join(rest))
    return None if name is None else LatencyColumn(name=name, percentile=percentile, seconds=unit)


def is_serving(columns: Iterable[str]) -> bool:
    """Whether a table with these columns is one of serving: it has a time to or of a token."""
    found = [latency_column(column) for column in columns]
    return any(one is not None and one.name in ("ttft", "tpot") for one in found)


def columns_by_name(columns: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Column → what it says: a name in `ALIASES` or the column's own where it says a latency; those in `given` first.

    InputError for a latency without a unit.
    """
    chosen = {column: name for name, column in given.items()}
    left = [column for column in columns if column not in chosen]
    names = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
    taken = {names.get(normal(name)) for name in chosen.values()}
    ordered = sorted(left, key=lambda column: _place(names.get(normal(column)), normal(column)))
    found: dict[str, str] = {}
    for column, said in [*chosen.items(), *((column, column) for column in ordered)]:
        name, latency = names.get(normal(said)), latency_column(said)
        if latency is not None:
            _need_unit(column, said, latency)
            found[column] = said
        elif name is not None and (column in chosen or name not in taken):
            found[column] = name
            taken.add(name)
    return found


def _place(name: str | None, column: str) -> int:
    """Of columns that say the same, the one with the name proper comes first."""
    return ALIASES[name].index(column) if name is not None else 0


def _share(digits: str) -> float:
    """99.9 for "999", as percentiles are written."""
    return float(digits) if len(digits) == 2 else float(f"{digits[:2]}.{digits[2:]}")


def _need_unit(column: str, said: str, latency: LatencyColumn) -> None:
    if latency.seconds is None:
        asked = " or ".join(f"{normal(said)}_{unit}={column}" for unit in ("ms", "seconds"))
        raise InputError(f"column {column!r} states no unit: say --columns {asked}")
