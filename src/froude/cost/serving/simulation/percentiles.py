"""Percentiles beside the means of the closed forms: a short simulation of the same load."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.simulation.fleet import simulate
from froude.cost.serving.simulation.requests import (
    Requests,
    loop_requests,
    poisson_requests,
    varied_requests,
)
from froude.cost.stack.stack import LATENCIES

COUNT, ROUNDS, MOST_USERS = 600, 4, 2000
"""Requests, those of each user at least, and the users above which a simulation is no longer short."""

SEED = 0


def simulated_percentiles(
    deployment: Deployment, constants: ServingConstants
) -> Mapping[str, tuple[float, float]] | None:
    """Seconds within which half and 99 of 100 requests stay, by quantity, the first ones left out.

    None for more than `MOST_USERS`.
    """
    users = None if deployment.users is None else max(round(float(deployment.users)), 1)
    if users is not None and users > MOST_USERS:
        return None
    count = COUNT if users is None else max(COUNT, ROUNDS * users)
    found = simulate(deployment, usual_requests(deployment, users, count), constants=constants, seed=SEED)
    first = COUNT // 5 if users is None else min(users, len(found.ttft) // 2)
    return {name: _within(getattr(found, name)[first:]) for name in LATENCIES}


def usual_requests(deployment: Deployment, users: int | None, count: int = COUNT, *, seed: int = SEED) -> Requests:
    """Requests of a deployment's load: at random times, or of users."""
    rng = np.random.default_rng(seed)
    prompt, answer = int(deployment.input), int(deployment.output)
    if users is None:
        rate = float(deployment.rate) if deployment.rate is not None else 1.0
        return poisson_requests(rate, prompt, answer, count=count, rng=rng)
    if deployment.engine.prompts != "beside" or float(deployment.alike) > 0:
        return loop_requests(users, prompt, answer, count=count)
    return varied_requests(users, prompt, answer, count=count, rng=rng)


def _within(seconds: np.ndarray) -> tuple[float, float]:
    known = seconds[np.isfinite(seconds)]
    if known.size == 0:  # answers of one token have no later ones
        return 0.0, 0.0
    return float(np.quantile(known, 0.5)), float(np.quantile(known, 0.99))
