"""What is asked of the planner: a training of given tokens, or of what a budget or a target loss decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.assumptions import precision_name
from froude.errors import InputError
from froude.planning.plans import Infeasible, Plan
from froude.planning.training.batches import batch_effects
from froude.planning.training.explanation import forecast_loss
from froude.planning.training.fewest import fewest_devices
from froude.planning.training.lifetime import LifetimeLoad
from froude.planning.training.loss_model import LossSource
from froude.planning.training.on_adapters import plan_adapters
from froude.planning.training.on_budget import budget_problem, settings, solve
from froude.planning.training.on_tokens import plan_layout
from froude.planning.training.rules import rule_assumptions
from froude.planning.training.size_options import BudgetProblem, Spent
from froude.planning.training.trade_offs import LENGTHS, pareto_front

USUAL_LAW = "chinchilla"
"""Law of the loss where nobody names one."""


@final
@dataclass(frozen=True, kw_only=True)
class TrainingQuestion:
    """All that a plan is asked by, in plain numbers; amounts are in FLOP, dollars, seconds and tokens.

    `settled` is what of a layout is not to be chosen: `seq_len`, `global_batch`, `fixed`, `memory_certainty` and
    `tolerance`, as `plan_layout` takes them. With `auto` the number of devices is looked for; an `adapter` is
    trained in place of the whole model.
    """

    machine: Machine
    model: Model | None
    settled: Mapping[str, Any]
    tokens: float | None = None
    budget: Mapping[str, float | None] = field(default_factory=dict)
    target_loss: float | None = None
    minimise: Spent | None = None
    fit: LossSource | None = None
    inference_tokens: float = 0.0
    load: LifetimeLoad | None = None
    data_limit_tokens: float | None = None
    quantile: float | None = None
    pareto: bool = False
    auto: bool = False
    adapter: str | None = None

    def answer(self, pins: Mapping[str, Any]) -> Plan | Infeasible:
        """The plan with further pins, those of the user first, or why there is none."""
        settled = {**self.settled, "fixed": {**pins, **self.settled["fixed"]}}
        asked = replace(self, settled=settled)
        self._refuse_beside_adapters()
        if self.tokens is None:
            return asked._of_budget()
        if self.model is None:
            raise InputError("tokens say how long, not what: give a model too, or a budget in place of tokens")
        self._refuse_beside_tokens()
        return asked._fewest(self.model, self.tokens) if self.auto else asked._of_tokens(self.model, self.tokens)

    def _of_budget(self) -> Plan | Infeasible:
        problem = budget_problem(
            self.machine,
            USUAL_LAW if self.fit is None else self.fit,
            budget_flops=self.budget["FLOP"],
            budget_dollars=self.budget["dollars"],
            budget_seconds=self.budget["seconds"],
            target_loss=self.target_loss,
            minimise=self.minimise or self._usually_minimised(),
            model=self.model,
            inference_tokens=self.inference_tokens,
            load=self.load,
            data_limit_tokens=self.data_limit_tokens,
            quantile=self.quantile,
            **self.settled,
        )
        return _with_front(problem, solve(problem), LENGTHS) if self.pareto else solve(problem)

    def _of_tokens(self, model: Model, tokens: float) -> Plan | Infeasible:
        limits: dict[str, Any] = {"deadline_seconds": self.budget["seconds"], "budget_dollars": self.budget["dollars"]}
        if self.adapter is not None:
            return plan_adapters(model, self.machine, self.adapter, tokens=tokens, **self.settled, **limits)
        plan = plan_layout(model, self.machine, tokens=tokens, **self.settled, **limits)
        return plan if isinstance(plan, Infeasible) else self._with_loss(plan, model)

    def _fewest(self, model: Model, tokens: float) -> Plan | Infeasible:
        if (within := self.budget["seconds"]) is None:
            raise InputError('devices auto: say in which time it must end, as in --within "30 days"')
        problem = self._problem(model, flops=1.0, **self.settled)
        free = replace(self, budget={**self.budget, "seconds": None})
        return fewest_devices(
            model,
            problem.finder,
            tokens=tokens,
            within_seconds=within,
            plan_on=lambda machine: replace(free, machine=machine)._of_tokens(model, tokens),
        )

    def _with_loss(self, plan: Plan, model: Model) -> Plan | Infeasible:
        """The plan with its learning rate, other batches, its loss by a fit that is named, and the front around it."""
        layout, precision = plan.choice.layout, precision_name(plan.choice.layout.precision)
        sizes = {"seq_len": int(layout.seq_len), "global_batch": int(layout.global_batch)}
        flops = float(model.training_flops(layout.seq_len)) * plan.steps * float(layout.tokens)
        problem = self._problem(model, flops, **{**self.settled, **sizes})
        by_rule = self.settled["global_batch"] is None
        plan = replace(
            plan,
            chosen={**plan.chosen, **settings(model, plan.tokens)},
            batches=batch_effects(plan, model, problem.finder, precision),
            assumptions=(*plan.assumptions, *rule_assumptions(model, plan.tokens, is_batch_by_rule=by_rule)),
        )
        if self.fit is not None:
            plan = replace(
                plan,
                forecast=forecast_loss(problem.loss_model, model, plan.tokens, precision),
                assumptions=(*problem.loss_model.assumptions(), *plan.assumptions),
            )
        return _with_front(problem, plan, (1.0,)) if self.pareto else plan

    def _problem(self, model: Model, flops: float, **settled: Any) -> BudgetProblem:
        law = USUAL_LAW if self.fit is None else self.fit
        return budget_problem(self.machine, law, model=model, budget_flops=flops, **settled)

    def _usually_minimised(self) -> Spent:
        """FLOPs where they are the only budget, else dollars."""
        alone = self.budget["FLOP"] is not None and self.budget["dollars"] is None and self.budget["seconds"] is None
        return "flops" if alone else "dollars"

    def _refuse_beside_adapters(self) -> None:
        """InputError for what is not planned of adapters."""
        if self.adapter is None:
            return
        if self.tokens is None:
            raise InputError(f"adapter {self.adapter}: say on how many tokens, as in --tokens 100M")
        if self.auto or self.pareto or self.fit is not None:
            asked = "devices auto" if self.auto else "pareto" if self.pareto else "fit"
            raise InputError(f"adapter {self.adapter}: {asked} is for the training of a whole model: leave one out")

    def _refuse_beside_tokens(self) -> None:
        """InputError for what would decide the tokens that are given."""
        if self.budget["FLOP"] is not None:
            raise InputError("tokens and a budget of FLOP both say how long: give one of them")
        deciding = {
            "target loss": self.target_loss,
            "inference tokens": self.inference_tokens or None,
            "serve load": self.load and self.load.per_second,
            "data limit": self.data_limit_tokens,
            "quantile": self.quantile,
        }
        for name, value in deciding.items():
            if value is not None:
                raise InputError(f"{name} {value:g} is for choosing tokens, and tokens are given: leave one out")


def _with_front(problem: BudgetProblem, plan: Plan | Infeasible, lengths: tuple[float, ...]) -> Plan | Infeasible:
    front = pareto_front(problem, plan, lengths=lengths) if isinstance(plan, Plan) else ()
    return replace(plan, front=front)
