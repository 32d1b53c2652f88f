"""Speculation, pools, routing and prefix reuse do to latency what each of them must."""

from dataclasses import replace

import numpy as np
import pytest

from froude.cost.machine.machine import Link
from froude.cost.serving.simulation import (
    Requests,
    Scheduling,
    Speculation,
    loop_requests,
    poisson_requests,
    simulate,
    simulate_pools,
)
from froude.cost.serving.simulation.drafting import Yields
from froude.cost.serving.simulation.pools import transfer_seconds
from froude.cost.serving.speculation import accepted_tokens
from froude.errors import InputError
from serving_simulated import CONSTANTS, deployment

ONE = loop_requests(1, 200, 400, count=20)
ARRIVALS = poisson_requests(6.0, 1500, 200, count=400, rng=np.random.default_rng(2))


@pytest.mark.parametrize("acceptance", [0.0, 0.5, 0.8, 1.0])
def test_passes_of_long_answers_yield_what_leviathan_says(acceptance):
    speculation = Speculation(drafted=4, acceptance=acceptance)
    assert speculation.tokens_per_pass == pytest.approx(np.asarray(accepted_tokens(acceptance, 4)).item())
    yields = Yields(speculation, np.random.default_rng(1))
    passes = [yields.passes(3000) for _ in range(40)]
    assert 3000 / np.mean(passes) == pytest.approx(speculation.tokens_per_pass, rel=0.01)


def test_a_pass_that_keeps_all_drafted_tokens_divides_the_passes():
    plain = simulate(deployment(), ONE)
    kept = simulate(deployment(), ONE, speculation=Speculation(drafted=3, acceptance=1.0))
    lost = simulate(deployment(), ONE, speculation=Speculation(drafted=3, acceptance=0.0))
    assert plain.tpot.mean() / kept.tpot.mean() == pytest.approx(4, rel=0.05)
    assert lost.tpot.mean() > plain.tpot.mean()


def test_pools_keep_first_tokens_from_waiting_for_answers_and_lose_none():
    pool = replace(deployment(), dp=1)
    apart = simulate_pools(pool, pool, ARRIVALS)
    together = simulate(replace(pool, dp=2), ARRIVALS)
    assert np.all(np.isfinite(apart.e2e))
    assert apart.tpot.mean() < together.tpot.mean()  # no prompt enters beside decoding
    slow = simulate_pools(pool, pool, ARRIVALS, link=Link(bandwidth_bytes_per_s=1e9, latency_s=0.0))
    assert np.mean(slow.e2e - apart.e2e) > 0.5 * np.mean(
        transfer_seconds(pool, ARRIVALS.input, Link(bandwidth_bytes_per_s=1e9, latency_s=0.0))
    )
    assert slow.ttft == pytest.approx(apart.ttft)


def test_pools_refuse_users_in_a_loop():
    with pytest.raises(InputError, match="give a rate or a trace"):
        simulate_pools(deployment(), deployment(), ONE)


def test_the_least_loaded_replica_answers_sooner_than_each_in_turn():
    rng = np.random.default_rng(4)
    prompts, answers = np.array([100, 8000]), np.array([20, 600])
    requests = poisson_requests(12.0, prompts, answers, count=600, rng=rng)
    means = [
        simulate(replace(deployment(), dp=4), requests, scheduling=Scheduling(routing=routing)).e2e.mean()
        for routing in ("round robin", "least loaded")
    ]
    assert means[1] < means[0]


def test_shared_blocks_bring_first_tokens_sooner_unless_the_cache_is_off():
    shared = [[1, 2, 3] for _ in range(100)]
    requests = Requests(
        input=np.full(100, 2000), output=np.full(100, 50), arrival=np.arange(100) * 0.5, hashes=shared, block=512
    )
    cached = simulate(deployment(), requests)
    not_cached = simulate(deployment(), requests, scheduling=Scheduling(cache=False))
    assert np.all(cached.reused[1:] == 3 * 512)
    assert cached.ttft[1:].mean() - CONSTANTS.prompt < 0.6 * (not_cached.ttft[1:].mean() - CONSTANTS.prompt)
