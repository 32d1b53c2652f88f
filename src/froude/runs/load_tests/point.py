"""A measured point of serving: what was served, under which load, and how long its answers took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, final

import numpy as np

PERCENTILES = (50, 90, 95, 99)
"""Those that are taken of single requests."""

DEPLOYMENT = ("model", "machine", "devices", "engine", "version", "tp", "pp", "ep", "dp", "precision", "kv")
"""What a point may say of what was served, in the words of `froude cost serve`."""

LATENCIES = ("ttft", "tpot", "e2e")
"""To the first token, of each token after it, and to the last token of a request."""

DIFFERS = 1.1
"""Factor beyond which a tool's own time per token is no matter of how means are taken."""


@final
@dataclass(frozen=True, kw_only=True)
class Latency:
    """Seconds of requests: their mean and percentiles (50 → seconds), as far as they are stated."""

    mean: float | None = None
    percentiles: Mapping[float, float] = field(default_factory=dict)

    @classmethod
    def of_requests(cls, seconds: Sequence[float]) -> Latency:
        """Of single requests; nothing of none."""
        if not len(seconds):
            return cls()
        found = np.percentile(seconds, PERCENTILES)
        return cls(mean=float(np.mean(seconds)), percentiles=dict(zip(PERCENTILES, found.tolist(), strict=True)))


@final
@dataclass(frozen=True, kw_only=True)
class ServingPoint:
    """One measured point; what its source does not state is None.

    `stated` says what was served, by the names in `DEPLOYMENT`. `input` and `output` are mean tokens of a request. The
    load is `concurrency`, users who ask again as soon as they are answered, or `rate`, requests a second. `tpot` is
    (E2E − TTFT) / (output − 1). `output_tokens_per_second` are of all devices. `requests` were answered, `failed` were
    not and count nowhere. `notes` say what is not plain, a sentence each.
    """

    name: str
    stated: Mapping[str, Any] = field(default_factory=dict)
    input: float | None = None
    output: float | None = None
    concurrency: float | None = None
    rate: float | None = None
    ttft: Latency = Latency()
    tpot: Latency = Latency()
    e2e: Latency = Latency()
    output_tokens_per_second: float | None = None
    requests: int | None = None
    failed: int | None = None
    notes: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """The point as a row of a table: columns as `froude cost calibrate` takes them, seconds."""
        numbers = ("input", "output", "concurrency", "rate", "output_tokens_per_second", "requests", "failed")
        row = {"name": self.name, **self.stated, **{name: getattr(self, name) for name in numbers}}
        for name in LATENCIES:
            latency: Latency = getattr(self, name)
            row[f"{name}_seconds"] = latency.mean
            row |= {f"{name}_p{q:g}_seconds": value for q, value in sorted(latency.percentiles.items())}
        return {name: value for name, value in row.items() if value is not None}


class LoadTestReader(Protocol):
    """Reads the points in what one tool writes; the members are `LOAD_TEST_READERS`, one contract suite runs over all.

    A tool is recognised by the first bytes of its file, so that no other file is read for it.
    """

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it reads, in words, for a message to a user who gave something else."""
        ...

    def recognises(self, head: str) -> bool:
        """Whether the head of a file is of its kind."""
        ...

    def points(self, value: Mapping[str, Any], name: str) -> Iterator[ServingPoint]:
        """Yield the points in one JSON object of a file, named after it.

        Raises InputError, which ends a sentence that names the file, for what is damaged or holds no point.
        """
        ...


def tpot_of(ttft: float | None, e2e: float | None, output: float | None) -> float | None:
    """(E2E − TTFT) / (output − 1), from means over requests: what it is of the mean request; None where it has none."""
    if ttft is None or e2e is None or output is None or output <= 1:
        return None
    return (e2e - ttft) / (output - 1)


def disagreement(name: str, theirs: float | None, ours: float | None, reason: str) -> Iterator[str]:
    """A note where a tool's own time per token is another one, by a factor."""
    if theirs and ours and not 1 / DIFFERS < theirs / ours < DIFFERS:
        yield f"{name} is {theirs / ours:.3g} times (E2E − TTFT) / (output − 1), which is taken: {reason}"


def unanswered(point: ServingPoint, failed: int | None) -> ServingPoint:
    """The point of a test in which every request failed."""
    return replace(point, requests=0, failed=failed, notes=(*point.notes, "no request was answered"))


def stem_of(path: Path) -> str:
    """What a file calls its points."""
    return path.name.partition(".")[0] or path.name
