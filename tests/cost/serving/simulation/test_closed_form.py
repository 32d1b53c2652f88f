"""The closed form of arrivals beside the simulation of the same."""

from dataclasses import replace

import numpy as np
import pytest

from froude.cost import get_engine, get_machine, get_model
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.load import capacity_per_second, serving_seconds
from froude.cost.serving.simulation import poisson_requests, simulate

SHORT, LONG = (300, 200), (3000, 60)


def deployed(engine: str, lengths: tuple[int, int]) -> Deployment:
    return Deployment(
        model=get_model("llama-3.1-8b"),
        machine=get_machine("1 x h100"),
        engine=get_engine(engine),
        precision="bf16",
        kv="bf16",
        input=lengths[0],
        output=lengths[1],
    )


@pytest.mark.parametrize("engine", ["vllm@0.6", "vllm"])
@pytest.mark.parametrize("lengths", [SHORT, LONG])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_arrivals_take_what_they_take_when_simulated(engine, lengths, share):
    one, constants = deployed(engine, lengths), serving_constants()
    rate = share * np.asarray(capacity_per_second(one, constants)).item()
    requests = poisson_requests(rate, *lengths, count=4000, rng=np.random.default_rng(7))
    found = simulate(one, requests, constants=constants)
    closed = serving_seconds(replace(one, rate=requests.mean_rate), constants)
    for name in ("ttft", "tpot", "e2e"):
        mean = np.nanmean(getattr(found, name)[400:])
        assert np.asarray(getattr(closed, name)).item() == pytest.approx(mean, rel=0.03), name


@pytest.mark.parametrize("engine", ["vllm@0.6", "vllm"])
def test_a_lonely_request_waits_for_its_prompt_alone(engine):
    one, constants = deployed(engine, SHORT), serving_constants()
    lonely = serving_seconds(replace(one, rate=1e-6), constants)
    alone = simulate(one, poisson_requests(1e-6, *SHORT, count=3, rng=np.random.default_rng(0)), constants=constants)
    for name in ("ttft", "tpot"):
        assert np.asarray(getattr(lonely, name)).item() == pytest.approx(getattr(alone, name)[0], rel=2e-3), name


def test_latency_of_arrivals_rises_with_their_rate():
    one, constants = deployed("vllm", LONG), serving_constants()
    full = np.asarray(capacity_per_second(one, constants)).item()
    seconds = serving_seconds(replace(one, rate=full * np.linspace(0.05, 0.9, 12)), constants)
    assert np.all(np.diff(seconds.ttft) > 0)
    assert np.all(np.diff(seconds.tpot) > 0)
