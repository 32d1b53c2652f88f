"""One size of model under a budget or for a target loss: its layout, tokens, loss and price, and how good that is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, final

from froude.cost.model.model import Model
from froude.fitting.allocation import FLOP_PER_PARAM_TOKEN
from froude.planning.plans import LayoutCandidate
from froude.planning.training.budgets import Budget, Price, serving_flops, tariff
from froude.planning.training.layout_finder import LayoutFinder, loss_factor
from froude.planning.training.loss_model import LossModel
from froude.planning.training.shapes import VOCABULARY, shape_for
from froude.planning.training.size_grid import PER_OCTAVE, Worth, best_size, place_of, size_at

Spent = Literal["dollars", "seconds", "flops"]

FINE, OVER, OUT_OF_REACH, TOO_LARGE = 0.0, 1.0, 2.0, 3.0
"""What a trial is, best first: within all limits; beyond one; of a size that no data bring to the target; of a size of
which no layout fits."""

NEIGHBOURS = (0.8, 1.25)
"""Sizes beside a choice that are tried last, over its own."""

LONG_TOKENS = 1e12
"""Tokens by which a batch is chosen where it does not matter how many there are."""

_ROUNDING = 1e-9  # relative, of sums of floats
_ROUNDS = 4  # in which batch and tokens settle: the batch grows slowly with the tokens
_USUAL_MFU = 0.4  # from which the first guess of tokens is made, and nothing else
_USUAL_RATIO = 20.0  # tokens per parameter, from which the walk over sizes starts


@final
@dataclass(frozen=True, kw_only=True)
class SizeOption:
    """A model of one size in one precision. `layout` is its best candidate, empty where none fits.

    `loss` is what is planned for, what the precision may cost included. `worth` orders trials: `FINE` and what is to be
    least, `OVER` and the overshoot, `OUT_OF_REACH` and how far, `TOO_LARGE` and the bytes.
    """

    model: Model
    precision: str
    worth: Worth
    layout: tuple[LayoutCandidate, ...] = ()
    price: tuple[Price, ...] = ()
    tokens: float = 0.0
    loss: float = float("inf")

    @property
    def global_batch(self) -> int:
        """Sequences a step."""
        return int(self.layout[0].layout.global_batch)

    @property
    def n_law(self) -> float:
        """The law's N."""
        return counted(self.model)

    def needs(self) -> dict[str, float]:
        """FLOPs, dollars and seconds that it takes."""
        return self.price[0].needs(self.tokens)


@final
@dataclass(frozen=True, kw_only=True)
class BudgetProblem:
    """What is asked: the least loss within a purse, or with a `target` (nan: none) the least spent to reach it.

    `model` is the one to train; where it is empty the size is free, of the family of shapes with this vocabulary.
    """

    rates: LayoutFinder
    belief: LossModel
    purse: Budget
    target: float = float("nan")
    minimise: Spent = "dollars"
    model: tuple[Model, ...] = ()
    vocabulary: int = VOCABULARY
    tried: dict[float, SizeOption] = field(default_factory=dict, repr=False)

    @property
    def has_target(self) -> bool:
        """Whether a loss is to be reached."""
        return not math.isnan(self.target)

    @cached_property
    def best(self) -> SizeOption:
        """The trial of the model given, or the best of all sizes: none a fifth smaller or a quarter larger beats it."""
        if self.model:
            return self.trial_of(self.model[0])
        best = self.sized(size_at(best_size(lambda place: self.sized(size_at(place)).worth, start_of(self))))
        while (beside := min(self.beside(best, NEIGHBOURS), key=lambda trial: trial.worth)).worth < best.worth:
            best = beside
        return best

    def sized(self, n_params: float) -> SizeOption:
        """The trial of the family's shape of a size."""
        if n_params not in self.tried:
            shape = shape_for(n_params, vocabulary=self.vocabulary, context=self.rates.seq_len)
            self.tried[n_params] = self.trial_of(shape.model)
        return self.tried[n_params]

    def beside(self, trial: SizeOption, factors: tuple[float, ...]) -> list[SizeOption]:
        """Trials of sizes that are multiples of another's, none where the model is given."""
        return [] if self.model else [self.sized(factor * float(trial.model.n_params)) for factor in factors]

    def trial_of(self, model: Model) -> SizeOption:
        """The trial of a model in its best precision."""
        return min(self.trials_of(model), key=lambda trial: trial.worth)

    def trials_of(self, model: Model) -> Iterator[SizeOption]:
        """The trials of a model in every precision."""
        for precision in self.rates.precisions:
            yield tried(self, model, precision)


def counted(model: Model) -> float:
    """The law's N: parameters that a token passes, the output head counted.

    They are all parameters of a dense model whose head shares the embedding's. A table of its own for the input, or
    experts that rest, would else count as size without costing compute.
    """
    return float(model.n_active)


def tried(problem: BudgetProblem, model: Model, precision: str) -> SizeOption:
    """A model in one precision under the problem's limits."""
    if not problem.has_target:
        return _made(problem, model, precision, _settled_batch(problem, model, precision))
    rates, target = problem.rates, problem.target / loss_factor(precision)
    tokens = problem.belief.tokens_for(counted(model), target)
    if math.isfinite(tokens):
        return _made(problem, model, precision, rates.legal_batch(model, tokens, precision), tokens)
    found = rates.found(model, rates.legal_batch(model, LONG_TOKENS, precision), precision)
    short = problem.belief.floor(counted(model)) - target
    worth = (OUT_OF_REACH, short) if found.best else (TOO_LARGE, _least_bytes(found.least))
    return SizeOption(model=model, precision=precision, worth=worth)


def _made(problem: BudgetProblem, model: Model, precision: str, batch: int, wanted: float = math.inf) -> SizeOption:
    """The trial of a batch on the tokens wanted, or without a target on all that the limits allow, in whole steps.

    Where the limits do not allow a step, it has one, and is over them.
    """
    rates, purse = problem.rates, problem.purse
    found = rates.found(model, batch, precision)
    if not found.best:
        return SizeOption(model=model, precision=precision, worth=(TOO_LARGE, _least_bytes(found.least)))
    price = tariff(model, found.best[0], rates, purse)
    step = batch * rates.seq_len
    steps = math.ceil(wanted / step) if problem.has_target else whole_steps(price.tokens_within(purse), step)
    tokens = float(steps * step)
    loss = float(problem.belief.loss(counted(model), tokens)) * loss_factor(precision)
    over = price.overshoot(tokens, purse)
    spent = price.needs(tokens)[problem.minimise] if problem.has_target else loss
    return SizeOption(
        model=model,
        precision=precision,
        worth=(FINE, spent) if over <= 1 + _ROUNDING else (OVER, over),
        layout=found.best,
        price=(price,),
        tokens=tokens,
        loss=loss,
    )


def whole_steps(tokens: float, step: float) -> int:
    """Whole steps of so many tokens, at least one."""
    return max(math.floor(tokens / step * (1 + _ROUNDING)), 1)


def _settled_batch(problem: BudgetProblem, model: Model, precision: str) -> int:
    """The batch that the tokens ask for which the limits allow at the speed of that batch."""
    rates, tokens = problem.rates, _first_guess(problem, model)
    batch = rates.legal_batch(model, tokens, precision)
    for _ in range(_ROUNDS):
        found = rates.found(model, batch, precision)
        if not found.best:
            break
        tokens = tariff(model, found.best[0], rates, problem.purse).tokens_within(problem.purse)
        before, batch = batch, rates.legal_batch(model, tokens, precision)
        if batch == before:
            break
    return batch


def start_of(problem: BudgetProblem) -> int:
    """Where to start looking for the best size: twenty tokens a parameter, or a little above the least that will do."""
    if not problem.has_target:
        return place_of(max(math.sqrt(_flops_allowed(problem) / FLOP_PER_PARAM_TOKEN / _USUAL_RATIO), 1.0))
    place = place_of(2.0**24)
    while place < place_of(2.0**44) and problem.belief.floor(size_at(place)) >= problem.target:
        place += PER_OCTAVE
    return place + PER_OCTAVE


def _first_guess(problem: BudgetProblem, model: Model) -> float:
    """Tokens that the limits would allow at a usual speed."""
    served = serving_flops(model, problem.purse.inference_tokens)
    return max(_flops_allowed(problem) - served, 0.0) / float(model.training_flops(problem.rates.seq_len))


def _flops_allowed(problem: BudgetProblem) -> float:
    """FLOPs that the limits allow at a usual speed."""
    machine, purse = problem.rates.machine, problem.purse
    speed = _USUAL_MFU * max(machine.chip.peak_flops.values()) * machine.devices
    dollars_per_second = machine.dollars(1.0)
    seconds = min(purse.seconds, purse.dollars / dollars_per_second if dollars_per_second else math.inf)
    return min(purse.flops, speed * seconds)


def _least_bytes(least: tuple[LayoutCandidate, ...]) -> float:
    return float(least[0].cost.memory.total) if least else math.inf
