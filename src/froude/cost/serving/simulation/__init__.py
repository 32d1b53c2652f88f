"""Serving, event by event: requests wait, enter, decode, make room and are answered, over the cost of an iteration."""

from froude.cost.serving.simulation.drafting import Speculation
from froude.cost.serving.simulation.fleet import simulate
from froude.cost.serving.simulation.pools import simulate_pools
from froude.cost.serving.simulation.requests import Requests, loop_requests, poisson_requests
from froude.cost.serving.simulation.scheduling import Scheduling
from froude.cost.serving.simulation.simulation import Simulation

__all__ = [
    "Requests",
    "Scheduling",
    "Simulation",
    "Speculation",
    "loop_requests",
    "poisson_requests",
    "simulate",
    "simulate_pools",
]
