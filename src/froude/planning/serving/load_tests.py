"""Commands of load tests that would check a plan, by the tool of an engine."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import numpy as np

from froude.cost.serving.deployment import Deployment
from froude.planning.serving.ranking import ServingLimits
from froude.planning.serving.served_load import ServedLoad

LEAST_PROMPTS = 1000
"""Requests of a load test: enough that a twentieth of them says something."""


def load_tests(deployment: Deployment, load: ServedLoad, limits: ServingLimits) -> Mapping[str, str]:
    """What to run against the deployed server: `vllm bench serve`, and SGLang's own tool where it is the engine.

    Lengths are drawn evenly around their mean where they differ. Of a trace count its mean rate and lengths alone.
    """
    made = {"vllm": _vllm(deployment, load, limits)}
    if deployment.engine.name == "sglang":
        made = {"sglang": _sglang(deployment, load), **made}
    return made


def prompts_of(load: ServedLoad) -> int:
    """Requests of the test: five for each user, at least `LEAST_PROMPTS`, or a minute and a half of a rate."""
    return max(LEAST_PROMPTS, 5 * (load.users or 0), int(90 * (load.rate or 0.0)))


def _vllm(deployment: Deployment, load: ServedLoad, limits: ServingLimits) -> str:
    words = ["vllm", "bench", "serve", "--model", deployment.model.name, "--dataset-name", "random"]
    words += ["--random-input-len", f"{load.input:.0f}", "--random-output-len", f"{load.output:.0f}", "--ignore-eos"]
    # vLLM draws from length·(1 − ratio) to length·(1 + ratio).
    if (ratio := _spread(load)) > 0:
        words += ["--random-range-ratio", f"{ratio:.2g}"]
    if load.reused:
        shared = int(load.reused * load.input)
        words[words.index("--random-input-len") + 1] = f"{load.input - shared:.0f}"
        words += ["--random-prefix-len", f"{shared}"]
    words += ["--num-prompts", str(prompts_of(load)), *_asked(load)]
    words += ["--percentile-metrics", "ttft,tpot,e2el", "--metric-percentiles", f"50,{100 * limits.at:g},99"]
    kept = {"ttft": limits.ttft, "tpot": limits.tpot}
    goodput = [f"{name}:{1000 * seconds:g}" for name, seconds in kept.items() if seconds is not None]
    return shlex.join(words + (["--goodput", *goodput] if goodput else []))


def _sglang(deployment: Deployment, load: ServedLoad) -> str:
    words = ["python", "-m", "sglang.bench_serving", "--backend", "sglang", "--model", deployment.model.name]
    words += ["--dataset-name", "random"]
    # SGLang draws from ratio·length to length.
    longest = (int(np.max(load.inputs)), int(np.max(load.outputs))) if not load.trace else (load.input, load.output)
    ratio = float(np.min(load.outputs)) / float(np.max(load.outputs)) if not load.trace else 1.0
    words += ["--random-input-len", f"{longest[0]:.0f}", "--random-output-len", f"{longest[1]:.0f}"]
    words += ["--random-range-ratio", f"{ratio:.2g}", "--num-prompts", str(prompts_of(load)), *_asked(load)]
    return shlex.join(words)


def _asked(load: ServedLoad) -> list[str]:
    if load.users is not None:
        return ["--max-concurrency", str(load.users), "--request-rate", "inf"]
    return ["--request-rate", f"{load.rate:.4g}"]


def _spread(load: ServedLoad) -> float:
    """Half the range of lengths over their mean; 0 of a trace, whose lengths are not uniform."""
    return 0.0 if load.trace else float(np.ptp(load.outputs)) / 2 / load.output
