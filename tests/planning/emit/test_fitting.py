"""Plans that a framework can express, and what is said of the change."""

from typing import Any

import pytest

from froude.cost import get_machine, get_model
from froude.errors import InputError
from froude.planning import FRAMEWORKS, Plan, configuration, plan_training

LLAMA, EIGHT = get_model("llama-3.2-1b"), get_machine("8 x h100")
SMALL = {"recompute": "none", "context": 1, "shard": 0, "micro_batch": 1}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_plan_for_a_framework_can_be_written_and_says_what_changed(framework):
    best = plan_training(EIGHT, LLAMA, tokens=2e10, fixed=SMALL)
    plan = plan_training(EIGHT, LLAMA, tokens=2e10, fixed=SMALL, framework=framework)
    assert isinstance(best, Plan)
    assert isinstance(plan, Plan)
    assert configuration(framework, plan)
    if plan.changes[0].endswith("nothing was changed for it"):
        assert plan.changes == (f"{framework} can express the best plan as it is: nothing was changed for it",)
    else:
        assert plan.changes[0].startswith(f"for {framework} ")
        assert " instead of " in plan.changes[0]
        assert "beside the best for any framework" in plan.changes[-1]
    assert plan.to_dict()["changes"] == list(plan.changes)


def test_pins_of_the_user_are_not_changed_for_a_framework():
    pins = {**SMALL, "tensor": 2, "pipeline": 1, "zero": 1}
    plan = plan_training(EIGHT, LLAMA, tokens=2e10, fixed=pins, framework="fsdp")
    assert isinstance(plan, Plan)
    assert (plan.choice.layout.tensor, plan.choice.layout.zero) == (2, 1)
    with pytest.raises(InputError, match="fsdp cannot express tensor = 2"):
        configuration("fsdp", plan)


@pytest.mark.parametrize(("name", "hint"), [("torchtitn", "did you mean torchtitan"), ("megatron-lm", "megatron")])
def test_a_framework_is_checked_before_anything_is_searched(name, hint, monkeypatch):
    def searched(*_args, **_options):
        raise AssertionError("a search began")

    monkeypatch.setattr("froude.planning.training.question.plan_layout", searched)
    with pytest.raises(InputError, match=hint):
        plan_training(EIGHT, LLAMA, tokens=2e10, framework=name)


def test_what_a_stack_does_and_a_framework_cannot_is_changed_and_said():
    asked: dict[str, Any] = {"tokens": 2e10, "fixed": SMALL}
    plan = plan_training("8 x b200", LLAMA, **asked, framework="deepspeed", stack="megatron-bridge@26.02")
    assert isinstance(plan, Plan)
    assert (plan.choice.layout.graphs, plan.choice.layout.fused_loss) == ("none", False)
    assert any(change.startswith("for deepspeed graphs is none instead of partial: ") for change in plan.changes)
    assert "the best layout was looked for again" in plan.changes[-1]
    assert configuration("deepspeed", plan)
