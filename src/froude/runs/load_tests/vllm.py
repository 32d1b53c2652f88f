"""What `vllm bench serve --save-result` writes: one JSON object, or one a line with `--append-result`.

Read as the writer of vLLM 0.33 and those since 0.6 have it (vllm/benchmarks/serve.py). Of what was served the file
states the model and, by `--metadata KEY=VALUE`, what the user put there: machine, tp, version, … are taken from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from froude.errors import InputError
from froude.runs.load_tests.loads import engine_in, load_of
from froude.runs.load_tests.numbers import Values
from froude.runs.load_tests.point import DEPLOYMENT, Latency, ServingPoint, disagreement, tpot_of, unanswered

_MARKS = ('"model_id"', '"tokenizer_id"', '"num_prompts"', '"request_rate"')
_CHUNKS = "chunks hold several tokens"


@final
@dataclass(frozen=True, kw_only=True)
class VllmReader:
    """Reads results of `vllm bench serve`, detailed ones too."""

    kinds: tuple[str, ...] = ("JSON of vllm bench serve",)

    def recognises(self, head: str) -> bool:
        """Whether it begins with what that writes first."""
        return all(mark in head for mark in _MARKS)

    def points(self, value: Mapping[str, Any], name: str) -> Iterator[ServingPoint]:
        """The one point in a result."""
        cells = Values(value)
        if "total_output_tokens" not in value:
            raise InputError("is a test of a model that writes no tokens: give one of a model that generates")
        metadata = {key: value[key] for key in DEPLOYMENT if isinstance(value.get(key), str | int | float)}
        stated = {"model": cells.text("model_id"), "engine": engine_in(cells.text("backend")), **metadata}
        point = ServingPoint(
            name=cells.text("label") or name, stated={key: one for key, one in stated.items() if one is not None}
        )
        yield measured(cells, point, e2e="e2el", latencies=_latencies(cells))


def measured(cells: Values, point: ServingPoint, *, e2e: str, latencies: list[float]) -> ServingPoint:
    """The point with what a summary of vLLM's or SGLang's test says of it; `latencies` are single requests' E2E."""
    requests = cells.count("completed")
    if not requests:
        return unanswered(point, cells.count("failed"))
    output = (cells.number("total_output_tokens") or 0) / requests or None
    load = load_of(cells, requests)
    ttft, tpot, whole = cells.latency_ms("ttft"), cells.latency_ms("tpot"), cells.latency_ms(e2e)
    if whole.mean is None:
        whole = Latency.of_requests(latencies)
    ours = tpot_of(ttft.mean, whole.mean, output)
    notes = [*load.notes, *disagreement("mean_tpot_ms", tpot.mean, ours, "it is the mean of single requests")]
    notes += disagreement("mean_itl_ms", cells.latency_ms("itl").mean, ours or tpot.mean, _CHUNKS)
    if ttft.mean is None:
        notes.append("no time to the first token: the test did not stream")
    return replace(
        point,
        input=(cells.number("total_input_tokens") or 0) / requests or None,
        output=output,
        concurrency=load.concurrency,
        rate=load.rate,
        ttft=ttft,
        tpot=replace(tpot, mean=ours or tpot.mean),
        e2e=whole,
        output_tokens_per_second=cells.positive("output_throughput"),
        requests=requests,
        failed=cells.count("failed"),
        notes=(*point.notes, *notes),
    )


def _latencies(cells: Values) -> list[float]:
    """Seconds to the last token of each answered request; nothing where it is unclear which were."""
    answered = [seconds for seconds in cells.numbers("latencies") if seconds > 0]
    return answered if len(answered) == cells.count("completed") else []
