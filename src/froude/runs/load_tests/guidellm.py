"""What guidellm writes as JSON: a report with a benchmark for each load.

Read as guidellm 0.8 writes it, and earlier reports of the same metrics. Of what was served it states the model; labels
of the run (`--label machine="8 x h100"`) are taken for what they name. Its `time_per_output_token_ms` is E2E / output,
the first token's time among it; its `inter_token_latency_ms` is what is called TPOT here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from froude.errors import InputError
from froude.runs.load_tests.loads import LoadSaid
from froude.runs.load_tests.numbers import Values
from froude.runs.load_tests.point import DEPLOYMENT, Latency, ServingPoint, disagreement, tpot_of, unanswered

_MARKS = ('"guidellm_version"', '"generative_benchmark"')
_PERCENTILES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0}


@final
@dataclass(frozen=True, kw_only=True)
class GuidellmReader:
    """Reads reports of guidellm, a point for each of its benchmarks."""

    kinds: tuple[str, ...] = ("JSON of guidellm",)

    def recognises(self, head: str) -> bool:
        """Whether it begins with what that writes first."""
        return any(mark in head for mark in _MARKS)

    def points(self, value: Mapping[str, Any], name: str) -> Iterator[ServingPoint]:
        """The points in a report."""
        benchmarks = value.get("benchmarks")
        if not isinstance(benchmarks, list) or not all(isinstance(one, Mapping) for one in benchmarks):
            raise InputError("is no report of guidellm: its benchmarks are missing")
        stated = dict(_served(Values(value)))
        for i, benchmark in enumerate(benchmarks, start=1):
            cells = Values(benchmark)
            strategy = cells.inner("config").inner("strategy")
            point = ServingPoint(name=f"{name} {strategy.text('type_') or 'benchmark'} {i}", stated=stated)
            yield _measured(cells, _load(strategy, cells), point)


def _measured(cells: Values, load: LoadSaid, point: ServingPoint) -> ServingPoint:
    metrics = cells.inner("metrics")
    totals = metrics.inner("request_totals")
    requests = totals.count("successful")
    if not requests:
        return unanswered(point, totals.count("errored"))
    ttft, e2e = _latency(metrics, "time_to_first_token_ms", 1e-3), _latency(metrics, "request_latency", 1.0)
    tpot, output = _latency(metrics, "inter_token_latency_ms", 1e-3), _mean(metrics, "output_token_count")
    ours = tpot_of(ttft.mean, e2e.mean, output)
    notes = [*load.notes, *disagreement("inter_token_latency_ms", tpot.mean, ours, "it is of the tests' middle")]
    theirs = _latency(metrics, "time_per_output_token_ms", 1e-3).mean
    notes += disagreement("time_per_output_token_ms", theirs, ours, "it counts the first token's time")
    if cut := totals.count("incomplete"):
        notes.append(f"{cut} requests were cut off at the end of the test and count nowhere")
    return replace(
        point,
        input=_mean(metrics, "prompt_token_count"),
        output=output,
        concurrency=load.concurrency,
        rate=load.rate,
        ttft=ttft,
        tpot=replace(tpot, mean=ours or tpot.mean),
        e2e=e2e,
        output_tokens_per_second=_mean(metrics, "output_tokens_per_second"),
        requests=requests,
        failed=totals.count("errored"),
        notes=(*point.notes, *notes),
    )


def _load(strategy: Values, cells: Values) -> LoadSaid:
    """The load by the strategy of a benchmark."""
    kind = strategy.text("type_")
    if kind == "synchronous":
        return LoadSaid(concurrency=1)
    if kind == "concurrent":
        return LoadSaid(concurrency=strategy.positive("streams"))
    if kind in ("constant", "poisson"):
        notes = ("requests came at even times, not Poisson's",) if kind == "constant" else ()
        return LoadSaid(rate=strategy.positive("rate"), notes=notes)
    if kind == "throughput":
        busy = _mean(cells.inner("metrics"), "request_concurrency")
        return LoadSaid(concurrency=busy, notes=("as many requests as possible: users are the mean number at once",))
    return LoadSaid(notes=(f"requests came by the strategy {kind}: neither users nor a rate",))


def _served(report: Values) -> Iterator[tuple[str, Any]]:
    """What a report says of what was served."""
    spec = report.inner("config").inner("spec")
    backend = (spec if spec.cells else report.inner("args")).inner("backend")
    model = backend.text("model") or report.inner("args").text("model")
    if model is not None:
        yield "model", model
    labels = report.inner("config").inner("metadata").inner("labels")
    yield from ((key, labels.cells[key]) for key in DEPLOYMENT if key in labels.cells)


def _mean(metrics: Values, name: str) -> float | None:
    return metrics.inner(name).inner("successful").positive("mean")


def _latency(metrics: Values, name: str, unit: float) -> Latency:
    """Of requests that were answered."""
    found = metrics.inner(name).inner("successful")
    mean = found.positive("mean")
    if mean is None:
        return Latency()
    known = {q: found.inner("percentiles").number(key) for key, q in _PERCENTILES.items()}
    return Latency(mean=mean * unit, percentiles={q: one * unit for q, one in known.items() if one is not None})
