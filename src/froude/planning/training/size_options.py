"""One size of model under a budget or for a target loss: its layout, tokens, loss and price, and how good that is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, final

from froude.cost.model.model import Model
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN
from froude.planning.layouts.layout_search import FoundLayouts
from froude.planning.layouts.simplicity import TOLERANCE
from froude.planning.plans import LayoutCandidate
from froude.planning.training.budgets import Budget, Price, price_of, serving_flops
from froude.planning.training.layout_finder import LayoutFinder, loss_factor
from froude.planning.training.loss_model import LossModel
from froude.planning.training.shapes import VOCABULARY, shape_for
from froude.planning.training.size_grid import PER_OCTAVE, Rank, best_place, place_of, size_at

Spent = Literal["dollars", "seconds", "flops"]

FINE, OVER, OUT_OF_REACH, TOO_LARGE = 0.0, 1.0, 2.0, 3.0
"""What an option is, best first: within all limits; beyond one; of a size that no data bring to the target; of a size
of which no layout fits."""

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
class SizedTraining:
    """A training of a model in one precision and layout: its price, its tokens in whole steps, and its loss.

    `loss` is what is planned for, what the precision may cost included.
    """

    model: Model
    precision: str
    candidate: LayoutCandidate
    price: Price
    tokens: float
    loss: float

    @property
    def global_batch(self) -> int:
        """Sequences a step."""
        return int(self.candidate.layout.global_batch)

    @property
    def n_law(self) -> float:
        """The law's N."""
        return law_params(self.model)

    def needs(self) -> dict[str, float]:
        """FLOPs, dollars and seconds of training and serving."""
        return self.price.needs(self.tokens)


@final
@dataclass(frozen=True, kw_only=True)
class SizeOption:
    """A model of one size in one precision, and its training, None where there is none under the problem.

    `rank` orders options: `FINE` and what is to be least, `OVER` and the overshoot, `OUT_OF_REACH` and how far,
    `TOO_LARGE` and the bytes.
    """

    model: Model
    precision: str
    rank: Rank
    training: SizedTraining | None = None


@final
@dataclass(frozen=True, kw_only=True)
class BudgetProblem:
    """What is to be planned: the least loss within a budget, or with a `target` the least spent to reach that loss.

    `model` is the one to train; where it is None the size is free, of the family of shapes with this vocabulary.
    `sizes` are the options that were computed, by parameters. The last search, over all layouts, is for a certainty
    that memory suffices (None: what is aimed at) and a tolerance in favour of simplicity.
    """

    finder: LayoutFinder
    loss_model: LossModel
    budget: Budget
    target: float | None = None
    minimise: Spent = "dollars"
    model: Model | None = None
    vocabulary: int = VOCABULARY
    memory_certainty: float | None = None
    tolerance: float = TOLERANCE
    sizes: dict[float, SizeOption] = field(default_factory=dict, repr=False)

    @cached_property
    def best(self) -> SizeOption:
        """The option of the model given, or of the best size: none a fifth smaller or a quarter larger beats it."""
        if self.model is not None:
            return self.best_option_for(self.model)
        best = self.option_of_size(size_at(best_place(self._rank_at, first_place(self))))
        while (
            beside := min(self.options_beside(best.model, NEIGHBOURS), key=lambda option: option.rank)
        ).rank < best.rank:
            best = beside
        return best

    def option_of_size(self, n_params: float) -> SizeOption:
        """The option of the family's shape of a size."""
        if n_params not in self.sizes:
            shape = shape_for(n_params, vocabulary=self.vocabulary, context=self.finder.seq_len)
            self.sizes[n_params] = self.best_option_for(shape.model)
        return self.sizes[n_params]

    def options_beside(self, model: Model, factors: tuple[float, ...]) -> list[SizeOption]:
        """Options of sizes that are multiples of a model's, none where the model is given."""
        if self.model is not None:
            return []
        return [self.option_of_size(factor * float(model.n_params)) for factor in factors]

    def best_option_for(self, model: Model) -> SizeOption:
        """The option of a model in its best precision."""
        return min(self.options_for(model), key=lambda option: option.rank)

    def options_for(self, model: Model) -> Iterator[SizeOption]:
        """The options of a model in every precision."""
        for precision in self.finder.precisions:
            yield size_option(self, model, precision)

    def _rank_at(self, place: int) -> Rank:
        return self.option_of_size(size_at(place)).rank


def law_params(model: Model) -> float:
    """The law's N: parameters that a token passes, the output head counted.

    They are all parameters of a dense model whose head shares the embedding's. A table of its own for the input, or
    experts that rest, would else count as size without costing compute.
    """
    return float(model.n_active)


def size_option(problem: BudgetProblem, model: Model, precision: str) -> SizeOption:
    """A model in one precision under the problem's limits."""
    if problem.target is None:
        return _train(problem, model, precision, _settled_batch(problem, model, precision))
    finder, target = problem.finder, problem.target / loss_factor(precision)
    tokens = problem.loss_model.tokens_for(law_params(model), target)
    if tokens is not None:
        return _train(problem, model, precision, finder.legal_batch(model, tokens, precision), tokens)
    layouts = finder.layouts(model, finder.legal_batch(model, LONG_TOKENS, precision), precision)
    short = problem.loss_model.floor(law_params(model)) - target
    rank = (OUT_OF_REACH, short) if layouts.best else (TOO_LARGE, _least_bytes(layouts))
    return SizeOption(model=model, precision=precision, rank=rank)


def _train(problem: BudgetProblem, model: Model, precision: str, batch: int, wanted: float | None = None) -> SizeOption:
    """The option of a batch on the tokens wanted, or without a target on all that the limits allow, in whole steps.

    Where the limits do not allow a step, it has one, and is over them.
    """
    finder, budget = problem.finder, problem.budget
    layouts = finder.layouts(model, batch, precision)
    if not layouts.best:
        return SizeOption(model=model, precision=precision, rank=(TOO_LARGE, _least_bytes(layouts)))
    price = price_of(model, layouts.best[0], finder, budget)
    step = batch * finder.seq_len
    steps = whole_steps(price.tokens_within(budget), step) if wanted is None else math.ceil(wanted / step)
    tokens = float(steps * step)
    training = SizedTraining(
        model=model,
        precision=precision,
        candidate=layouts.best[0],
        price=price,
        tokens=tokens,
        loss=float(problem.loss_model.loss(law_params(model), tokens)) * loss_factor(precision),
    )
    over = price.overshoot(tokens, budget)
    spent = training.loss if problem.target is None else training.needs()[problem.minimise]
    rank = (FINE, spent) if over <= 1 + _ROUNDING else (OVER, over)
    return SizeOption(model=model, precision=precision, rank=rank, training=training)


def whole_steps(tokens: float, step: float) -> int:
    """Whole steps of so many tokens, at least one."""
    return max(math.floor(tokens / step * (1 + _ROUNDING)), 1)


def _settled_batch(problem: BudgetProblem, model: Model, precision: str) -> int:
    """The batch that the tokens ask for which the limits allow at the speed of that batch."""
    finder, tokens = problem.finder, _first_guess(problem, model)
    batch = finder.legal_batch(model, tokens, precision)
    for _ in range(_ROUNDS):
        layouts = finder.layouts(model, batch, precision)
        if not layouts.best:
            break
        tokens = price_of(model, layouts.best[0], finder, problem.budget).tokens_within(problem.budget)
        before, batch = batch, finder.legal_batch(model, tokens, precision)
        if batch == before:
            break
    return batch


def first_place(problem: BudgetProblem) -> int:
    """Where to start looking for the best size: twenty tokens a parameter, or a little above the least that will do."""
    if problem.target is None:
        return place_of(max(math.sqrt(_flops_allowed(problem) / FLOP_PER_PARAM_TOKEN / _USUAL_RATIO), 1.0))
    place = place_of(2.0**24)
    while place < place_of(2.0**44) and problem.loss_model.floor(size_at(place)) >= problem.target:
        place += PER_OCTAVE
    return place + PER_OCTAVE


def _first_guess(problem: BudgetProblem, model: Model) -> float:
    """Tokens that the limits would allow at a usual speed."""
    served = serving_flops(model, problem.budget.served_tokens)
    return max(_flops_allowed(problem) - served, 0.0) / float(model.training_flops(problem.finder.seq_len))


def _flops_allowed(problem: BudgetProblem) -> float:
    """FLOPs that the limits allow at a usual speed."""
    machine, limits = problem.finder.machine, problem.budget.limits
    speed = _USUAL_MFU * max(machine.chip.peak_flops.values()) * machine.devices
    allowed = [limits.get("flops", math.inf), speed * limits.get("seconds", math.inf)]
    if "dollars" in limits and machine.dollars(1.0):
        allowed.append(speed * limits["dollars"] / machine.dollars(1.0))
    return min(allowed)


def _least_bytes(layouts: FoundLayouts) -> float:
    return math.inf if layouts.least is None else layouts.least.memory_bytes
