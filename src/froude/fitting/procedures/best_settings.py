"""Learning rate and batch at the best size: by the runs where they were swept, else by a published rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from froude.errors import InputError
from froude.fitting.allocation import Allocation
from froude.fitting.forecasting import Forecast
from froude.fitting.procedures.optimum import Optimum, fit_optimum
from froude.fitting.published_fit import published_fit
from froude.runs import Runs
from froude.runs.optional_roles import with_optional_roles

RULES = {"lr": "step-law-lr:step-law-2025", "B": "step-law-batch:step-law-2025"}
"""Published rules, by the setting that they give."""


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """The best value of a setting, "lr" or "B" (the batch in tokens), for a training of the best size.

    Its interval `lo` to `hi` holds what the `source`, these runs or a published rule, leaves open for that size.
    `beyond` says by which factors the size lies beyond the runs of a rule, as a `Forecast` does.
    """

    name: str
    value: float
    lo: float | None
    hi: float | None
    source: str
    beyond: Mapping[str, float] = field(default_factory=dict)


def sweep_of(runs: Runs, y: str, seed: int) -> tuple[Optimum | None, str | None]:
    """The best settings as the runs have them, and why not where they hold settings that were not swept enough."""
    table = with_optional_roles(runs, RULES)
    over = [name for name in RULES if name in table]
    if not over:
        return None, None
    try:
        return fit_optimum(table, over=over, y=y, seed=seed), None
    except InputError as reason:
        return None, f"learning rate and batch by these runs: {reason}"


def best_settings(best: Allocation, sweep: Optimum | None) -> tuple[Setting, ...]:
    """Each setting at one best size, by a sweep of the runs where it has it, else by its rule."""
    swept = {} if sweep is None else sweep.at(N=best.N, D=best.D)
    return tuple(_setting(name, swept[name], "these runs") if name in swept else _by_rule(name, best) for name in RULES)


def _by_rule(name: str, best: Allocation) -> Setting:
    rule = published_fit(RULES[name])
    return _setting(name, rule.predict(**{x: getattr(best, x) for x in rule.law.inputs}), rule.name)


def _setting(name: str, there: Forecast, source: str) -> Setting:
    return Setting(name=name, value=float(there.mean), lo=there.lo, hi=there.hi, source=source, beyond=there.beyond)
