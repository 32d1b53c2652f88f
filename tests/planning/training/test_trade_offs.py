"""The front holds every training that none other beats, and nothing else."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from froude.cost.machine.known_machines import get_machine
from froude.planning.training.on_budget import problem_of
from froude.planning.training.trade_offs import front, machines_within, pareto

SIXTEEN = get_machine("16 x h100")
FIXED = {"zero": 1, "recompute": "none", "tensor": 1, "pipeline": 1, "context": 1}
ASKED = {"fixed": FIXED, "precision": "bf16"}
TABLES = arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=st.integers(0, 4).map(float))


def is_beaten(row: tuple[float, ...], others: list[tuple[float, ...]]) -> bool:
    """Whether one of the others is nowhere larger and somewhere smaller."""
    return any(all(a <= b for a, b in zip(o, row, strict=True)) and o != row for o in others)


@given(TABLES)
@settings(max_examples=200)
def test_the_front_is_what_brute_force_leaves(values):
    rows = [tuple(row) for row in values.tolist()]
    assert front(values).tolist() == [not is_beaten(row, rows) for row in rows]


@given(TABLES, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_front_does_not_depend_on_the_order_or_the_units(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    scaled = values[order] * np.array([1e-3, 7.0, 1e6, 0.5])[: values.shape[1]]
    assert front(scaled).tolist() == front(values)[order].tolist()


def test_of_equal_rows_all_stay():
    assert front(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 2.0]])).tolist() == [True, True, False]


def test_machines_are_halved_in_whole_nodes_down_to_one():
    assert [one.devices for one in machines_within(get_machine("56 x h100"))] == [56, 24, 8]
    assert [one.devices for one in machines_within(get_machine("4 x h100"))] == [4]


def test_no_training_on_the_front_is_beaten_and_all_keep_to_the_budget():
    problem = problem_of(SIXTEEN, budget_dollars=300.0, **ASKED)
    points = pareto(problem)
    rows = [(round(p.loss, 4), p.seconds, p.dollars, p.kwh) for p in points]
    assert len(points) > 5
    assert not any(is_beaten(row, rows) for row in rows)
    assert all(point.dollars <= 300 * (1 + 1e-9) for point in points)
    assert {point.devices for point in points} == {8, 16}


def test_the_front_holds_a_loss_as_low_as_the_plan_and_cheaper_ones():
    problem = problem_of(SIXTEEN, budget_dollars=300.0, **ASKED)
    points = pareto(problem)
    # Half octaves around the best: the best itself is among them.
    assert min(point.loss for point in points) <= problem.best.loss + 1e-3
    assert min(point.dollars for point in points) < 0.2 * 300


def test_for_a_target_every_training_reaches_it():
    problem = problem_of(SIXTEEN, target_loss=2.6, **ASKED)
    points = pareto(problem)
    assert points
    assert all(2.58 < point.loss <= 2.6 + 1e-9 for point in points)  # whole steps go a little farther


def test_where_nothing_keeps_to_the_limits_the_front_is_empty():
    problem = problem_of(SIXTEEN, budget_flops=1e10, **ASKED)
    assert pareto(problem) == ()


def test_a_given_model_is_the_only_one_on_the_front():
    problem = problem_of(SIXTEEN, budget_flops=1e20, **ASKED)
    model = problem.best.model
    points = pareto(replace(problem, model=(model,), tried={}), lengths=(1.0,))
    assert {point.model for point in points} == {model.name}
