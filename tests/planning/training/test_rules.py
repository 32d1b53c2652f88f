"""Batches and learning rates by rules, and how far beyond their runs they are asked."""

from froude.cost import get_machine, get_model
from froude.laws import get_law
from froude.planning import Plan, plan_training
from froude.planning.training.rules import batch_by_rule, best_learning_rate, rate_words

LARGE, SMALL = get_model("llama-3.1-405b"), get_model("layers=24,hidden=1024,heads=16,vocab=32000,context=2048")


def test_a_learning_rate_far_beyond_the_runs_is_called_a_guess():
    far, near = best_learning_rate(LARGE, 15.6e12), best_learning_rate(SMALL, 20e9)
    assert far.is_far
    assert not near.is_far
    assert far.least <= far.value <= far.most
    assert len(f"{far.value:.15g}".lstrip("0.")) <= 2
    said = {"learning_rate": far.value, "learning_rate_range": [far.least, far.most], "learning_rate_beyond_runs": 370}
    assert "a guess: rules say" in rate_words(said)
    assert rate_words({"learning_rate": near.value}) == f"learning rate {near.value:g}"


def test_the_batch_follows_the_tokens_and_divides_the_devices():
    rule = get_law("step-law-batch")
    for tokens in (1e9, 1e11, 1.56e13):
        wanted = float(rule(D=tokens, **rule.published["step-law-2025"]))
        batch = batch_by_rule(tokens, 64, 4096)
        assert 64 % batch == 0 or batch % 64 == 0
        assert 0.5 < batch * 4096 / wanted < 2


def test_other_batches_are_shown_over_a_wide_range():
    plan = plan_training(get_machine("8 x h100"), SMALL, tokens=1e10)
    assert isinstance(plan, Plan)
    batches = [one.global_batch for one in plan.batches]
    own = [one for one in plan.batches if one.global_batch == plan.choice.layout.global_batch]
    assert batches == sorted(batches)
    assert batches[-1] >= 8 * own[0].global_batch
    assert own[0].seconds == plan.seconds
    hours = [one.device_hours for one in plan.batches]
    assert hours[0] > hours[-1]
