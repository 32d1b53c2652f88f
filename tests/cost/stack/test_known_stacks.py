"""Software stacks: every entry is whole, versions are found, and what a stack says goes before what is assumed."""

from dataclasses import fields

import pytest

import froude
from froude.cost.machine.constants import Constants
from froude.cost.stack.known_stacks import get_stack, known_stacks, likely_stacks
from froude.cost.stack.stack import ARCHITECTURES, architecture_of
from froude.cost.training.assumptions import PRECISIONS
from froude.cost.training.layout import Layout, Precision, check_fields

LLAMA = {"model": "llama-3.1-8b", "machine": "8 x h100", "global_batch": 128}
TRUST = {"published", "measured", "fitted", "as remembered", "guess"}


@pytest.mark.parametrize("stack", known_stacks(), ids=lambda stack: stack.label)
def test_a_stack_sets_only_what_there_is_and_says_from_where(stack):
    names = {field.name for field in fields(Layout)}
    for name, values in stack.fields.items():
        assert name in names
        for value in values.values():
            check_fields({name: value})
    kinds = {name.partition(" on ")[::2] for name in stack.precisions}
    assert kinds <= {(name, where) for name in PRECISIONS for where in ("", *ARCHITECTURES)}
    assert {name for values in stack.precisions.values() for name in values} <= {one.name for one in fields(Precision)}
    assert {*stack.factors} <= {field.name for field in fields(Constants)}
    assert {fact.trust for fact in stack.facts} <= TRUST
    assert all(len(fact.source) > 5 for fact in stack.facts)


@pytest.mark.parametrize(
    ("asked", "found", "said"),
    [
        ("megatron@2024", "2024", None),
        ("megatron@2022.5", "2021", "2022.5"),
        ("megatron@2019", "2021", "2019"),
        ("megatron", "2024", None),
        ("Megatron-Bridge@26.04.01", "26.02", "26.04.01"),
    ],
)
def test_the_nearest_known_version_is_taken_and_said(asked, found, said):
    stack = get_stack(asked)
    assert (stack.version, stack.asked) == (found, said)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("megatrn", "no stack is called 'megatrn': take one of megatron"),
        ("megatron@new", "'megatron@new' has no version after @"),
        ("nowhere.toml", "nowhere.toml"),
    ],
)
def test_an_unknown_stack_is_refused_in_a_line(asked, line):
    with pytest.raises(froude.InputError, match=line):
        get_stack(asked)


def test_naming_a_stack_narrows_the_interval_which_held_the_likely_ones():
    vague = froude.train_cost(**LLAMA)
    lo, hi = vague.interval
    (assumed,) = [one for one in vague.assumptions if one.name == "stack"]
    assert assumed.effect[0] < 1 < assumed.effect[1]
    for stack, _ in likely_stacks(froude.get_machine("8 x h100").chip):
        sure = froude.train_cost(**LLAMA, stack=stack)
        assert "stack" not in {one.name for one in sure.assumptions}
        assert lo < float(sure.cost.step_seconds) < hi
        if not stack.errors:  # whose own error is not that of all others
            assert sure.interval[1] / sure.interval[0] < hi / lo


def test_a_stack_that_nobody_measured_is_less_certain_than_one_that_was():
    measured, unknown = (froude.train_cost(**LLAMA, stack=one).interval for one in ("megatron", "nemo-automodel"))
    assert measured[1] / measured[0] < unknown[1] / unknown[0]
    mixture = {**LLAMA, "model": "qwen3-30b-a3b"}
    lo, hi = froude.train_cost(**mixture, stack="nemo-automodel").interval
    assert hi / lo > unknown[1] / unknown[0]


def test_what_a_user_says_goes_before_what_the_stack_does():
    found = froude.train_cost(**LLAMA, stack="megatron-bridge", attention="flash", compiled=False)
    assert (found.layout.attention, found.layout.compiled, found.layout.fused_loss) == ("flash", False, True)
    assert found.to_dict()["layout"]["stack"] == "megatron-bridge@26.02"


def test_the_shares_of_likely_stacks_are_of_the_whole_for_every_chip():
    for name in froude.known_chips():
        chip = froude.get_machine(name).chip
        shares = [share for _, share in likely_stacks(chip)]
        assert sum(shares) == pytest.approx(1)
        assert shares == sorted(shares, reverse=True)
    assert architecture_of(froude.get_machine("gb200").chip) == "blackwell"


def test_a_stack_of_ones_own_is_read_from_its_file(tmp_path):
    file = tmp_path / "ours.toml"
    file.write_text('[[stack]]\nname = "ours"\n[stack.factors]\nmatmul = [0.8, "measured", "our own steps"]\n')
    slow, plain = (froude.train_cost(**LLAMA, stack=stack) for stack in (str(file), get_stack("eager")))
    assert slow.layout.stack is not None
    assert slow.layout.stack.label == "ours"
    assert float(slow.cost.step_seconds) > 1.1 * float(plain.cost.step_seconds)


def test_the_command_lists_and_shows_stacks(cli):
    listed = cli("stack", "list").out
    assert all(stack.label in listed for stack in known_stacks())
    shown = cli("stack", "show", "megatron-bridge@26.04").out
    assert "megatron-bridge@26.04 is not known, and this is the nearest" in " ".join(shown.split())


pytest_plugins = ["door"]
