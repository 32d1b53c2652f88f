"""The simulation as a queue: Little's law from two books, and the mean waits of M/D/1 and M/G/1."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from froude.cost.serving.simulation import Scheduling, loop_requests, poisson_requests, simulate
from serving_simulated import CONSTANTS, deployment

SEEDS = range(2026, 2046)
"""Twenty, named before the first run."""

ONE_AT_A_TIME = Scheduling(sequences=1, chunk=8192)


WARM_UP = 2000
"""Requests that come to a replica which is still emptier than it will be."""


def served_alone(tokens: int) -> float:
    """Seconds in which the only place serves a prompt and its one token."""
    alone = simulate(deployment(), loop_requests(1, tokens, 1, count=1), scheduling=ONE_AT_A_TIME)
    return float(alone.e2e[0] - CONSTANTS.prompt)  # which is outside of the replica


@pytest.mark.parametrize("utilisation", [0.5, 0.9, 1.1])
def test_a_single_place_waits_as_lindley_says_request_by_request(utilisation):
    seconds = {tokens: served_alone(tokens) for tokens in (200, 400, 7000)}
    rate = utilisation / np.mean([*seconds.values()])
    requests = poisson_requests(rate, np.array([*seconds]), 1, count=1000, rng=np.random.default_rng(3))
    assert requests.arrival is not None
    waits = [0.0]
    for gap, before in zip(np.diff(requests.arrival), requests.input[:-1], strict=True):
        waits.append(max(waits[-1] + seconds[before] - gap, 0.0))
    found = simulate(deployment(), requests, scheduling=ONE_AT_A_TIME)
    assert found.waited == pytest.approx(np.array(waits), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("prompts", [[1500], [200, 400, 7000]], ids=["M/D/1", "M/G/1"])
def test_a_single_place_waits_as_the_queue_of_its_kind(utilisation, prompts):
    """λE[S²] / 2(1 − ρ) (Pollaczek and Khinchine), at one output token and a batch limit of 1."""
    served = np.array([served_alone(tokens) for tokens in prompts])
    rate, means = utilisation / served.mean(), []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        requests = poisson_requests(rate, np.array(prompts), 1, count=10_000, rng=rng)
        means.append(simulate(deployment(), requests, scheduling=ONE_AT_A_TIME).waited[WARM_UP:].mean())
    expected = rate * np.mean(served**2) / (2 * (1 - utilisation))
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    assert abs(np.mean(means) - expected) < 3 * error
    assert error < 0.1 * expected  # else this would say little


CASES: list[tuple[str, dict[str, Any], float]] = [
    ("vllm", {}, 8.0),
    ("vllm@0.6", {}, 6.0),
    ("sglang", {}, 8.0),
    ("static", {}, 2.0),
]


@pytest.mark.parametrize(("engine", "fields", "rate"), CASES, ids=[case[0] for case in CASES])
def test_requests_in_the_queue_are_those_of_littles_law(engine, fields, rate):
    """L from looks at fixed times, λ·W from the requests' own times: two books that share no entry."""
    prompts, answers = np.array([300, 1200, 2500]), np.array([50, 200, 400])
    requests = poisson_requests(rate, prompts, answers, count=3000, rng=np.random.default_rng(7))
    found = simulate(replace(deployment(engine), **fields), requests)
    queue, outside = found.queues[0], 0.0 if engine == "static" else CONSTANTS.prompt
    within = np.sum(found.e2e - outside) / found.seconds
    assert np.mean(queue.waiting + queue.running) == pytest.approx(within, rel=0.01)
    assert np.mean(queue.waiting) == pytest.approx(np.sum(found.waited) / found.seconds, rel=0.05, abs=0.02)


def test_users_of_a_loop_are_all_that_is_in_it():
    found = simulate(deployment(), loop_requests(32, 500, 100, count=640))
    assert found.per_second * found.e2e.mean() == pytest.approx(32, rel=0.02)
    assert np.mean(found.queues[0].waiting + found.queues[0].running) < 32
