"""The ladder of a pilot of somebody's trainer: which runs, of which lengths, and which target, for minutes or FLOPs.

The target is the largest size of the dial that is trained on its tokens a parameter within its share. The pilots are
smaller by a factor of PARAMS_RATIO and more, each a run of its own from start to end, as a trainer's schedule wants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, final

import numpy as np
from msgspec import Meta

from froude.errors import InputError
from froude.pilots.command.scale import Scale
from froude.pilots.command.settings import CommandSettings
from froude.quantity import format_quantity, format_seconds
from froude.sweeps.space import Config

PARAMS_RATIO, COMPUTE_RATIO = 4, 8  # target over largest and costliest pilot, at least, as for the pilots of the tank
SPAN = 12  # largest over smallest pilot in parameters, about what the tank's pilots span
SIZES, FEWEST_SIZES = 5, 4  # a law of two terms takes three, and choosing one holds out another
LENGTHS = (2.0, 1.2, 0.7)  # times the target's tokens a parameter: with 2 the costliest has 1/8 of its compute
FEWEST_LENGTHS = 2
SEEDS = 4  # of one run, at most, where the command takes a seed
SHARE_OF_PILOTS, SHARE_OF_TARGET = 0.4, 0.45  # of the seconds left by first runs; the rest is for slow moments
STRETCH = 1.25  # of its share that a target may take before its tokens are cut
FINE = 200  # sizes of the dial that are looked at


@final
@dataclass(frozen=True, kw_only=True)
class Rung:
    """A run: the size of the dial, its tokens and its seed."""

    size: int | float
    tokens: Annotated[int, Meta(ge=1)]
    seed: int


@final
@dataclass(frozen=True, kw_only=True)
class PilotLadder:
    """The pilots, longest first, and the target with its parameters, and what both cost.

    `pilot_seconds` and `target_seconds` are None where seconds were not asked for, nor measured.
    """

    pilots: tuple[Rung, ...]
    target: Rung
    n_params: float
    pilot_flops: float
    target_flops: float
    pilot_seconds: float | None = None
    target_seconds: float | None = None


@final
@dataclass(frozen=True, kw_only=True)
class LadderBudget:
    """What is left for pilots and target, in seconds on so many `workers`, or in FLOPs; `remedy` asks for more."""

    amount: float
    in_flops: bool
    workers: int
    remedy: str

    @property
    def for_pilots(self) -> float:
        """What all pilots may cost together."""
        if self.in_flops:  # of which nothing else takes any
            return (1 - SHARE_OF_TARGET) * self.amount
        return SHARE_OF_PILOTS * self.amount * self.workers

    @property
    def for_target(self) -> float:
        """What the target may cost."""
        return SHARE_OF_TARGET * self.amount

    def cost(self, scale: Scale, size: float, tokens: float) -> float:
        """What a run costs, in FLOPs or in seconds."""
        return scale.flops_at(size, tokens) if self.in_flops else scale.seconds_at(size, tokens)


def target_tokens(scale: Scale, size: float, settings: CommandSettings) -> float:
    """The tokens of a target of this size."""
    return settings.ratio * scale.params_at(size)


def is_affordable(scale: Scale, size: float, settings: CommandSettings, budget: LadderBudget) -> bool:
    """Whether a target of this size fits into its share."""
    return budget.cost(scale, size, target_tokens(scale, size, settings)) <= budget.for_target


def target_size(scale: Scale, settings: CommandSettings, budget: LadderBudget) -> int | float:
    """The largest size within those measured whose target and pilots fit. InputError where there is none."""
    fitting = (
        size
        for size in reversed(settings.dial.sizes(scale.sizes[0], scale.sizes[-1], FINE))
        if is_affordable(scale, size, settings, budget)
    )
    refusal: InputError | None = None
    for size in fitting:
        try:
            plan_ladder(scale, size, settings, budget)
        except InputError as error:
            refusal = refusal or error
        else:
            return size
    raise refusal or InputError(
        f"even {settings.dial.name} = {settings.dial.low:g} is too large a target: {budget.remedy}"
    )


def plan_ladder(scale: Scale, size: int | float, settings: CommandSettings, budget: LadderBudget) -> PilotLadder:
    """The ladder to a target of this size. InputError where too few pilots fit below it."""
    tokens = target_tokens(scale, size, settings)
    if (cost := budget.cost(scale, size, tokens)) > STRETCH * budget.for_target:
        tokens *= budget.for_target / cost
    target = Rung(size=size, tokens=_round(tokens), seed=settings.seed)
    rungs, left = [], budget.for_pilots
    sizes = pilot_sizes(scale, size, settings)
    for rung in candidates(scale, sizes, target, settings):
        left -= budget.cost(scale, rung.size, rung.tokens)
        if left < 0:
            break
        rungs.append(rung)
    if len(rungs) < FEWEST_LENGTHS * len(sizes):
        start = format_seconds(scale.start_seconds, 2)
        raise InputError(
            f"only {len(rungs)} pilots fit, of {FEWEST_LENGTHS * len(sizes)} that a forecast needs"
            + ("" if budget.in_flops else f" (the start of a run alone takes {start})")
            + f": {budget.remedy}"
        )
    rungs.sort(key=lambda rung: -budget.cost(scale, rung.size, rung.tokens))
    ladder = PilotLadder(
        pilots=tuple(rungs),
        target=target,
        n_params=scale.params_at(size),
        pilot_flops=sum(scale.flops_at(rung.size, rung.tokens) for rung in rungs),
        target_flops=scale.flops_at(size, target.tokens),
    )
    if budget.in_flops:
        return ladder
    seconds = sum(scale.seconds_at(rung.size, rung.tokens) for rung in rungs)
    return replace(ladder, pilot_seconds=seconds / budget.workers, target_seconds=scale.seconds_at(size, target.tokens))


def pilot_sizes(scale: Scale, target: float, settings: CommandSettings) -> tuple[int | float, ...]:
    """The sizes of the pilots, smallest first. InputError where the dial has too few below the target's."""
    fine = settings.dial.sizes(scale.sizes[0], target, FINE)
    params = np.array([scale.params_at(size) for size in fine])
    largest = params.searchsorted(scale.params_at(target) / PARAMS_RATIO, side="right") - 1
    if largest > 0:
        smallest = min(params.searchsorted(params[largest] / SPAN), largest)
        sizes = tuple(dict.fromkeys(settings.dial.sizes(fine[smallest], fine[largest], SIZES)))
        if len(sizes) >= FEWEST_SIZES:
            return sizes
    name = settings.dial.name
    raise InputError(
        f"a target of {name} = {target:g} has {format_quantity(scale.params_at(target))} parameters, and the dial has "
        f"too few sizes up to a quarter of that: give more of the budget, a smaller start than {name} = "
        f"{settings.dial.low:g}, or a dial in finer steps"
    )


def candidates(scale: Scale, sizes: tuple[int | float, ...], target: Rung, settings: CommandSettings) -> Iterator[Rung]:
    """Pilots, those that a forecast needs first: every size at each length, then all again with further seeds."""
    ratio = target.tokens / scale.params_at(target.size)
    for seed in range(settings.seed, settings.seed + (SEEDS if settings.takes_seed else 1)):
        for length in LENGTHS:
            for size in sizes:
                yield Rung(size=size, tokens=_round(length * ratio * scale.params_at(size)), seed=seed)


def _round(tokens: float) -> int:
    """Tokens to three digits."""
    return max(1, int(float(f"{tokens:.3g}")))


def rung_config(rung: Rung, settings: CommandSettings) -> Config:
    """The settings of the run of a rung."""
    return settings.config(rung.size, rung.tokens, rung.seed)
