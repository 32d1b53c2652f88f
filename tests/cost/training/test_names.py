"""Parts of a layout by both of their names."""

from typing import Any

import pytest

from froude.cost import get_machine, get_model, train_cost
from froude.errors import InputError
from froude.planning.training.on_tokens import plan_layout

SMALL = get_model("layers=8,hidden=512,heads=8,vocab=8192,context=512")


def test_short_and_long_names_pin_the_same_layout():
    short = train_cost(SMALL, "8 x h100", tp=2, pp=2, micro_batch=2)
    assert short.layout == train_cost(SMALL, "8 x h100", tensor=2, pipeline=2, micro_batch=2).layout
    pins = ({"tp": 2, "pp": 1, "cp": 1}, {"tensor": 2, "pipeline": 1, "context": 1})
    plans = [plan_layout(SMALL, get_machine("8 x h100"), tokens=1e9, fixed=each) for each in pins]
    assert plans[0] == plans[1]


def test_two_names_of_one_part_that_differ_are_refused():
    with pytest.raises(InputError, match="tensor = 2 says the same: give one of them"):
        train_cost(SMALL, "8 x h100", tensor=2, tp=4)


@pytest.mark.parametrize(("name", "line"), [("dp", "leave of the devices"), ("fsdp", "zero=3"), ("tensr", "tensor")])
def test_a_name_that_no_part_has_says_how_it_is_written(name, line):
    given: dict[str, Any] = {name: 2}
    with pytest.raises(InputError, match=line):
        train_cost(SMALL, "8 x h100", **given)
