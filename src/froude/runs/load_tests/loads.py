"""Which load a test put on an engine, and which engine that was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

from froude.bounds import is_number
from froude.errors import InputError, shown
from froude.runs.load_tests.numbers import Values

ENGINES = {"vllm": "vllm", "sglang": "sglang", "trt": "tensorrt-llm", "tensorrt": "tensorrt-llm"}
"""How a test's backend begins → the engine; "openai" is any."""


@final
@dataclass(frozen=True, kw_only=True)
class LoadSaid:
    """The load of a test: users or requests a second, none where it was neither; `notes` say what is not plain."""

    concurrency: float | None = None
    rate: float | None = None
    notes: tuple[str, ...] = ()


def engine_in(backend: str | None) -> str | None:
    """The engine that a backend names; None for one that any engine answers to."""
    name = (backend or "").lower()
    return next((engine for start, engine in ENGINES.items() if name.startswith(start)), None)


def load_of(cells: Values, requests: int) -> LoadSaid:
    """The load by `request_rate` and `max_concurrency`, as vLLM's and SGLang's tests understand them.

    A rate without end sends as many as `max_concurrency` lets through: users who ask again as soon as they are
    answered; without that, all requests at once.
    """
    rate, most = cells.cells.get("request_rate"), cells.positive("max_concurrency")
    if rate == "trace":
        return LoadSaid(notes=("requests came at the times of a trace: neither users nor a rate",))
    if rate is None or rate in ("inf", "Infinity") or (is_number(rate) and math.isinf(rate)):
        if most is None:
            return LoadSaid(concurrency=requests, notes=(f"all {requests} requests were sent at once",))
        if most > requests:
            return LoadSaid(concurrency=requests, notes=(f"{most:.0f} users, but only {requests} requests",))
        return LoadSaid(concurrency=most)
    if not is_number(rate) or not rate > 0:
        raise InputError(f"says request_rate = {shown(rate)}, where a rate or inf is meant: correct it")
    return LoadSaid(rate=float(rate), notes=tuple(_of_arrivals(cells.cells, most)))


def _of_arrivals(cells: Any, most: float | None) -> list[str]:
    notes = []
    if most is not None:
        notes.append(f"at most {most:.0f} requests at once: those above waited outside of what was measured")
    if cells.get("ramp_up_strategy"):
        notes.append("the rate was ramped up: latencies are of no one rate")
    if cells.get("burstiness") not in (None, 1, 1.0):
        notes.append(f"arrivals of burstiness {cells['burstiness']}, not Poisson's")
    return notes
