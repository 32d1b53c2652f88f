"""The front holds every training that none other beats, the plan among them, priced as the plan is."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.planning.plans import Infeasible, Plan, Point
from froude.planning.training.on_budget import budget_problem, solve
from froude.planning.training.on_tokens import plan_layout
from froude.planning.training.shapes import shape_for
from froude.planning.training.trade_offs import MOST_POINTS, machines_within, non_dominated, pareto_front
from froude.planning.training.training_plan import plan_training

SIXTEEN = get_machine("16 x h100")
FIXED = {"zero": 1, "recompute": "none", "tensor": 1, "pipeline": 1, "context": 1}
ASKED: dict[str, Any] = {"fixed": FIXED, "precision": "bf16"}
TABLES = arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=st.integers(0, 4).map(float))


def is_beaten(row: tuple[float, ...], others: list[tuple[float, ...]]) -> bool:
    """Whether one of the others is nowhere larger and somewhere smaller."""
    return any(all(a <= b for a, b in zip(o, row, strict=True)) and o != row for o in others)


@given(TABLES)
@settings(max_examples=200)
def test_the_front_is_what_brute_force_leaves(values):
    rows = [tuple(row) for row in values.tolist()]
    assert non_dominated(values).tolist() == [not is_beaten(row, rows) for row in rows]


@given(TABLES, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_front_does_not_depend_on_the_order_or_the_units(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    scaled = values[order] * np.array([1e-3, 7.0, 1e6, 0.5])[: values.shape[1]]
    assert non_dominated(scaled).tolist() == non_dominated(values)[order].tolist()


def test_of_equal_rows_all_stay():
    assert non_dominated(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 2.0]])).tolist() == [True, True, False]


def test_machines_are_halved_in_whole_nodes_down_to_one():
    assert [one.devices for one in machines_within(get_machine("56 x h100"))] == [56, 24, 8]
    assert [one.devices for one in machines_within(get_machine("4 x h100"))] == [4]


def planned(**asked: Any) -> tuple[Plan, tuple[Point, ...]]:
    """A plan for sixteen devices with its front."""
    plan = plan_training(SIXTEEN, pareto=True, **{**ASKED, **asked})
    assert isinstance(plan, Plan)
    assert plan.front is not None
    return plan, plan.front


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        {"budget_dollars": 300.0},
        {"budget_flops": 1e20},
        {"target_loss": 2.6},
        {"model": get_model("llama-3.2-1b"), "tokens": 2e10},
        {"budget_dollars": 300.0, "fixed": {"context": 1, "shard": 0}, "precision": None},
    ],
    ids=["dollars", "flops", "target", "tokens", "layouts"],
)
def test_the_plan_is_on_its_front_with_its_own_numbers(asked):
    plan, points = planned(**asked)
    own = [p for p in points if (p.model, p.devices, p.tokens) == (plan.model, plan.machine.devices, plan.tokens)]
    (point,) = own
    assert (point.seconds, point.dollars, point.kwh) == (plan.seconds, plan.dollars, plan.kwh)
    assert point.mfu == plan.choice.cost.mfu
    assert point.loss == plan.forecast.get("loss", point.loss)
    assert len(points) <= MOST_POINTS


@pytest.mark.slow
def test_a_point_of_the_front_is_priced_as_a_plan_for_it_is():
    _, points = planned(budget_dollars=300.0, fixed={"context": 1, "shard": 0})
    half = [point for point in points if point.devices == 8]
    assert half
    for point in half[:3]:
        model = shape_for(point.n_params).model
        assert model.name == point.model
        fixed = {"context": 1, "shard": 0, "precision": "bf16"}
        task: dict[str, Any] = {"seq_len": 8192, "global_batch": point.global_batch, "fixed": fixed}
        plan = plan_layout(model, get_machine("8 x h100"), tokens=point.tokens, tolerance=0.0, **task)
        assert isinstance(plan, Plan)
        assert (point.seconds, point.dollars) == pytest.approx((plan.seconds, plan.dollars), rel=1e-9)


def test_no_training_on_the_front_is_beaten_and_all_keep_to_the_budget():
    _, points = planned(budget_dollars=300.0)
    rows = [(round(p.loss, 4), p.seconds, p.dollars, p.kwh) for p in points]
    assert len(points) > 5
    assert not any(is_beaten(row, rows) for row in rows)
    assert all(point.dollars <= 300 * (1 + 1e-9) for point in points)
    assert {point.devices for point in points} == {8, 16}


def test_the_front_holds_cheaper_trainings_than_the_plan_and_none_better():
    plan, points = planned(budget_dollars=300.0)
    assert min(point.loss for point in points) == plan.forecast["loss"]
    assert min(point.dollars for point in points) < 0.2 * 300


def test_for_a_target_every_training_reaches_it():
    _, points = planned(target_loss=2.6)
    assert all(2.58 < point.loss <= 2.6 + 1e-9 for point in points)  # whole steps go a little farther


def test_where_nothing_keeps_to_the_limits_the_front_is_empty():
    plan = plan_training(SIXTEEN, pareto=True, budget_flops=1e10, **ASKED)
    assert isinstance(plan, Infeasible)
    assert plan.front == ()


def test_a_given_model_is_the_only_one_on_the_front():
    plan = solve(budget_problem(SIXTEEN, budget_flops=1e20, **ASKED))
    assert isinstance(plan, Plan)
    model = shape_for(plan.n_params).model
    problem = budget_problem(SIXTEEN, budget_flops=1e20, model=model, **ASKED)
    alone = solve(problem)
    assert isinstance(alone, Plan)
    assert {point.model for point in pareto_front(problem, alone, lengths=(1.0,))} == {model.name}
