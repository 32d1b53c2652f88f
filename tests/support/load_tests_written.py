"""Load tests of known numbers, as their tools write them: what the contract of readers of load tests runs over.

A reader joins by an entry in `MEMBERS`: the reader and a function that writes a file for `TEST` into a folder. vLLM's
and SGLang's files have the keys and means of the writers in vllm 0.33.0 (vllm/benchmarks/serve.py) and sglang 0.5.23
(sglang/benchmark/serving.py), which need a GPU to run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.runs.load_tests.guidellm import GuidellmReader
from froude.runs.load_tests.point import LoadTestReader
from froude.runs.load_tests.sglang import SglangReader
from froude.runs.load_tests.vllm import VllmReader

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
CHUNK = 4
"""Tokens that are streamed at a time."""


@final
@dataclass(frozen=True, kw_only=True)
class SmallLoadTest:
    """A load test of one engine: what its single requests took, and what was sent."""

    ttft: Sequence[float] = (0.05, 0.07, 0.09, 0.30)
    e2e: Sequence[float] = (1.05, 1.08, 1.12, 1.40)
    output: int = 101
    input: int = 512
    failed: int = 1
    seconds: float = 3.0
    concurrency: int | None = 2
    rate: float = float("inf")

    @property
    def tpot(self) -> list[float]:
        """(E2E − TTFT) / (output − 1) of each request."""
        return [(e2e - ttft) / (self.output - 1) for ttft, e2e in zip(self.ttft, self.e2e, strict=True)]

    @property
    def itl(self) -> list[list[float]]:
        """Seconds between chunks of each request."""
        chunks = (self.output - 1) // CHUNK
        return [[(e2e - ttft) / chunks] * chunks for ttft, e2e in zip(self.ttft, self.e2e, strict=True)]


TEST = SmallLoadTest()


def stats(name: str, values: Sequence[float], percentiles: Sequence[int]) -> dict[str, float]:
    """A metric as both tools sum it up, in milliseconds."""
    return {
        f"mean_{name}_ms": float(np.mean(values)) * 1000,
        f"median_{name}_ms": float(np.median(values)) * 1000,
        f"std_{name}_ms": float(np.std(values)) * 1000,
        **{f"p{q}_{name}_ms": float(np.percentile(values, q)) * 1000 for q in percentiles},
    }


def vllm_result(
    test: SmallLoadTest = TEST, *, detailed: bool = False, metadata: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What `vllm bench serve --save-result` writes, by its default percentiles; with `--save-detailed` if asked."""
    n, failed = len(test.ttft), test.failed
    single = {
        "input_lens": [test.input] * (n + failed),
        "output_lens": [test.output] * n + [0] * failed,
        "ttfts": [*test.ttft, *[0.0] * failed],
        "itls": [*test.itl, *[[]] * failed],
    }
    texts = {"generated_texts": ["…"] * n + [""] * failed, "errors": [""] * n + ["Bad Gateway"] * failed}
    starts = {"start_times": [100.0 + i for i in range(n + failed)]}
    return {
        "date": "20261201-120000",
        "endpoint_type": "vllm",
        "backend": "vllm",
        "label": None,
        "model_id": MODEL,
        "tokenizer_id": MODEL,
        "num_prompts": n + failed,
        **(metadata or {}),
        "request_rate": test.rate if test.rate < float("inf") else "inf",
        "burstiness": 1.0,
        "max_concurrency": test.concurrency,
        "duration": test.seconds,
        "completed": n,
        "failed": failed,
        "total_input_tokens": n * test.input,
        "total_output_tokens": n * test.output,
        "request_throughput": n / test.seconds,
        "request_goodput": None,
        "output_throughput": n * test.output / test.seconds,
        "total_token_throughput": n * (test.input + test.output) / test.seconds,
        **(single if detailed else {}),
        "latencies": [*test.e2e, *[0.0] * failed],
        **(starts if detailed else {}),
        "queue_times": [0.0] * (n + failed),
        **(texts if detailed else {}),
        "max_output_tokens_per_s": 202.0,
        "max_concurrent_requests": 3,
        "rtfx": 0.0,
        **stats("ttft", test.ttft, [99]),
        **stats("tpot", test.tpot, [99]),
        **stats("itl", [one for itl in test.itl for one in itl], [99]),
        "mean_client_queue_time_ms": 0.0,
    }


def sglang_result(
    test: SmallLoadTest = TEST, *, details: bool = False, server: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What SGLang's bench_serving writes on a line; with `--output-details` if asked."""
    n, failed = len(test.ttft), test.failed
    percentiles = [90, 95, 99]
    single = {
        "input_lens": [test.input] * (n + failed),
        "output_lens": [test.output] * n + [0] * failed,
        "ttfts": [*test.ttft, *[0.0] * failed],
        "itls": [*test.itl, *[[]] * failed],
        "generated_texts": ["…"] * n + [""] * failed,
        "errors": [""] * n + ["Bad Gateway"] * failed,
    }
    return {
        "tag": None,
        "backend": "sglang",
        "dataset_name": "random",
        "request_rate": test.rate,
        "max_concurrency": test.concurrency,
        "sharegpt_output_len": None,
        "random_input_len": test.input,
        "random_output_len": test.output,
        "random_range_ratio": 1.0,
        "server_info": server,
        "duration": test.seconds,
        "completed": n,
        "total_input_tokens": n * test.input,
        "total_input_text_tokens": n * test.input,
        "total_input_vision_tokens": 0,
        "total_output_tokens": n * test.output,
        "total_output_tokens_retokenized": n * test.output,
        "request_throughput": n / test.seconds,
        "input_throughput": n * test.input / test.seconds,
        "output_throughput": n * test.output / test.seconds,
        "total_throughput": n * (test.input + test.output) / test.seconds,
        **stats("e2e_latency", test.e2e, percentiles),
        **stats("ttft", test.ttft, percentiles),
        **stats("tpot", test.tpot, percentiles),
        **stats("itl", [one for itl in test.itl for one in itl], percentiles),
        "concurrency": sum(test.e2e) / test.seconds,
        "accept_length": None,
        "max_output_tokens_per_s": 202.0,
        "max_concurrent_requests": 3,
        **(single if details else {}),
    }


SERVER = {
    "model_path": MODEL,
    "dtype": "auto",
    "quantization": "fp8",
    "kv_cache_dtype": "fp8_e4m3",
    "tp_size": 4,
    "pp_size": 1,
    "dp_size": 1,
    "ep_size": 1,
    "version": "0.5.23",
}
"""Of what SGLang's /server_info answers, the part that is read."""


def vllm_file(folder: Path) -> Path:
    """A result as vLLM saves it."""
    return written(folder / "vllm-infqps-concurrency2.json", vllm_result())


def vllm_detailed_file(folder: Path) -> Path:
    """A result with its single requests."""
    return written(folder / "detailed.json", vllm_result(detailed=True))


def sglang_file(folder: Path) -> Path:
    """A result as SGLang appends it."""
    return written(folder / "sglang_1201_4_512_101.jsonl", sglang_result(server=SERVER))


def sglang_details_file(folder: Path) -> Path:
    """A result with its single requests, of a server that does not tell of itself."""
    return written(folder / "details.jsonl", sglang_result(details=True))


def guidellm_file(folder: Path) -> Path:
    """A report as guidellm 0.8.1 writes it, of its many metrics those that are read."""

    def of(values: Sequence[float]) -> dict[str, Any]:
        known = {f"p{q}": float(np.percentile(values, q)) for q in (50, 90, 95, 99)}
        return {"successful": {"mean": float(np.mean(values)), "count": len(values), "percentiles": known}}

    n = len(TEST.ttft)
    metrics = {
        "request_totals": {"successful": n, "errored": TEST.failed, "incomplete": 0, "total": n + TEST.failed},
        "request_concurrency": of([1.5]),
        "request_latency": of(TEST.e2e),
        "prompt_token_count": of([TEST.input] * n),
        "output_token_count": of([TEST.output] * n),
        "time_to_first_token_ms": of([1000 * one for one in TEST.ttft]),
        "time_per_output_token_ms": of([1000 * one / TEST.output for one in TEST.e2e]),
        "inter_token_latency_ms": of([1000 * one for one in TEST.tpot]),
        "output_tokens_per_second": of([n * TEST.output / TEST.seconds]),
    }
    config = {"strategy": {"type_": "concurrent", "streams": TEST.concurrency}}
    report = {
        "metadata": {"version": 2, "guidellm_version": "0.8.1"},
        "config": {"metadata": {"labels": {}}, "spec": {"backend": {"kind": "openai_http", "model": MODEL}}},
        "benchmarks": [{"type_": "generative_benchmark", "config": config, "metrics": metrics}],
    }
    return written(folder / "benchmarks.json", report)


def written(path: Path, *results: Mapping[str, Any]) -> Path:
    """Results in a file, each on its line."""
    path.write_text("\n".join(json.dumps(result) for result in results))
    return path


@final
@dataclass(frozen=True, kw_only=True)
class LoadTestMember:
    """A reader under the contract, and what writes a file of `TEST` for it; `fails` where that says how many failed."""

    reader: LoadTestReader
    write: Callable[[Path], Path]
    says_failed: bool = True


MEMBERS: tuple[LoadTestMember, ...] = (
    LoadTestMember(reader=VllmReader(), write=vllm_file),
    LoadTestMember(reader=VllmReader(), write=vllm_detailed_file),
    LoadTestMember(reader=SglangReader(), write=sglang_file, says_failed=False),
    LoadTestMember(reader=SglangReader(), write=sglang_details_file),
    LoadTestMember(reader=GuidellmReader(), write=guidellm_file),
)
