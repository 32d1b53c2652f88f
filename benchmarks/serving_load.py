"""The closed form of latency under load against the simulation, over drawn deployments.

`python benchmarks/serving_load.py [count]` draws 200 deployments by seed 18: models, chips, engines, layouts, formats
and lengths; half of them with 1 to 512 users, half with arrivals at 0.1 to 0.7 of capacity. Users' lengths are spread
by a tenth where prompts enter beside decoding (`percentiles.SPREAD`); ten requests of each user, none left out, as the
closed form has a first wave of ten; 10,000 arrivals, of which the first twentieth is left out, and whose rate as drawn
is that of the closed form.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from froude.cost import get_engine, get_machine, get_model
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.load import capacity_per_second, serving_seconds
from froude.cost.serving.simulation import simulate
from froude.cost.serving.simulation.percentiles import usual_requests
from record import record

SEED = 18
PLACES = (("llama-3.1-8b", "1 x h100", 1), ("llama-3.1-8b", "2 x a100-80", 2), ("llama-3.1-70b", "4 x h100", 4))
ENGINES = ("vllm", "vllm@0.6", "sglang", "tensorrt-llm")
COMMAND = "python benchmarks/serving_load.py"
ARRIVALS, WITHIN = 10_000, 0.02
NAMES = ("ttft", "tpot", "e2e")


def drawn(rng: np.random.Generator) -> Deployment:
    """A deployment with a load."""
    model, machine, tp = PLACES[rng.integers(len(PLACES))]
    one = Deployment(
        model=get_model(model),
        machine=get_machine(machine),
        engine=get_engine(ENGINES[rng.integers(len(ENGINES))]),
        precision="bf16",
        kv="bf16",
        tp=tp,
        input=int(np.exp(rng.uniform(np.log(128), np.log(4096)))),
        output=int(np.exp(rng.uniform(np.log(64), np.log(1024)))),
        users=int(np.exp(rng.uniform(0, np.log(512)))),
    )
    share = rng.uniform(0.1, 0.7)
    if rng.random() < 0.5:
        return one
    capacity = np.asarray(capacity_per_second(one, serving_constants())).item()
    return replace(one, users=None, rate=share * capacity)


def gaps(one: Deployment, seed: int) -> dict[str, float] | None:
    """Closed form over simulation, less one, by quantity; None where there is no closed form."""
    users = None if one.users is None else int(one.users)
    count = ARRIVALS if users is None else 10 * users
    requests = usual_requests(one, users, count, seed=seed)
    drawn_load = one if users is not None else replace(one, rate=requests.mean_rate)
    closed = serving_seconds(drawn_load, serving_constants())
    if not np.all(np.isfinite(closed.ttft)):
        return None
    found = simulate(one, requests)
    first = count // 20 if users is None else 0
    means = {name: float(np.nanmean(getattr(found, name)[first:])) for name in NAMES}
    return {name: np.asarray(getattr(closed, name)).item() / means[name] - 1 for name in NAMES}


def entry(kind: str, some: list[dict[str, float]]) -> dict[str, str]:
    """A row of the table."""
    row = {"load, prompts": kind, "deployments": str(len(some))}
    for name in NAMES:
        values = np.array([each[name] for each in some])
        row[f"{name.upper()} within 2%"] = f"{np.mean(abs(values) < WITHIN):.0%}"
        row[f"{name.upper()} median, worst"] = f"{np.median(values):+.1%}, {values[np.argmax(abs(values))]:+.0%}"
    row["all three"] = f"{np.mean([max(map(abs, each.values())) < WITHIN for each in some]):.0%}"
    return row


def main() -> None:
    """Prints and records the share of deployments within 2%, and signed gaps, by load and how prompts enter."""
    count, rng = int(sys.argv[1]) if len(sys.argv) > 1 else 200, np.random.default_rng(SEED)
    rows: dict[str, list[dict[str, float]]] = {}
    for number in range(count):
        one = drawn(rng)
        found = gaps(one, number)
        if found is not None:
            rows.setdefault(f"{'users' if one.rate is None else 'rate'}, {one.engine.prompts}", []).append(found)
    every = [each for group in rows.values() for each in group]
    table = [entry(kind, some) for kind, some in {**dict(sorted(rows.items())), "all": every}.items()]
    for row in table:
        print(" | ".join(row.values()))
    note = f"{len(every)} of {count} deployments answered in closed form."
    print(note)
    if count == 200:
        record("serving_load", COMMAND, table, notes=[note])


if __name__ == "__main__":
    main()
