"""Rules of the best learning rate or batch: fitted to the best settings of each size, which a sweep tells first."""

from collections.abc import Sequence

import numpy as np

from froude.errors import InputError
from froude.fitting.options import FitOptions
from froude.fitting.procedures.sweep_optima import SweepOptima, sweep_optima
from froude.fitting.procedures.sweep_sizes import swept_sizes
from froude.laws import Law
from froude.runs import Runs
from froude.runs.optional_roles import with_optional_roles

_SETTINGS = {"learning rate": "lr", "tokens/optimizer step": "B"}  # by the unit of what a rule gives
_FEWEST_VALUES = 3  # of a setting at most sizes: else it was not swept


def setting_of(law: Law | str) -> str | None:
    """The setting whose best value a law gives: "lr" or "B", None for a law of an outcome, as those of "auto" are."""
    return None if isinstance(law, str) else _SETTINGS.get(law.unit)


def optima_to_fit(laws: Sequence[Law | str], runs: Runs, y: str, options: FitOptions) -> SweepOptima | None:
    """The best settings of each size by the outcome y, where laws are rules of one; None where laws are of an outcome.

    None too where y is the setting itself: rows are then optima already. InputError for such rows that are a sweep, for
    rules beside laws of an outcome or of another setting, and as `sweep_optima` raises it.
    """
    settings = {setting_of(law): law for law in laws}
    if set(settings) <= {None}:
        return None
    if len(settings) > 1:
        each = (f"{_name(law)} gives {f'the best {name}' if name else 'an outcome'}" for name, law in settings.items())
        raise InputError(f"{' and '.join(each)}: fit them apart")
    (setting,) = (name for name in settings if name is not None)
    rules = [law for law in laws if isinstance(law, Law)]
    sizes = _sizes(rules, runs, setting)
    if y == setting:
        _refuse_sweep(runs, setting, sizes)
        return None
    over = _swept(runs, setting, sizes, y)
    return sweep_optima(runs, over, sizes, y, draws=options.draws, seed=options.seed, level=options.level)


def _name(law: Law | str) -> str:
    return law if isinstance(law, str) else law.name


def _sizes(laws: Sequence[Law], runs: Runs, setting: str) -> tuple[str, ...]:
    """What runs of one size have in common: N and D, and what else the rules take but the outcome itself."""
    taken = dict.fromkeys(x for law in laws for x in law.inputs if x != "L")
    known = [x for x in ("N", "D") if x in runs and not any(each.startswith(f"{x} = ") for each in runs.derived)]
    return tuple(x for x in dict.fromkeys((*known, *taken)) if x != setting)


def _swept(runs: Runs, setting: str, sizes: tuple[str, ...], y: str) -> tuple[str, ...]:
    """The setting, and the other one where it was swept too and no rule takes it."""
    other = next(name for name in _SETTINGS.values() if name != setting)
    if other in sizes or other not in with_optional_roles(runs, (other,)):
        return (setting,)
    values = [np.unique(each.settings.round(6)).size for each in swept_sizes(runs, (other,), sizes, y)]
    return (setting, other) if np.median(values) >= _FEWEST_VALUES else (setting,)


def _refuse_sweep(runs: Runs, setting: str, sizes: tuple[str, ...]) -> None:
    """InputError where most sizes have runs of several settings, among which the best is not known."""
    found = swept_sizes(runs, (setting,), sizes, setting)
    if np.median([np.unique(each.settings.round(6)).size for each in found]) >= _FEWEST_VALUES:
        raise InputError(
            f"the runs sweep {setting}, {len(found)} sizes with several each, and a rule is fitted to the best of "
            f"each: leave --y {setting} out, so that it is found first"
        )
