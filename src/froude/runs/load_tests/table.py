"""Serving points from a table, a row each: one of a user's own, or of what a load test wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, final

from froude.bounds import finite_number, is_number, positive_number, whole_number
from froude.cost.machine.machine_text import parse_machine_text
from froude.errors import InputError, shown
from froude.quantity import parse_quantity
from froude.runs.load_tests.columns import PER_DEVICE, columns_by_name, is_serving, latency_column
from froude.runs.load_tests.point import DEPLOYMENT, LATENCIES, Latency, ServingPoint, disagreement, tpot_of
from froude.runs.table import Runs

NUMBERS = ("input", "output", "concurrency", "rate", "output_tokens_per_second", PER_DEVICE)
COUNTS = ("devices", "tp", "pp", "ep", "dp")
MOST_DEVICES = 10**6

_ENGINES = {"trtllm": "tensorrt-llm", "trt-llm": "tensorrt-llm", "tensorrt_llm": "tensorrt-llm", "trt": "tensorrt-llm"}
_FORMATS = {
    **dict.fromkeys(("bfloat16", "torch.bfloat16"), "bf16"),
    **dict.fromkeys(("float16", "half", "torch.float16"), "fp16"),
    **dict.fromkeys(("fp8_e4m3", "fp8_e5m2", "float8", "float8_e4m3fn"), "fp8"),
    **dict.fromkeys(("nvfp4", "mxfp4", "modelopt_fp4"), "fp4"),
    **dict.fromkeys(("awq", "gptq", "awq_marlin", "gptq_marlin", "w4a16"), "int4"),
    "w8a8_int8": "int8",
}
_BY_DEFAULT = ("auto", "none", "unquantized", "")


@final
@dataclass(frozen=True, kw_only=True)
class ServingTable:
    """The points of a table; `unused` are columns of which nothing was taken, `notes` what is not plain."""

    points: tuple[ServingPoint, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def has_serving_rows(runs: Runs, columns: Mapping[str, str] | None = None) -> bool:
    """Whether a table is one of measured serving: it has times to or of a token, or its `kind` says "serve"."""
    kinds = {str(kind) for kind in runs.frame["kind"].to_list()} if "kind" in runs.columns else set[str]()
    return kinds == {"serve"} or (not kinds and is_serving([*runs.columns, *(columns or {})]))


def serving_table(runs: Runs, columns: Mapping[str, str] | None = None, **given: Any) -> ServingTable:
    """Return the measured points of a table: `columns` maps a name to a column, `given` holds for all rows.

    A latency's column has its unit in its name (ttft_ms, p99_e2e_seconds); other names are those of `froude cost serve`
    and what vLLM, SGLang and guidellm call the same. What is `given` counts before what a row says. Rows in which no
    request was answered are left out and noted.

    InputError, naming the row, for what is missing, is of another kind, or cannot be.
    """
    columns = columns or {}
    for column in columns.values():
        runs[column]  # names the nearest where there is none
    said = columns_by_name(runs.columns, columns)
    _check_given(given)
    points, notes = [], []
    for i in range(len(runs)):
        where = runs.row_name(i)
        cells = {name: runs.frame[column][i] for column, name in said.items()} | given
        cells = {name: value for name, value in cells.items() if value is not None and value == value and value != ""}
        try:
            point = _point(where, cells)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if point is None:
            notes.append(f"{where}: no request was answered, the row is left out")
        else:
            points.append(point)
            notes += [f"{where}: {note}" for note in point.notes]
    if not points:
        raise InputError(f"none of {len(runs)} rows has an answered request: see the tests' errors")
    unused = tuple(column for column in runs.columns if column not in said and column not in ("name", "kind"))
    return ServingTable(points=tuple(points), unused=unused, notes=tuple(notes))


def _check_given(given: Mapping[str, Any]) -> None:
    known = (*DEPLOYMENT, *NUMBERS)
    wrong = next((name for name in given if name not in known), None)
    if wrong is not None:
        raise InputError(f"--fix {wrong}=…: nothing of serving has that name, choose of {', '.join(known)}")


def _point(where: str, cells: Mapping[str, Any]) -> ServingPoint | None:
    """The point that a row says; None where no request was answered."""
    if cells.get("requests") == 0:
        return None
    stated = dict(_deployment(cells))
    numbers: dict[str, Any] = {name: _number(name, cells[name]) for name in NUMBERS if name in cells}
    missing = [name for name in ("model", "machine", "engine") if name not in stated]
    missing += [name for name in ("input", "output") if name not in numbers]
    if "concurrency" not in numbers and "rate" not in numbers:
        missing.append("concurrency (or rate)")
    if missing:
        fix = ",".join(f"{name.partition(' ')[0]}=…" for name in missing)
        raise InputError(f"{_listed(missing)} not stated: add a column, or give it for all rows with --fix {fix}")
    if "concurrency" in numbers and "rate" in numbers:
        raise InputError("concurrency and rate are both filled: one of them says the load, leave the other empty")
    per_device = numbers.pop(PER_DEVICE, None)
    if per_device is not None:
        numbers.setdefault("output_tokens_per_second", per_device * stated["devices"])
    point = ServingPoint(
        name=where,
        stated=MappingProxyType(stated),
        requests=_requests(cells, "requests"),
        failed=_requests(cells, "failed"),
        **numbers,
    )
    return _with_latencies(point, cells)


def _requests(cells: Mapping[str, Any], name: str) -> int | None:
    return int(_number(name, cells[name], least=0)) if name in cells else None


def _deployment(cells: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What was served, each part as `froude cost serve` takes it; devices and layout where any of them is said."""
    for name in ("model", "machine", "engine", "version", "precision", "kv"):
        if name in cells and (value := _text(name, cells[name])):
            yield name, value
    counts = {name: whole_number(name, _number(name, cells[name]), 1, MOST_DEVICES) for name in COUNTS if name in cells}
    others = counts.get("pp", 1) * counts.get("dp", 1)
    if "tp" not in counts:
        devices = counts.get("devices") or _counted(str(cells.get("machine", "")))
        if devices % others == 0:
            counts["tp"] = devices // others
    used = counts.get("tp", 1) * others
    if counts.setdefault("devices", used) != used:
        raise InputError(f"devices = {counts['devices']}, but tp × pp × dp is {used}: correct one of them")
    yield from counts.items()


def _counted(machine: str) -> int:
    """The devices that a machine's text counts, 1 where it counts none."""
    try:
        counted = parse_machine_text(machine)
    except InputError:
        return 1
    if (counted.devices or 1) * (counted.nodes or 1) > 1:
        raise InputError(f"machine {machine!r} has several devices: say how they work together, --fix tp=… (and dp)")
    return 1


def _text(name: str, value: Any) -> str | None:
    """A cell of text in the words of `froude cost serve`; None for what leaves the choice to the engine."""
    if name == "version" and isinstance(value, float):
        raise InputError(f"version = {value:g} is a number, and 0.10 would be 0.1: write it in full, as 0.10.0")
    text = str(value).strip()
    if name == "engine":
        return _ENGINES.get(text.lower(), text.lower())
    if name in ("precision", "kv"):
        text = text.lower()
        return None if text in _BY_DEFAULT else _FORMATS.get(text, text)
    return text


def _number(name: str, value: Any, least: float | None = None) -> float:
    """A number above 0, or from `least`."""
    if isinstance(value, str):
        value = parse_quantity(value)
    if not is_number(value):
        raise InputError(f"{name} = {shown(value)} is no number: correct it")
    return positive_number(name, float(value)) if least is None else finite_number(name, float(value), least)


def _with_latencies(point: ServingPoint, cells: Mapping[str, Any]) -> ServingPoint:
    """The point with what was measured. InputError where nothing was."""
    means: dict[str, float] = {}
    percentiles: dict[str, dict[float, float]] = {name: {} for name in LATENCIES}
    for column, value in cells.items():
        latency = latency_column(column)
        if latency is None or latency.seconds is None:
            continue
        seconds = positive_number(column, _number(column, value)) * latency.seconds
        if latency.percentile is None:
            means.setdefault(latency.name, seconds)
        else:
            percentiles[latency.name].setdefault(latency.percentile, seconds)
    if not means and point.output_tokens_per_second is None:
        raise InputError("nothing measured: fill ttft_seconds, tpot_seconds, e2e_seconds or output_tokens_per_second")
    ours = tpot_of(means.get("ttft"), means.get("e2e"), point.output)
    if ours is not None and ours <= 0:
        raise InputError("the last token comes before the first: correct ttft or e2e")
    notes = tuple(disagreement("the time per token stated", means.get("tpot"), ours, "see its definition"))
    if ours is not None:
        means["tpot"] = ours
    measured = {name: Latency(mean=means.get(name), percentiles=percentiles[name]) for name in LATENCIES}
    return replace(point, notes=(*point.notes, *notes), **measured)


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last} are" if most else f"{last} is"
