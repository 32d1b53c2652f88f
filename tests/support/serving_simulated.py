"""Small deployments and replicas whose every step can be looked at."""

from dataclasses import replace
from typing import Any

import numpy as np

from froude.cost import get_engine, get_machine, get_model
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.simulation import Requests
from froude.cost.serving.simulation.iteration_seconds import iteration_seconds
from froude.cost.serving.simulation.ledger import Ledger
from froude.cost.serving.simulation.pages import Pages
from froude.cost.serving.simulation.prefix_cache import PrefixCache
from froude.cost.serving.simulation.replica import Replica

CONSTANTS = serving_constants()
DEPLOYMENT = Deployment(
    model=get_model("llama-3.1-8b"),
    machine=get_machine("1 x h100"),
    engine=get_engine("vllm"),
    precision="bf16",
    kv="bf16",
    input=100,
    output=20,
)
SECONDS = iteration_seconds(DEPLOYMENT, CONSTANTS, positions=600, longest=2000)


def deployment(engine: str = "vllm", **fields: Any) -> Deployment:
    """The small deployment under an engine, or with other fields."""
    return replace(DEPLOYMENT, engine=get_engine(engine), **fields)


def replica_of(requests: Requests, *, pages: int, page: int = 16, **settings: Any) -> Replica:
    """A replica with few pages, the requests before it."""
    usual: dict[str, Any] = {"prompts": "beside", "chunk": 64, "sequences": 8, "promised": 0.0}
    own = Pages(pages, page)
    made = Replica(0, Ledger(requests), SECONDS, own, cache=PrefixCache(own, requests.block), **{**usual, **settings})
    if requests.arrival is None:
        made.inbox.extend((0.0, one) for one in range(min(requests.users or 1, len(requests))))
        made.backlog.extend(range(requests.users or 1, len(requests)))
    else:
        made.inbox.extend(zip(requests.arrival.tolist(), range(len(requests)), strict=True))
    return made


def broken_books(replica: Replica) -> list[str]:
    """What does not add up in a replica between two steps, counted again request by request."""
    pages, ledger, cache = replica.pages, replica.ledger, replica.cache
    decoding = {one: end for one, end in replica.active.items() if end >= 0}
    made = {one: ledger.output[one] - (end - replica.iteration) for one, end in decoding.items()}
    stored = {one: ledger.input[one] + made[one] - 1 for one in decoding}
    if replica.entering is not None:
        stored[replica.entering[0]] = replica.entering[2]
    own = sum(pages.of(tokens) - replica.shared.get(one, 0) * cache.each for one, tokens in stored.items())
    readers = sum(cache.users.values())
    checks = {
        "pages": pages.free + pages.taken + cache.held == pages.total,
        "free": pages.free >= 0,
        "taken": pages.taken == own,
        "contexts": replica.contexts == sum(stored[one] + 1 for one in decoding),
        "decoding": pages.decoding == len(decoding) == sum(pages.by_remainder),
        "sequences": len(replica.active) <= replica.sequences,
        "readers": readers == sum(replica.shared.values()),
        "unused": set(cache.unused) == {block for block, users in cache.users.items() if users == 0},
        "answers": all(0 < made[one] < ledger.output[one] for one in decoding),
    }
    return [name for name, holds in checks.items() if not holds]


def lengths(rng: np.random.Generator, count: int, most: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of prompts and answers, drawn."""
    return rng.integers(1, most, count), rng.integers(1, most // 3, count)
