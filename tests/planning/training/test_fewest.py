"""How many devices a training needs."""

import pytest

from froude.cost import get_machine, get_model
from froude.errors import InputError
from froude.planning import Plan, plan_training
from froude.planning.layouts.nearest import larger
from froude.planning.training.fewest import machines_of

QWEN = get_model("qwen2.5-0.5b")
DAY = 86400.0


def test_the_fewest_end_in_time_and_the_next_fewer_do_not():
    plan = plan_training("h100", QWEN, tokens=1e12, devices="auto", budget_seconds=3 * DAY)
    assert isinstance(plan, Plan)
    assert plan.seconds <= 3 * DAY
    counts = [machine.devices for machine in machines_of(get_machine("h100"), 1)]
    fewer = counts[counts.index(plan.machine.devices) - 1]
    slower = plan_training(larger(get_machine("h100"), fewer), QWEN, tokens=1e12)
    assert isinstance(slower, Plan)
    assert slower.seconds > 3 * DAY
    assert plan.binding[0].startswith(f"devices: {plan.machine.devices} are the fewest that end within 3 days")


def test_numbers_of_devices_are_whole_nodes_once_each():
    counts = [machine.devices for machine in machines_of(get_machine("3 x h100"), 20)]
    assert counts[:5] == [24, 32, 48, 64, 96]
    assert counts == sorted({*counts})


def test_a_time_in_which_nothing_ends_is_infeasible():
    answer = plan_training("h100", QWEN, tokens=1e12, devices="auto", budget_seconds=60.0, global_batch=8)
    assert answer.status == "infeasible"
    assert answer.reasons[0].startswith("deadline: no number of devices up to")


def test_devices_are_found_only_for_a_time():
    with pytest.raises(InputError, match="say in which time it must end"):
        plan_training("h100", QWEN, tokens=1e12, devices="auto")
    plan = plan_training("h100", QWEN, tokens=1e9, devices=16)
    assert isinstance(plan, Plan)
    assert plan.machine.devices == 16
