"""What a simulation of serving found: seconds of every request, and the queue at fixed times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from froude.cost.serving.deployment import Deployment
from froude.cost.serving.simulation.requests import Requests

LEVELS = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def mean_and_levels(seconds: np.ndarray) -> dict[str, float]:
    """The mean and the usual percentiles of seconds, at least one of them."""
    return {"mean": float(seconds.mean()), **{name: float(np.quantile(seconds, q)) for name, q in LEVELS.items()}}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class SampledQueue:
    """A replica's queue at fixed times, each `seconds` from the start: waiting and running requests, pages taken.

    `total` are all of its pages.
    """

    seconds: np.ndarray
    waiting: np.ndarray
    running: np.ndarray
    pages: np.ndarray
    total: int


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """Requests as a deployment served them; arrays hold one entry a request, in the order of `requests`.

    `arrival` is when a request is sent, in seconds from the start; `ttft`, `tpot` and `e2e` are seconds from then to
    the first token, of each later one ((e2e − ttft) / (output − 1), NaN where there is one token alone) and to the
    last.
    `waited` is from when it reached its replica to when it was let in, `evictions` how often it had to make room,
    `reused` the tokens of its prompt that were not computed, `replica` who served it. `queues` has one entry a replica.
    """

    deployment: Deployment
    requests: Requests
    arrival: np.ndarray
    ttft: np.ndarray
    tpot: np.ndarray
    e2e: np.ndarray
    waited: np.ndarray
    evictions: np.ndarray
    reused: np.ndarray
    replica: np.ndarray
    queues: tuple[SampledQueue, ...]

    @cached_property
    def finished(self) -> np.ndarray:
        """When each request has its last token, in seconds from the start."""
        return self.arrival + self.e2e

    @cached_property
    def seconds(self) -> float:
        """From the start to the last token of all."""
        return float(np.max(self.finished))

    @property
    def per_second(self) -> float:
        """Requests answered a second, from the first arrival to the last token of all."""
        return len(self.requests) / max(self.seconds - float(np.min(self.arrival)), 1e-12)

    def goodput(self, ttft: float | None = None, tpot: float | None = None, *, warm_up: float = 0.0) -> float:
        """The share of requests within both limits in seconds, of those after the share `warm_up` of all.

        A request of one token has no later ones, and so is within the limit on them.
        """
        good = np.ones(len(self.requests), dtype=bool)
        if ttft is not None:
            good &= self.ttft <= ttft
        if tpot is not None:
            good &= ~(self.tpot > tpot)
        return float(np.mean(good[int(warm_up * len(good)) :]))
