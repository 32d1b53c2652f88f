"""Published trainings: what their recipes hold, and what a plan makes of them."""

import pytest

from froude.cost import get_machine, get_model
from froude.cost.machine.machine import TRUSTS
from froude.cost.training.layout import Layout, check_fields
from froude.errors import InputError
from froude.planning import Plan, get_recipe, known_recipes, plan_training


@pytest.mark.parametrize("recipe", known_recipes(), ids=lambda recipe: recipe.name)
def test_every_fact_of_a_recipe_has_a_source_and_means_something(recipe):
    assert {fact.source.trust for fact in recipe.facts.values()} <= {*TRUSTS}
    assert all(fact.source.source for fact in recipe.facts.values())
    assert get_model(recipe.model).n_params > 1e9
    assert get_machine(recipe.machine).devices == recipe.devices
    check_fields(recipe.layout)
    assert {*recipe.layout} <= {*Layout.__dataclass_fields__}
    assert 1e4 < recipe.device_hours < 1e8
    assert any("device hours, as reported" in one for one in recipe.sentences())


@pytest.mark.parametrize("name", ["llama-3.1-405b", "megascale-175b", "olmo-2-32b"])
def test_a_plan_by_a_recipe_has_what_the_report_states(name):
    recipe, plan = get_recipe(name), plan_training(recipe=name)
    assert isinstance(plan, Plan)
    stated = recipe.settings(given={})
    layout = plan.choice.layout
    assert {field: getattr(layout, field) for field in stated.fixed} == dict(stated.fixed)
    assert (layout.seq_len, layout.global_batch) == (stated.seq_len, stated.global_batch)
    assert (plan.tokens, plan.machine.devices) == (recipe.tokens, recipe.devices)
    hours = plan.seconds / 3600 * plan.machine.devices
    assert 0.5 < hours / recipe.device_hours < 2


def test_what_is_given_takes_the_place_of_a_fact():
    plan = plan_training("8192 x h100", recipe="llama-3.1-405b", tokens="1T", fixed={"pp": 8})
    assert isinstance(plan, Plan)
    assert (plan.machine.devices, plan.tokens, plan.choice.layout.pipeline) == (8192, 1e12, 8)
    assert plan.choice.layout.tensor == 8


def test_a_recipe_that_is_not_known_names_the_nearest():
    with pytest.raises(InputError, match=r"did you mean llama-3\.1-405b\?"):
        get_recipe("llama-3.1-404b")
    with pytest.raises(InputError, match="no machine: give one"):
        plan_training(model="gpt2", tokens=1e9)
