"""Requests a second that the simulation of serving goes through on one core, beside what peers publish.

`FROUDE_PUBLISHED=… python benchmarks/serving_speed.py` draws lengths from the Azure conversation trace, arrivals at 0.8
of what the deployment answers when it is never idle, chunked prefill and the limit of keys and values on. Nothing is
compiled: the seconds of the tables are said apart. Published speeds of request-level simulators are 2,000 to 3,000
requests a second (as the issue that asked for this gives them; none was run here).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from froude.cost import get_engine, get_machine, get_model
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.simulation import Requests, poisson_requests, simulate
from froude.cost.serving.simulation.iteration_seconds import iteration_seconds
from froude.cost.serving.simulation.traces import read_trace
from record import record

CASES = (("llama-3.1-8b", "1 x h100", 1), ("llama-3.1-70b", "4 x h100", 4))
COMMAND = "FROUDE_PUBLISHED=… python benchmarks/serving_speed.py"
COUNT, SEED, LOAD = 20_000, 2026, 0.8


def main() -> None:
    """Prints and records a line a deployment: processor seconds, so that others at work count as little as can be."""
    folder = Path(os.environ["FROUDE_PUBLISHED"]) / "serve_traces"
    trace = read_trace(folder / "azure_AzureLLMInferenceTrace_conv.csv")
    rows = []
    for model, machine, tp in CASES:
        one = Deployment(
            model=get_model(model),
            machine=get_machine(machine),
            engine=get_engine("vllm"),
            precision="bf16",
            kv="bf16",
            tp=tp,
            input=float(trace.input.mean()),
            output=float(trace.output.mean()),
        )
        started = time.process_time()
        iteration_seconds(one, serving_constants(), positions=9216, longest=int(max(trace.input + trace.output)))
        tables = time.process_time() - started
        rng = np.random.default_rng(SEED)
        flood = Requests(input=trace.input[:4000], output=trace.output[:4000], arrival=np.zeros(4000))
        rate = LOAD * simulate(one, flood).per_second
        requests = poisson_requests(rate, trace.input, trace.output, count=COUNT, rng=rng)
        started = time.process_time()
        found = simulate(one, requests)
        seconds = time.process_time() - started
        queue = found.queues[0]
        rows.append(
            {
                "model": model,
                "machine": machine,
                "requests/s of a core": f"{COUNT / seconds:,.0f}",
                "tables, of that": f"{tables:.2f} s",
                "arrive": f"{rate:.3g}/s",
                "run": f"{queue.running.mean():.0f}",
                "pages taken": f"{np.mean(queue.pages) / queue.total:.0%}",
            }
        )
        print(" | ".join(rows[-1].values()), flush=True)
    record("serving_speed", COMMAND, rows, notes=["Peers publish 2,000 to 3,000 requests/s; none was run here."])


if __name__ == "__main__":
    main()
