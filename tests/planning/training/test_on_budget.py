"""What a budget buys is the best there is, within its limits, and honest about what was assumed."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from froude import InputError, Runs
from froude.cost.machine.known_machines import get_machine
from froude.cost.model.catalogue import get_model
from froude.fitting import Fit, fit, optimal
from froude.fitting.tokens import FORWARD_FLOP_PER_PARAM
from froude.laws import get_law
from froude.planning.plans import Infeasible, Plan
from froude.planning.training.layout_finder import FP8_LOSS
from froude.planning.training.loss_model import loss_model_of
from froude.planning.training.on_budget import budget_problem, solve
from froude.planning.training.rules import best_batch
from froude.planning.training.shapes import n_non_embedding, shape_for
from froude.planning.training.size_grid import best_place
from froude.planning.training.size_options import FINE, BudgetProblem, SizedTraining, law_params
from froude.planning.training.training_plan import plan_training
from planted import planted

EIGHT = get_machine("8 x h100")
PLAIN = {"zero": 1, "recompute": "none", "tensor": 1, "pipeline": 1, "context": 1}
"""A layout of which little is left to search: these tests are about sizes."""

BF16 = {"fixed": PLAIN, "precision": "bf16"}
KEYS = {
    "status", "choice", "cost", "forecast", "binding", "runners_up", "nearest_feasible", "assumptions",
}  # fmt: skip


@cache
def problem(**asked: float) -> BudgetProblem:
    """A problem on eight devices in bf16, solved once."""
    return budget_problem(EIGHT, **asked, **BF16)


def chosen(asked: BudgetProblem) -> SizedTraining:
    """The training of the problem's best size."""
    training = asked.best.training
    assert training is not None
    return training


@cache
def planted_fit() -> Fit:
    """A fit to planted runs, with draws."""
    return fit("chinchilla", Runs.from_columns(planted()), starts=6, draws=60)


# --- shapes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama-3-8b", "llama-3-70b"])
def test_the_family_at_the_size_of_llama_3_is_llama_3(name):
    llama = get_model(name)
    shape = shape_for(float(llama.n_params))
    same = ("layers", "hidden", "heads", "kv_heads", "mlp_width", "vocab", "gated", "tied")
    assert {key: shape.model.description[key] for key in same} == {key: llama.description[key] for key in same}
    assert (shape.n_params, shape.off_by) == (llama.n_params, 0.0)


@pytest.mark.parametrize("vocabulary", [32_000, 128_256])
def test_every_size_from_100m_on_has_a_shape_within_five_percent(vocabulary):
    for n in np.geomspace(1e8, 1e12, 60):
        shape = shape_for(n, vocabulary=vocabulary)
        assert abs(shape.off_by) < 0.05
        assert shape.n_params == int(shape.model.n_params) == pytest.approx(n * (1 + shape.off_by))
        assert shape.model.assumed == ()


def test_parameters_without_embeddings_are_those_of_the_layers():
    llama = get_model("llama-3-8b")
    assert n_non_embedding(llama) == pytest.approx(llama.n_params - 2 * 128_256 * 4096, rel=1e-5)


def test_a_size_that_is_none_is_refused():
    with pytest.raises(InputError, match="N = -1: give a number above 0"):
        shape_for(-1)


# --- the walk over sizes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [100, 230, 400])
@pytest.mark.parametrize("lowest", [200, 253, 300])
def test_the_walk_finds_the_one_hollow_from_wherever_it_starts(start, lowest):
    assert best_place(lambda place: (0.0, abs(place - lowest)), start) == lowest


def test_the_walk_ends_at_the_smallest_size_where_smaller_is_better():
    assert best_place(lambda place: (0.0, float(place)), 250) == 24 * 8


# --- budgets of FLOP: the law alone decides --------------------------------------------------------------


def test_no_size_beats_the_choice_for_a_budget_of_flops_by_a_thousandth():
    asked = problem(budget_flops=1e20)
    best = chosen(asked)
    models = [shape_for(2 ** (place / 8)).model for place in range(220, 261)]
    N = np.array([law_params(model) for model in models])
    D = 1e20 / np.array([float(model.training_flops(8192)) for model in models])
    # Quarters of an octave are tried, and shapes come in whole numbers: FLOPs of a parameter vary by some percent.
    assert best.loss <= np.min(asked.loss_model.loss(N, D)) + 1e-3


def test_the_choice_agrees_with_the_closed_form_of_the_law():
    best = chosen(problem(budget_flops=1e20))
    per_token = float(best.model.training_flops(8192)) / best.n_law
    law = get_law("chinchilla")
    exact = optimal(law.published["besiroglu-2024"], 1e20, flop_per_param_token=per_token)
    # FLOPs per parameter fall with size, which draws the best size up a little.
    assert best.n_law == pytest.approx(exact.N, rel=0.3)
    assert best.loss == pytest.approx(exact.loss, abs=2e-3)


def test_a_budget_of_flops_counts_exact_flops():
    best = chosen(problem(budget_flops=1e20))
    spent = float(best.model.training_flops(8192)) * best.tokens
    step = best.global_batch * 8192 * float(best.model.training_flops(8192))
    assert 0 <= 1e20 - spent < step


def test_the_batch_follows_the_rule_to_a_power_of_two():
    best = chosen(problem(budget_flops=1e20))
    assert best.global_batch * 8192 / best_batch(best.tokens) == pytest.approx(1.0, rel=0.42)


# --- budgets of money and time ---------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [{"budget_dollars": 300.0}, {"budget_seconds": 3 * 86400.0}])
def test_a_fifth_smaller_and_a_quarter_larger_models_are_worse(limit):
    asked = problem(**limit)
    best = chosen(asked)
    for factor in (0.8, 1.25):
        other = asked.best_option_for(shape_for(factor * float(best.model.n_params)).model).training
        assert other is not None or factor > 1  # a larger one may not fit the machine
        assert other is None or best.loss <= other.loss


@pytest.mark.parametrize("kind", ["budget_flops", "budget_dollars", "budget_seconds"])
def test_a_larger_budget_is_never_worse(kind):
    first = {"budget_flops": 3e19, "budget_dollars": 100.0, "budget_seconds": 40_000.0}[kind]
    losses = [chosen(problem(**{kind: first * factor})).loss for factor in (1, 1.5, 3, 10)]
    assert losses == sorted(losses, reverse=True)


def test_constraints_combine_to_the_tighter_and_name_it():
    alone = chosen(problem(budget_seconds=40_000.0))
    both = problem(budget_seconds=40_000.0, budget_dollars=1e6)
    assert chosen(both).loss == pytest.approx(alone.loss, rel=1e-9)
    plan = solve(both)
    assert isinstance(plan, Plan)
    assert plan.seconds <= 40_000.0
    assert [sentence for sentence in plan.binding if sentence.startswith("budget")] == [
        "budget: all of 11.1 h is spent"
    ]


def test_the_plan_spends_the_budget_and_no_more():
    plan = plan_training(EIGHT, budget_dollars=300.0, **BF16)
    assert isinstance(plan, Plan)
    step = plan.dollars / plan.steps
    assert 300 - step <= plan.dollars <= 300
    assert plan.tokens == plan.steps * plan.choice.layout.tokens
    assert plan.dollars == pytest.approx(plan.seconds / 3600 * 8 * EIGHT.price_per_device_hour)


def test_a_model_that_is_given_is_the_one_trained():
    plan = plan_training(EIGHT, budget_flops=1e20, model=get_model("llama-3.2-1b"), seq_len=4096, **BF16)
    assert isinstance(plan, Plan)
    assert (plan.model, plan.choice.layout.seq_len) == ("llama-3.2-1b", 4096)


def test_fp8_is_chosen_for_money_and_not_for_flops():
    """It buys more tokens for money and none for FLOPs, and is taken to cost a quarter of a percent of loss."""
    money = chosen(budget_problem(EIGHT, budget_dollars=300.0, fixed=PLAIN))
    flops = chosen(budget_problem(EIGHT, budget_flops=1e20, fixed=PLAIN))
    assert (money.precision, flops.precision) == ("fp8", "bf16")
    law = float(problem(budget_flops=1e20).loss_model.loss(money.n_law, money.tokens))
    assert money.loss == pytest.approx(law * (1 + FP8_LOSS))
    assert money.loss < chosen(problem(budget_dollars=300.0)).loss


# --- data, serving, targets ------------------------------------------------------------------------------


def test_a_limit_of_data_is_never_better_and_hardly_worse_while_it_lasts():
    free = chosen(problem(budget_flops=1e20))
    losses = [chosen(problem(budget_flops=1e20, data_limit_tokens=free.tokens * f)).loss for f in (0.02, 0.1, 0.5, 2)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[-1] == free.loss


def test_repeated_data_favour_larger_models():
    free = chosen(problem(budget_flops=1e20))
    plan = plan_training(EIGHT, budget_flops=1e20, data_limit_tokens=free.tokens / 20, **BF16)
    assert isinstance(plan, Plan)
    assert plan.n_params > float(free.model.n_params)
    assert plan.forecast["epochs"] == pytest.approx(plan.tokens / (free.tokens / 20))
    assert any(sentence.startswith("data limit: ") for sentence in plan.binding)


def test_lifetime_serving_draws_to_smaller_models_trained_longer():
    plain, served = chosen(problem(budget_flops=1e20)), chosen(problem(budget_flops=1e20, inference_tokens=1e10))
    assert served.model.n_params < plain.model.n_params
    assert served.tokens / served.n_law > plain.tokens / plain.n_law
    flops = FORWARD_FLOP_PER_PARAM * served.n_law * 1e10 + float(served.model.training_flops(8192)) * served.tokens
    assert flops <= 1e20


def test_a_target_is_reached_at_less_than_other_sizes_cost():
    target = chosen(problem(budget_flops=1e20)).loss
    asked = problem(target_loss=target, minimise="flops")
    best = chosen(asked)
    assert best.loss <= target
    assert best.needs()["flops"] == pytest.approx(1e20, rel=0.02)  # whole steps, and batches of other lengths
    for factor in (0.8, 1.25):
        other = asked.best_option_for(shape_for(factor * float(best.model.n_params)).model).training
        assert other is not None
        assert best.needs()["flops"] <= other.needs()["flops"]


def test_what_a_target_takes_is_a_budget_that_reaches_it():
    cheapest = chosen(problem(target_loss=2.6))
    dollars = cheapest.needs()["dollars"]
    assert chosen(problem(budget_dollars=dollars)).loss <= 2.6 + 1e-6


def test_with_serving_a_target_is_reached_by_a_smaller_model():
    plain = chosen(problem(target_loss=2.6))
    served = chosen(problem(target_loss=2.6, inference_tokens=1e12))
    assert served.model.n_params < plain.model.n_params
    assert served.needs()["dollars"] > plain.needs()["dollars"]


# --- no plan ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"budget_flops": 1e10}, "budget: one step takes"),
        ({"budget_dollars": 50.0, "target_loss": 2.4}, "budget: a loss of 2.4 takes"),
        ({"budget_dollars": 50.0, "target_loss": 1.8}, "target loss: 1.8 cannot be reached"),
    ],
)
def test_the_nearest_feasible_change_makes_a_plan(asked, sentence):
    answer = solve(problem(**asked))
    assert isinstance(answer, Infeasible)
    assert answer.reasons[0].startswith(sentence)
    assert isinstance(solve(problem(**{**asked, **answer.change})), Plan)


def test_the_nearest_feasible_budget_is_the_least():
    asked = {"budget_dollars": 50.0, "target_loss": 2.4}
    answer = solve(problem(**asked))
    assert isinstance(answer, Infeasible)
    short = problem(**{**asked, "budget_dollars": 0.98 * answer.change["budget_dollars"]})
    assert short.best.rank[0] != FINE


def test_a_target_below_the_floor_names_what_a_year_reaches():
    answer = solve(problem(target_loss=1.0))
    assert isinstance(answer, Infeasible)
    assert "no size and no data pass below 1.817" in answer.reasons[0]
    assert 1.9 < answer.change["target_loss"] < 2.3


@pytest.mark.slow
def test_a_model_that_does_not_fit_is_answered_by_what_would():
    answer = plan_training(EIGHT, budget_flops=1e24, model=get_model("llama-3.1-405b"), precision="bf16")
    assert isinstance(answer, Infeasible)
    assert "none fits" in answer.reasons[0]
    assert answer.change


# --- laws and fits ---------------------------------------------------------------------------------------


def test_what_a_fit_takes_out_of_forecasts_the_planned_loss_lacks_too():
    fit = replace(planted_fit(), bias=0.01)
    planned = loss_model_of(fit)
    assert planned.loss(7e10, 1e12) == fit.predict(N=7e10, D=1e12).mean < planted_fit().predict(N=7e10, D=1e12).mean
    tokens = planned.tokens_for(7e10, 1.95)
    assert fit.predict(N=7e10, D=tokens).mean == pytest.approx(1.95)


def test_an_unlucky_law_foretells_no_less_loss_than_the_median():
    models = {q: loss_model_of(planted_fit(), quantile=q) for q in (0.1, 0.5, 0.9)}
    N, D = np.geomspace(1e7, 1e10, 5), np.geomspace(1e9, 1e12, 5)
    losses = [models[q].loss(N, D) for q in (0.1, 0.5, 0.9)]
    assert np.all(np.diff(losses, axis=0) > 0)


def test_planning_for_an_unlucky_law_expects_more_loss():
    plans = [plan_training(EIGHT, fit=planted_fit(), budget_flops=1e20, quantile=q, **BF16) for q in (0.5, 0.9)]
    median, unlucky = (plan for plan in plans if isinstance(plan, Plan))
    assert unlucky.forecast["loss"] >= median.forecast["loss"]
    lo, hi = unlucky.forecast["interval"]
    assert lo < unlucky.forecast["law_value"] < hi


def test_a_published_law_says_what_its_interval_leaves_out():
    plan = solve(problem(budget_flops=1e20))
    assert isinstance(plan, Plan)
    lo, hi = plan.forecast["interval"]
    assert lo < plan.forecast["loss"] < hi
    assert any("was not published" in sentence for sentence in plan.forecast["warnings"])
    assert any("MassiveText" in sentence for sentence in plan.assumptions)


def test_effective_tokens_are_those_of_the_composed_law():
    law = get_law("chinchilla")
    composed = law.replacing(D=get_law("repeated-tokens"))
    params = {**law.published["besiroglu-2024"], **get_law("repeated-tokens").published["muennighoff-2023"]}
    mine = loss_model_of("chinchilla", unique_tokens=1e10).loss(1e9, 8e10)
    assert float(mine) == pytest.approx(float(composed(N=1e9, D=8e10, U=1e10, **params)), rel=1e-12)


def test_tokens_for_a_loss_invert_the_law():
    loss_model = loss_model_of("chinchilla", unique_tokens=1e11)
    assert loss_model.tokens_for(7e9, float(loss_model.loss(7e9, 3e11))) == pytest.approx(3e11, rel=1e-4)
    assert loss_model.tokens_for(7e9, loss_model.floor(7e9) - 1e-6) is None


# --- words -----------------------------------------------------------------------------------------------


def test_json_of_a_budget_has_exactly_the_promised_keys():
    plan = solve(problem(budget_flops=1e20))
    none = solve(problem(budget_flops=1e10))
    assert set(plan.to_dict()) == set(none.to_dict()) == KEYS
    assert plan.to_dict()["choice"].keys() >= {"N", "D", "steps", "learning_rate", "batch_tokens", "precision"}
    assert none.to_dict()["nearest_feasible"]["change"].keys() == {"budget_flops"}


def test_assumptions_name_law_shape_flops_and_serving_with_effects():
    plan = solve(problem(budget_flops=1e20, inference_tokens=1e10))
    assert isinstance(plan, Plan)
    heads = {sentence.partition(":")[0] for sentence in plan.assumptions}
    assert heads >= {"law", "shape", "learning rate", "batch", "FLOPs", "serving", "checkpoints", "price"}
    serving = next(s for s in plan.assumptions if s.startswith("serving"))
    assert "requests twice as long would take" in serving


def test_half_and_twice_the_size_are_among_the_runners_up():
    plan = solve(problem(budget_flops=1e20))
    assert isinstance(plan, Plan)
    sized = [one.why for one in plan.runners_up if one.why.startswith("decoder-")]
    assert len(sized) == 2
    assert all("instead of" in why for why in sized)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "nothing to plan by"),
        ({"budget_flops": -1.0}, "budget of flops = -1: give a number above 0"),
        ({"target_loss": 0.0}, "target loss = 0: give a number above 0"),
        ({"budget_seconds": 1e5, "inference_tokens": 1e12}, "take no training time"),
        ({"budget_flops": 1e20, "quantile": 0.9}, "has no draws"),
        ({"budget_flops": 1e20, "quantile": 1.5}, "quantile = 1.5: give a share"),
        ({"budget_flops": 1e20, "data_limit_tokens": 0.0}, "data limit = 0"),
        ({"budget_flops": 1e20, "fit": "power"}, "power is a law of C"),
        ({"budget_flops": 1e20, "fit": "step-law-lr"}, "gives a learning rate, no loss"),
        ({"budget_flops": 1e20, "fit": "kaplan-floor"}, "has no published constants"),
        ({"budget_flops": 1e20, "fit": "chinchilla:x"}, "has no constants 'x': give one of"),
        ({"budget_flops": 1e20, "global_batch": -2}, "global_batch = -2"),
    ],
)
def test_bad_input_is_named_with_its_remedy(asked, sentence):
    with pytest.raises(InputError, match=sentence):
        plan_training(EIGHT, **asked)


def test_dollars_are_refused_where_a_device_costs_nothing():
    with pytest.raises(InputError, match="has a price of 0"):
        plan_training(replace(EIGHT, price_per_device_hour=0.0), budget_dollars=10.0)
