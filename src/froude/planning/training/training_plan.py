"""The front door of training: what is asked, on a machine, to the plan that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from froude.bounds import MOST_DEVICES, whole_number
from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.machine import Machine
from froude.cost.model.catalogue import get_model
from froude.cost.model.model import Model
from froude.cost.stack.known_stacks import get_stack
from froude.cost.stack.stack import Stack
from froude.cost.training.names import by_field
from froude.errors import InputError
from froude.planning.emit.fitting import check_framework, plan_for
from froude.planning.layouts.nearest import larger
from froude.planning.layouts.simplicity import TOLERANCE
from froude.planning.plans import Infeasible, Plan
from froude.planning.recipes.catalogue import get_recipe
from froude.planning.training.fewest import AUTO
from froude.planning.training.lifetime import read_lifetime_load
from froude.planning.training.loss_model import LossSource
from froude.planning.training.question import TrainingQuestion
from froude.planning.training.size_options import Spent
from froude.provenance import recorded
from froude.quantity import read_quantity


@recorded
def plan_training(
    machine: Machine | str | None = None,
    model: Model | str | None = None,
    *,
    tokens: float | str | None = None,
    budget_flops: float | str | None = None,
    budget_dollars: float | str | None = None,
    budget_seconds: float | str | None = None,
    target_loss: float | None = None,
    minimise: Spent | None = None,
    fit: LossSource | None = None,
    inference_tokens: float | str = 0.0,
    serve_load: float | str | None = None,
    serve_input: float | str | None = None,
    serve_output: float | str | None = None,
    serve_years: float | None = None,
    data_limit_tokens: float | str | None = None,
    quantile: float | None = None,
    seq_len: int | None = None,
    global_batch: int | None = None,
    precision: str | None = None,
    fixed: Mapping[str, Any] | None = None,
    framework: str | None = None,
    stack: Stack | str | None = None,
    recipe: str | None = None,
    devices: int | Literal["auto"] | None = None,
    adapter: str | None = None,
    memory_certainty: float | None = None,
    tolerance: float = TOLERANCE,
    pareto: bool = False,
) -> Plan | Infeasible:
    """The best training on a machine: of a model on so many tokens, or of what budgets buy or a target loss asks for.

    With `tokens` the layout is chosen, dollars and seconds being limits; a `fit` that is named forecasts the loss.
    Without them the tokens are chosen too, and the size unless a `model` is given: the least loss of the `fit` (a law
    by its name with published constants too, "chinchilla" where none is named) within all budgets, or a `target_loss`
    at the least `minimise`, dollars unless the only budget is of FLOPs. `inference_tokens`, `data_limit_tokens` and
    `quantile` are explained at `budget_problem`. A `serve_load` ("20/s", or requests a second) of `serve_input` and
    `serve_output` tokens is served for `serve_years` (1) by whole devices of the machine's chip: their dollars and
    FLOPs count in the budget, so that size and tokens follow from the load. `memory_certainty` and `tolerance` are
    explained at `plan_layout`. `fixed` pins
    fields of `Layout`, by the names tp, pp, cp and ep too. With a `framework` the plan is one that it can express, and
    `changes` say what was changed for it. `stack` is the software that trains, as `get_stack` reads it: that of the
    `framework` where none is named, else the interval spans the likely ones. A `recipe` is a published training by
    name: its facts hold where nothing else is given. `devices` are in place of the machine's; "auto" asks for the
    fewest with which `tokens` are trained within `budget_seconds`. An `adapter`, as `fine_tune_cost` takes it, is
    trained in place of the whole model. With `pareto` the answer holds the front of what could be had instead. Machine
    and model may be texts, as `get_machine` and `get_model` read them, and amounts quantities: "1T", "30 days", "$3M".

    InputError for numbers out of range, and for what does not go together.
    """
    asked = dict(locals())
    check_framework(framework)
    if framework is not None and adapter is not None:
        raise InputError(f"framework {framework}: configurations of adapters are not written: leave one out")
    question, said = _question(asked)
    plan = question.answer({}) if framework is None else plan_for(framework, question.answer)
    return replace(plan, assumptions=(*said, *plan.assumptions))


def _question(asked: Mapping[str, Any]) -> tuple[TrainingQuestion, tuple[str, ...]]:
    """The question that the arguments of `plan_training` ask, and sentences on the facts of a recipe."""
    told = _by_recipe(asked)
    if told["machine"] is None:
        raise InputError('no machine: give one, as "1024 x h100", or a recipe, which names its own')
    machine, model = _given(told["machine"], told["model"])
    devices, precision = asked["devices"], told["precision"]
    fixed = {**told["fixed"], **({} if precision is None else {"precision": precision}), **_stack_of(asked)}
    plain = ("target_loss", "minimise", "fit", "quantile", "pareto", "adapter")
    question = TrainingQuestion(
        machine=machine if devices in (None, AUTO) else _with_devices(machine, devices),
        model=model,
        settled={
            "fixed": fixed,
            **{name: told[name] for name in ("seq_len", "global_batch")},
            **{name: asked[name] for name in ("memory_certainty", "tolerance")},
        },
        tokens=_amount(told["tokens"], "count"),
        budget={
            kind: _amount(asked[name], kind)
            for kind, name in (("FLOP", "budget_flops"), ("dollars", "budget_dollars"), ("seconds", "budget_seconds"))
        },
        inference_tokens=_amount(asked["inference_tokens"], "count") or 0.0,
        load=read_lifetime_load(
            asked["serve_load"],
            _amount(asked["serve_input"], "count"),
            _amount(asked["serve_output"], "count"),
            asked["serve_years"],
        ),
        data_limit_tokens=_amount(asked["data_limit_tokens"], "count"),
        auto=devices == AUTO,
        **{name: asked[name] for name in plain},
    )
    return question, told["sentences"]


def _stack_of(asked: Mapping[str, Any]) -> dict[str, Stack]:
    """The stack that is named, or that of the framework that the plan is written for."""
    named = asked["stack"] or asked["framework"]
    return {} if named is None else {"stack": get_stack(named) if isinstance(named, str) else named}


def _by_recipe(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked, with the facts of a recipe where nothing is, and sentences on these.

    Where a budget of FLOP or a target decides the tokens, the recipe's are left out.
    """
    said = {name: asked[name] for name in ("machine", "model", "tokens", "seq_len", "global_batch", "precision")}
    fixed = by_field(asked["fixed"] or {})
    if asked["recipe"] is None:
        return {**said, "fixed": fixed, "sentences": ()}
    published = get_recipe(asked["recipe"])
    stated = published.settings(given=fixed)
    decided = asked["budget_flops"] is not None or asked["target_loss"] is not None
    facts = {
        "machine": published.machine,
        "model": published.model,
        "tokens": None if decided else published.tokens,
        "seq_len": stated.seq_len,
        "global_batch": stated.global_batch,
        "precision": stated.precision,
    }
    told = {name: facts[name] if value is None else value for name, value in said.items()}
    return {**told, "fixed": dict(stated.fixed), "sentences": tuple(published.sentences())}


def _given(machine: Machine | str, model: Model | str | None) -> tuple[Machine, Model | None]:
    """Machine and model, those that are texts read. InputError where they are swapped."""
    if isinstance(machine, Model) or isinstance(model, Machine):
        raise InputError("plan_training takes the machine first, then the model: write plan_training(machine, model)")
    here = get_machine(machine) if isinstance(machine, str) else machine
    return here, get_model(model) if isinstance(model, str) else model


def _with_devices(machine: Machine, devices: Any) -> Machine:
    return larger(machine, whole_number("devices", devices, 1, MOST_DEVICES))


def _amount(written: float | str | None, kind: str) -> float | None:
    """An amount, read where it is a text; None where nothing is said."""
    return None if written is None else read_quantity(written, kind)
