"""The simulation as M/D/1 and M/G/1: mean waits against Pollaczek and Khinchine, a batch limit of 1, one output token.

`python benchmarks/serving_queue.py [requests]` serves 20 seeds of a million requests each at utilisations 0.3 to 0.9;
the first tenth is left out.
"""

from __future__ import annotations

import sys

import numpy as np

from froude.cost import get_engine, get_machine, get_model
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.simulation import Scheduling, loop_requests, poisson_requests, simulate

SEEDS = range(2026, 2046)
UTILISATIONS = (0.3, 0.5, 0.7, 0.9)
QUEUES = {"M/D/1": np.array([1500]), "M/G/1": np.array([200, 400, 7000])}
ALONE = Scheduling(sequences=1, chunk=8192)
ONE = Deployment(
    model=get_model("llama-3.1-8b"),
    machine=get_machine("1 x h100"),
    engine=get_engine("vllm"),
    precision="bf16",
    kv="bf16",
    input=1500,
    output=1,
)


def served_alone(tokens: int) -> float:
    """Seconds of a prompt and its token by itself."""
    found = simulate(ONE, loop_requests(1, tokens, 1, count=1), scheduling=ALONE)
    return float(found.e2e[0] - serving_constants().prompt)


def main() -> None:
    """Prints a line a queue and utilisation: the mean over seeds, what it should be, and the error between seeds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for name, prompts in QUEUES.items():
        served = np.array([served_alone(int(n)) for n in prompts])
        for utilisation in UTILISATIONS:
            rate, means = utilisation / served.mean(), []
            for seed in SEEDS:
                requests = poisson_requests(rate, prompts, 1, count=count, rng=np.random.default_rng(seed))
                means.append(float(simulate(ONE, requests, scheduling=ALONE).waited[count // 10 :].mean()))
            expected = rate * np.mean(served**2) / (2 * (1 - utilisation))
            error = np.std(means, ddof=1) / np.sqrt(len(means))
            off = np.mean(means) / expected - 1
            print(
                f"{name} at {utilisation}: {np.mean(means):.5f} s for {expected:.5f} s ({off:+.2%}), "
                f"{(np.mean(means) - expected) / error:+.1f} standard errors between {len(means)} seeds of {count:,}",
                flush=True,
            )


if __name__ == "__main__":
    main()
