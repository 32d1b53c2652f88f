"""What papers' rules say of a training's batch and learning rate, and how far beyond their runs they are asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.cost.model.model import Model
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN
from froude.laws import Law, get_law
from froude.planning.layouts.space import divisors
from froude.planning.training.shapes import n_non_embedding
from froude.quantity import format_quantity

BATCH_RULE, RATE_RULE, RULE_SET = "step-law-batch", "step-law-lr", "step-law-2025"
"""Best batch and learning rate: Li et al. 2025 (Step Law), arXiv:2503.04715, whose N leaves embeddings out."""

OTHERS = {BATCH_RULE: "compute-batch", RATE_RULE: "compute-lr"}
"""The rule of another form that stands beside each: of compute, with the constants of two papers."""

RATE_DIGITS = 2
"""Digits of a learning rate: rules that were fitted to runs differ in the first one."""

FAR = 10.0
"""How many times beyond a rule's runs its doubt is said in the first place."""


@final
@dataclass(frozen=True, kw_only=True)
class RuledValue:
    """What a rule says, the least and the most that it and the rules beside it say, and how far beyond its runs.

    `beyond` is the factor by which the farthest input lies outside of the rule's runs, 1 within them.
    """

    value: float
    least: float
    most: float
    beyond: float

    @property
    def is_far(self) -> bool:
        """Whether the rule is asked far outside of its runs."""
        return self.beyond > FAR


def best_batch(tokens: float) -> float:
    """Tokens a step that a training of so many tokens asks for (Step Law)."""
    rule = get_law(BATCH_RULE)
    return float(rule(D=tokens, **rule.published[RULE_SET]))


def batch_by_rule(tokens: float, devices: int, seq_len: int) -> int:
    """Sequences a step by the rule: a divisor of the devices, or 2^k times them."""
    wanted = max(best_batch(max(tokens, 1.0)) / seq_len, 1.0)
    if wanted >= devices:
        return devices * 2 ** round(math.log2(wanted / devices))
    return min(divisors(devices), key=lambda n: abs(math.log(n / wanted)))


def larger_batches(batch: int, devices: int) -> tuple[int, ...]:
    """Batches above one for which there may be a layout where there is none for that: divisors of the devices."""
    return tuple(n for n in (*divisors(devices), 2 * devices) if n > batch)


def best_learning_rate(model: Model, tokens: float) -> RuledValue:
    """The peak learning rate that a model and its tokens ask for (Step Law), rounded to what rules can tell."""
    ruled = _ruled(RATE_RULE, model, tokens)
    rounded = (float(f"{value:.{RATE_DIGITS}g}") for value in (ruled.value, ruled.least, ruled.most))
    return RuledValue(**dict(zip(("value", "least", "most"), rounded, strict=True)), beyond=ruled.beyond)


def is_far(chosen: Mapping[str, Any]) -> bool:
    """Whether the learning rate of a plan is by a rule that is asked far outside of its runs."""
    return chosen.get("learning_rate_beyond_runs", 1.0) > FAR


def rate_words(chosen: Mapping[str, Any]) -> str:
    """The learning rate of a plan as a person reads it, with its doubt where its rule is asked far outside its runs."""
    rate = chosen["learning_rate"]
    if not is_far(chosen):
        return f"learning rate {rate:g}"
    least, most = chosen["learning_rate_range"]
    return (
        f"learning rate about {rate:.1g}, a guess: rules say {least:.1g} to {most:.1g}, "
        f"{chosen['learning_rate_beyond_runs']:.0f} times beyond their runs"
    )


def rule_assumptions(model: Model, tokens: float, is_batch_by_rule: bool) -> Iterator[str]:
    """A sentence each on learning rate and batch: the rule, how far beyond its runs it is asked, what others say."""
    for name in (RATE_RULE, *((BATCH_RULE,) if is_batch_by_rule else ())):
        rule, ruled = get_law(name), _ruled(name, model, tokens)
        far = f", asked {ruled.beyond:.2g} times beyond its runs" if ruled.beyond > 1 else ""
        others = " and ".join(
            f"{f'{value:.2g}' if name == RATE_RULE else format_quantity(value) + ' tokens'} by {constants}"
            for constants, value in _by_others(name, model, tokens).items()
        )
        head = "learning rate" if name == RATE_RULE else "batch"
        yield f"{head}: {rule.source}{far}; it would be {others}"


def _ruled(name: str, model: Model, tokens: float) -> RuledValue:
    rule, at = get_law(name), {"N": float(n_non_embedding(model)), "D": tokens}
    value = float(rule(**{x: at[x] for x in rule.inputs}, **rule.published[RULE_SET]))
    every = (value, *_by_others(name, model, tokens).values())
    return RuledValue(value=value, least=min(every), most=max(every), beyond=_beyond(rule, at))


def _beyond(rule: Law, at: dict[str, float]) -> float:
    return max(1.0, *(max(at[x] / rule.domain[x][1], rule.domain[x][0] / at[x]) for x in rule.inputs))


def _by_others(name: str, model: Model, tokens: float) -> dict[str, float]:
    """What the rule beside one says, by the name of its constants."""
    rule, C = get_law(OTHERS[name]), FLOP_PER_PARAM_TOKEN * float(model.n_active) * tokens
    return {constants: float(rule(C=C, **values)) for constants, values in rule.published.items()}
