"""What serving costs: identities of the closed forms, monotonicity, refusals with a remedy, many at once."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from froude.cost import get_engine, get_machine, get_model, known_engines, serve_cost
from froude.cost.serving.constants import serving_constants, serving_entries
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.iteration import Serving, merged_operators, price_operators
from froude.cost.serving.load import capacity_per_second, serving_seconds
from froude.errors import InputError

NODE = get_machine("8 x h100")
LOAD: dict[str, Any] = {"input": 2000, "output": 500}
ENGINES = [engine.label for engine in known_engines()]
ONE = Deployment(
    model=get_model("llama-3.1-8b"),
    machine=NODE,
    engine=get_engine("vllm"),
    precision="bf16",
    kv="bf16",
    users=16,
    **LOAD,
)


def mean(cost, name):
    return cost.latency[name][0]


@pytest.mark.parametrize("engine", ENGINES)
def test_latency_adds_up_and_answers_are_what_users_wait_for(engine):
    cost = serve_cost("llama-3.1-8b", "1 x h100", engine=engine, users=16, **LOAD)
    assert mean(cost, "e2e") == pytest.approx(mean(cost, "ttft") + 499 * mean(cost, "tpot"))
    assert cost.per_second == pytest.approx(16 / mean(cost, "e2e"))  # Little's law
    assert cost.latency is not None
    for value, (low, high) in cost.latency.values():
        assert low < value < high
    assert cost.per_second < cost.capacity * 1.01


@pytest.mark.parametrize("name", ["users", "input", "output"])
def test_more_of_a_load_never_answers_sooner(name):
    amounts = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256], dtype=float) * (1 if name == "users" else 16)
    seconds = serving_seconds(replace(ONE, **{name: amounts}), serving_constants())
    assert np.all(np.diff(seconds.e2e) > 0)


def test_an_answer_of_one_token_is_whole_with_its_first():
    seconds = serving_seconds(replace(ONE, output=1.0, users=np.array([1.0, 8])), serving_constants())
    assert seconds.e2e == pytest.approx(seconds.ttft)


def test_arrivals_of_the_rate_that_users_make_hold_as_many_places():
    loop = serving_seconds(replace(ONE, users=np.array([4.0, 16.0, 64.0])), serving_constants())
    arrivals = serving_seconds(replace(ONE, users=None, rate=np.asarray(loop.per_second)), serving_constants())
    assert arrivals.running == pytest.approx(np.array([4.0, 16.0, 64.0]), rel=0.1)
    assert arrivals.tpot == pytest.approx(loop.tpot, rel=0.2)


def test_a_load_above_capacity_has_a_capacity_and_no_latency():
    cost = serve_cost("llama-3.1-8b", "1 x h100", rate=1000, **LOAD)
    assert cost.latency is None
    assert cost.to_dict()["ttft_seconds"] == {"mean": None, "p50": None, "p99": None, "interval": None}
    assert cost.utilisation == pytest.approx(1000 / cost.capacity)


def test_many_deployments_at_once_are_those_one_by_one():
    users, tp = np.array([1.0, 7, 40, 300]), np.array([1.0, 2, 4, 8])
    many = serving_seconds(replace(ONE, users=users, tp=tp), serving_constants())
    for i in range(4):
        alone = serving_seconds(replace(ONE, users=users[i], tp=tp[i]), serving_constants())
        found = (np.asarray(many.ttft)[i], np.asarray(many.tpot)[i])
        assert found == pytest.approx((np.asarray(alone.ttft).item(), np.asarray(alone.tpot).item()))


@pytest.mark.parametrize("name", ["llama-3.1-8b", "mixtral-8x7b", "gpt-oss-120b", "deepseek-v3"])
def test_merged_operators_take_as_long_as_those_apart(name):
    model = get_model(name)
    serving = Serving(
        batch=np.array([1.0, 64]), context=1000.0, prefilled=np.array([0.0, 900]), prompt=700.0, devices=4,
        constants=serving_constants(),
    )  # fmt: skip
    apart, merged = (price_operators(one, NODE, serving) for one in (model, merged_operators(model)))
    total = [sum(busy.seconds for busy in priced.values()) for priced in (apart, merged)]
    assert total[1] == pytest.approx(total[0])


def test_no_latency_is_below_reading_the_weights():
    for tp in (1, 2, 4, 8):
        seconds = serving_seconds(replace(ONE, tp=tp, users=1), serving_constants())
        read = 2 * 7.5e9 / tp / NODE.chip.memory_bandwidth_bytes_per_s  # all but the table of embeddings
        assert np.asarray(seconds.tpot).item() > read


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "llama-3.1-70b"}, "--precision fp8"),
        ({"model": "llama-3.1-70b", "machine": "4 x h100", "tp": 1}, "--tp 2"),
        ({"model": "llama-3.1-405b", "precision": "fp8"}, "--machine"),
        ({"engine": "static", "users": 1e5}, "take at most"),
        ({"precision": "fp4"}, "h100 has no fp4"),
        ({"precision": "fp8", "machine": "1 x a100-80"}, "a100-80 has no fp8"),
        ({"engine": "tensorrt-llm", "machine": "1 x mi300x"}, "does not run on mi300x"),
        ({"engine": "vllm@0.6", "precision": "fp4", "machine": "1 x b200"}, "vllm@0.6 has no fp4"),
        ({"engine": "vlm"}, "vllm"),
        ({"users": 4, "rate": 1}, "one of them"),
        ({"tp": 4}, "the machine has 1"),
        ({"output": 0}, "output"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(given, words):
    with pytest.raises(InputError, match=words):
        serve_cost(**{"model": "llama-3.1-8b", "machine": "1 x h100", **LOAD, **given})


def test_the_change_that_a_refusal_names_fits():
    with pytest.raises(InputError, match="take --precision fp8"):
        serve_cost("llama-3.1-70b", "1 x h100", **LOAD)
    assert serve_cost("llama-3.1-70b", "1 x h100", precision="fp8", **LOAD).largest_batch >= 1


def test_a_latent_is_held_by_every_device_and_heads_are_divided():
    latent, heads = (
        np.asarray(replace(ONE, model=get_model(name), tp=np.array([1.0, 8])).request_bytes)
        for name in ("deepseek-v3", "llama-3-8b")
    )
    assert latent[1] == 8 * latent[0]
    assert heads[1] == heads[0]


def test_a_window_bounds_what_a_request_holds():
    lengths = np.array([1000.0, 100_000])
    held = np.asarray(replace(ONE, model=get_model("gpt-oss-20b"), input=lengths, output=10.0).request_bytes)
    full_layers, value_bytes = 12, 2 * 8 * 64 * 2  # half of the layers; keys and values of 8 heads of 64 in 16 bits
    assert held[1] - held[0] == full_layers * value_bytes * (100_016 - 1008)  # tokens in whole pages of 16


def test_no_more_than_twenty_constants_are_fitted_each_with_a_prior():
    entries = serving_entries()
    assert len(entries) <= 20
    assert all(float(entry["spread"]) > 1 and float(entry["prior"]) > 0 for entry in entries.values())
    assert all(entry["about"] for entry in entries.values())


def test_capacity_is_what_a_full_house_answers():
    full = replace(ONE, users=ONE.largest_batch)
    seconds = serving_seconds(full, serving_constants())
    most = np.asarray(capacity_per_second(full, serving_constants())).item()
    assert np.asarray(seconds.per_second).item() == pytest.approx(most, rel=0.05)
