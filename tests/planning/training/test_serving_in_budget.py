"""Training and serving in one budget: whole devices for a load, and a model that is the smaller the more it serves."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from froude import InputError
from froude.answers.plans import answer_of_plan
from froude.cost import get_machine, get_model, serve_cost
from froude.cost.serving.operating_point import LOADED, fleet_for
from froude.fitting.tokens import FORWARD_FLOP_PER_PARAM
from froude.planning.plans import Infeasible, Plan
from froude.planning.training.budgets import Budget, fleet_of
from froude.planning.training.layout_finder import LayoutFinder
from froude.planning.training.lifetime import LifetimeLoad, read_lifetime_load
from froude.planning.training.on_budget import budget_problem
from froude.planning.training.size_options import SizedTraining
from froude.planning.training.training_plan import plan_training

EIGHT = get_machine("8 x h100")
PLAIN: dict[str, Any] = {"zero": 1, "recompute": "none", "tensor": 1, "pipeline": 1, "context": 1}
YEAR = 365 * 24.0
LENGTHS: dict[str, Any] = {"serve_input": 2000, "serve_output": 500}
BUDGET, SHORT = 8e3, 0.1
"""Dollars, and years for which a device costs a quarter of them."""


@cache
def chosen(rate: float = 0.0, kind: str = "dollars", limit: float = BUDGET) -> SizedTraining:
    """The best size under a budget, with a load of so many requests a second or none."""
    load = LifetimeLoad(per_second=rate, input=2000, output=500, years=SHORT) if rate else None
    limits: dict[str, Any] = {f"budget_{kind}": limit}
    training = budget_problem(EIGHT, **limits, load=load, fixed=PLAIN, precision="bf16").best.training
    assert training is not None
    return training


def plan_with(**asked: Any) -> Plan:
    """A plan with serving."""
    plan = plan_training(EIGHT, **asked, fixed=PLAIN, precision="bf16")
    assert isinstance(plan, Plan)
    return plan


@pytest.mark.parametrize(("kind", "limit"), [("dollars", BUDGET), ("flops", 1e21)])
def test_a_larger_load_gives_a_smaller_model_trained_longer(kind, limit):
    none, some, many = (chosen(rate, kind, limit) for rate in (0.0, 5.0, 40.0))
    sizes = [float(one.model.n_params) for one in (none, some, many)]
    ratios = [one.tokens / one.n_law for one in (none, some, many)]
    assert sizes[0] >= sizes[1] > sizes[2]
    assert ratios[1] < ratios[2]
    assert ratios[0] < ratios[2]
    assert none.loss < some.loss < many.loss


def test_a_tiny_load_costs_its_replica_and_nothing_else():
    none, tiny = chosen(), chosen(1e-6)
    replica = SHORT * YEAR * EIGHT.price_per_device_hour
    assert tiny.price.serving["dollars"] == replica
    left = chosen(0.0, "dollars", BUDGET - replica)
    assert (tiny.model.n_params, tiny.tokens) == (left.model.n_params, left.tokens)
    assert tiny.loss > none.loss
    flops = [chosen(rate, "flops", 1e21) for rate in (0.0, 1e-9)]
    assert flops[0].model.n_params == flops[1].model.n_params
    assert flops[0].tokens == pytest.approx(flops[1].tokens, rel=1e-3)


@pytest.mark.parametrize(("name", "rate"), [("llama-3-8b", 0.01), ("llama-3-8b", 20.0), ("llama-3-70b", 3.0)])
def test_a_fleet_is_the_fewest_devices_by_the_capacity_of_serve_cost(name, rate):
    model, devices = get_model(name), []
    for tp in (1, 2, 4, 8):
        try:
            one = serve_cost(model, EIGHT, input=2000, output=500, rate=0.01, tp=tp, dp=1, mean_only=True)
        except InputError:
            continue
        devices.append(tp * max(int(np.ceil(rate / (LOADED * one.capacity))), 1))
    fleet = fleet_for(model, EIGHT, rate=rate, input=2000, output=500, kind="bf16")
    assert fleet.devices == min(devices)
    assert fleet.utilisation <= LOADED


def test_the_price_of_a_plan_follows_from_devices_hours_and_tokens():
    plan = plan_with(budget_dollars=BUDGET, serve_load="5/s", **LENGTHS, serve_years=SHORT)
    serving = plan.serving
    model = get_model(serving_model(plan))
    one = serve_cost(
        model, EIGHT, input=2000, output=500, rate=0.01, tp=serving["tp"], dp=1, mean_only=True, precision="bf16"
    )
    replicas = np.ceil(5 / (LOADED * one.capacity))
    assert serving["devices"] == replicas * serving["tp"]
    assert serving["capacity_requests_per_second"] == pytest.approx(replicas * one.capacity)
    assert serving["dollars"] == pytest.approx(serving["devices"] * SHORT * YEAR * EIGHT.price_per_device_hour)
    assert serving["tokens"] == pytest.approx(5 * 3600 * SHORT * YEAR * 2500)
    assert serving["flops"] == pytest.approx(FORWARD_FLOP_PER_PARAM * float(model.n_active) * serving["tokens"])
    assert plan.dollars + serving["dollars"] == pytest.approx(BUDGET, rel=0.01)
    assert serving["share_of_dollars"] == pytest.approx(serving["dollars"] / (plan.dollars + serving["dollars"]))


def serving_model(plan: Plan) -> str:
    """The description of a plan's model, as a name."""
    return ",".join(f"{key}={value}" for key, value in plan.chosen["description"].items())


def test_an_answer_says_share_devices_tokens_and_the_size_without():
    plan = plan_with(budget_dollars=60e3, serve_load=5, **LENGTHS)
    alone = plan_with(budget_dollars=60e3)
    without = plan.serving["without_serving"]
    assert (without["N"], without["D"]) == (alone.n_params, alone.tokens)
    assert without["loss"] == alone.forecast["loss"]
    facts = {fact.head: fact.text for fact in answer_of_plan(plan).facts}
    assert f"on {plan.serving['devices']} h100" in facts["serving"]
    assert "394B tokens in 1 year" in facts["serving"]
    assert "tokens a parameter in place of" in facts["without it"]


def test_a_rate_takes_whole_devices_and_tokens_a_share_of_them():
    asked: dict[str, Any] = {"model": "qwen2.5-0.5b", "budget_dollars": 100e3, "seq_len": 4096}
    by_rate = plan_with(**asked, serve_load=20, **LENGTHS).serving
    served = 20 * 3600 * YEAR * 2500
    by_tokens = plan_with(**asked, inference_tokens=served / 10).serving
    assert by_rate["tokens"] == served
    assert by_tokens["devices"] is by_tokens["years"] is None
    assert by_rate["flops"] == pytest.approx(10 * by_tokens["flops"])
    assert 0.3 < by_rate["dollars"] / (10 * by_tokens["dollars"]) < 2  # prompts are longer, devices not all busy


def test_a_load_beyond_the_budget_is_refused_with_what_it_takes():
    plan = plan_training(EIGHT, budget_dollars=10e3, serve_load=20, **LENGTHS, fixed=PLAIN, precision="bf16")
    assert isinstance(plan, Infeasible)
    assert plan.reasons[0].startswith("budget: one step and serving take $")
    raised = plan_training(EIGHT, **plan.change, serve_load=20, **LENGTHS, fixed=PLAIN, precision="bf16")
    assert isinstance(raised, Plan)


def test_a_model_that_no_node_holds_has_whole_nodes_as_replica():
    fleet = fleet_for(get_model("deepseek-v3"), EIGHT, rate=1e-3, input=2000, output=500, kind="bf16")
    assert (fleet.devices, fleet.replicas) == (24, 1)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"serve_input": 2000}, "serve input 2000 says nothing of how many requests come: give --serve-load 20/s too"),
        ({"serve_years": 2}, "serve years 2 says nothing of how many"),
        ({"serve_load": "20/s"}, "serve load 20/s needs lengths: give --serve-input and --serve-output"),
        ({"serve_load": "20/s", "serve_input": 2000}, "needs lengths"),
        ({"serve_load": "20", **LENGTHS}, "serve load '20' is no rate: write requests a second, as 20/s"),
        ({"serve_load": "200 users", **LENGTHS}, "is no rate"),
        ({"serve_load": 0, **LENGTHS}, "serve load = 0: give a number above 0"),
        ({"serve_load": 1, **LENGTHS, "serve_years": -1}, "serve years = -1: give a number above 0"),
        ({"serve_load": 1, "serve_input": 0.5, "serve_output": 1}, "serve input = 0.5: give a whole number"),
        ({"serve_load": 1, **LENGTHS, "inference_tokens": 1e9}, "both say what is served: give one of them"),
        ({"serve_load": 1, "serve_input": 8000, "serve_output": 500}, "8500 tokens, more than the 8192"),
        ({"serve_load": 1, **LENGTHS, "budget_dollars": None, "budget_seconds": 1e5}, "take no training time"),
        ({"serve_load": 1, **LENGTHS, "tokens": 1e9, "model": "qwen2.5-0.5b"}, "serve load 1 is for choosing tokens"),
    ],
)
def test_what_does_not_go_together_is_one_line_with_its_remedy(asked, sentence):
    with pytest.raises(InputError) as caught:
        plan_training(EIGHT, **{"budget_dollars": 1e4, **asked})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rate_is_read_from_a_text_and_from_a_number():
    assert read_lifetime_load(None, None, None, None) is None
    for load in ("20/s", " 20 / s", 20, 20.0):
        assert read_lifetime_load(load, 2000, 500, None) == LifetimeLoad(per_second=20, input=2000, output=500)
    assert read_lifetime_load("2k/s", 1, 1, 3.0) == LifetimeLoad(per_second=2000, input=1, output=1, years=3)


def test_without_serving_a_budget_has_the_same_limits():
    load = LifetimeLoad(per_second=1, input=2000, output=500)
    budget = Budget(dollars=1e5, seconds=1e6, load=load)
    assert budget.without_serving == Budget(dollars=1e5, seconds=1e6)
    assert budget.served_tokens == load.tokens
    fleet = fleet_of(get_model("llama-3-8b"), LayoutFinder(machine=EIGHT, seq_len=8192), load)
    assert (
        fleet.devices
        == fleet_of(get_model("llama-3-8b"), LayoutFinder(machine=EIGHT, seq_len=8192), replace(load, years=9)).devices
    )
