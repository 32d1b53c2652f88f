"""What SGLang's `bench_serving --output-file` writes: a JSON object a line, one for each test.

Read as the writer of SGLang 0.5.23 has it (sglang/benchmark/serving.py). What was served is stated where the server was
SGLang: the test asks it and writes the answer as `server_info`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from froude.runs.load_tests.loads import engine_in
from froude.runs.load_tests.numbers import Values
from froude.runs.load_tests.point import ServingPoint
from froude.runs.load_tests.vllm import measured

_MARKS = ('"backend"', '"request_rate"', '"sharegpt_output_len"')
_SIZES = {"tp_size": "tp", "pp_size": "pp", "ep_size": "ep", "dp_size": "dp"}


@final
@dataclass(frozen=True, kw_only=True)
class SglangReader:
    """Reads results of SGLang's bench_serving, with details or without."""

    kinds: tuple[str, ...] = ("JSON lines of SGLang's bench_serving",)

    def recognises(self, head: str) -> bool:
        """Whether it begins with what that writes first."""
        return all(mark in head for mark in _MARKS)

    def points(self, value: Mapping[str, Any], name: str) -> Iterator[ServingPoint]:
        """The one point in a line."""
        cells = Values(value)
        stated = {"engine": engine_in(cells.text("backend")), **dict(_served(cells.inner("server_info")))}
        known = {key: one for key, one in stated.items() if one is not None}
        point = measured(
            cells, ServingPoint(name=cells.text("tag") or name, stated=known), e2e="e2e_latency", latencies=[]
        )
        errors = value.get("errors")
        failed = sum(bool(error) for error in errors) if isinstance(errors, list) else None
        drafts = cells.positive("accept_length")
        notes = [] if drafts is None else [f"drafts were decoded, {drafts:.3g} tokens accepted at a time"]
        yield replace(point, failed=failed, notes=(*point.notes, *notes))


def _served(server: Values) -> Iterator[tuple[str, Any]]:
    """What the server says of itself; of prefill and decode apart, the decoding one."""
    decode = server.cells.get("decode")
    if isinstance(decode, list) and decode and isinstance(decode[0], Mapping):
        server = Values(decode[0])
    yield "model", server.text("model_path")
    yield "version", server.text("version")
    for key, name in _SIZES.items():
        size = server.count(key)
        yield name, size if size else None
    yield "precision", server.text("quantization")
    kv = server.text("kv_cache_dtype")
    yield "kv", None if kv == "auto" else kv
