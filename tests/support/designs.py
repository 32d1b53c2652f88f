"""Where every law is tested: a truth, a design of runs that determines it, and one that does not."""

from typing import Any

import numpy as np

from froude.fitting.curves.points import along_curves
from froude.laws import Law, all_laws
from froude.laws.lr_history import LrHistory
from froude.runs import Runs

_JOINT = {"Nc": 3e7, "Dc": 3e8, "alpha": 0.3, "sharpness": 0.5}
_BEHIND = {"chance": 0.75, "E": 0.1, "A": 190.0, "alpha": 0.3}

TRUTH: dict[str, dict[str, float]] = {
    "power-floor": {"E": 1.2, "A": 900.0, "alpha": 0.2},
    "chinchilla": {"E": 1.1, "A": 60.0, "alpha": 0.33, "B": 300.0, "beta": 0.36},
    "kaplan-floor": {"E": 1.1, "Nc": 3e9, "alpha_N": 0.2, "Dc": 2e10, "alpha_D": 0.25},
    "varying-exponent": {"E": 1.1, "A": 900.0, "alpha": 0.33, "Dc": 2e6, "beta": 0.8, "kappa": -0.05},
    "saturating": {"E": 1.2, "A": 3e4, "B": 3e16, "alpha": 0.25},
    "m3": {"A": 60.0, "alpha": 0.3, "gamma": 1e-7},
    "m4": {"E": 0.5, "R": 6.0, "A": 300.0, "alpha": 0.4, "gamma": 0.5},
    "broken-2": {
        **{"E": 0.2, "A": 8.0, "alpha": 0.5},
        **{"c1": -0.4, "d1": 40.0, "f1": 0.35, "c2": 0.6, "r2": 62.0, "f2": 0.35},
    },
    "farseer": {
        **{"E": 0.3, "E_growth": -0.3, "E_curve": 0.3, "B": 0.8, "B_growth": -0.3, "B_curve": -0.3},
        **{"A": 0.4, "A_growth": -0.25, "A_curve": 0.3},
    },
    "broken-1": {"E": 0.41388, "A": 2.27727, "alpha": 0.05508, "c1": 5.663, "d1": 612.6, "f1": 0.05919},
    "size-ratio": {"beta": 0.05},  # steep ones are determined by runs within 2%
    "ceiling": {"top": 54.187, "A": 3000.0, "alpha": 0.25},  # with the published ones small runs score below 0
    "critical-batch": {"B_star": 3e6, "beta": 0.3},
    "loss-batch": {"A": 3e6, "gamma": 0.3},  # the published one is so steep that runs within 2% determine it
    "power-lr": {"k": 1e-6, "p": 0.5},
    "saturating-lr": {"lr_max": 3e-3, "B_crit": 4e5, "gamma": 0.7},
    "outlier-lr": {"lr_max": 3e-3, "B_crit": 2e4},
    "annealing": {"L0": 2.0, "A": 2.0, "alpha": 0.5, "B": 5e3, "tau": 300.0},
    "multi-power": {"L0": 2.0, "A": 2.0, "alpha": 0.5, "B": 5e3, "C": 1.0, "beta": 0.6, "gamma": 0.6},
    "fading-tokens": {"tau": 4.0},
    **{f"{share}-chinchilla": _BEHIND | {"B": 340.0, "beta": 0.28} for share in ("error", "accuracy")},
    **{f"{share}-tied": _BEHIND | {"B": 340.0} for share in ("error", "accuracy")},
    **{f"{share}-joint": {"chance": 0.75, **_JOINT} for share in ("error", "accuracy")},
    "kaplan-tied": _JOINT,
    **{f"{share}-power": {"chance": 0.75, "E": 0.1, "A": 2e4, "alpha": 0.25} for share in ("error", "accuracy")},
    "root-annealing": {"L0": 2.0, "A": 20.0, "alpha": 0.5, "W": 4.0, "B": 5e3, "tau": 300.0},
}
"""Parameters of laws of which none are published, or of which published ones need more runs than a test can have."""

SPAN = 30.0
"""The domain of a law, widened by so much at either end, makes a design that determines all its parameters."""


def every_law() -> tuple[Law, ...]:
    """Every law whose value is an outcome."""
    return tuple(each for each in all_laws() if not each.is_lever)


def truth_of(each: Law) -> dict[str, float]:
    """Parameters of a law to plant: those of `TRUTH`, else the first published ones."""
    return TRUTH[each.name] if each.name in TRUTH else dict(next(iter(each.published.values())))


def inputs_of(each: Law, n: int, seed: int = 0, ill_posed: bool = False) -> dict[str, Any]:
    """Inputs {role: (n,)} spread evenly in the logarithm over the widened domain of a law, or over 2%.

    For a law of learning-rate curves the points of several of them, or of the end of one at a constant rate.
    """
    if is_of_curves(each):
        return along_curves(each, Runs.from_columns(curves(n, seed, ill_posed)))
    rng = np.random.default_rng(seed)
    inputs = {}
    for x in each.inputs:
        low, high = each.domain[x]
        if ill_posed:
            low = high = np.sqrt(low * high)
        spread = 1.01 if ill_posed else (1.0 if each.marks[x].domain == "count" else SPAN)
        inputs[x] = np.exp(rng.uniform(np.log(low / spread), np.log(high * spread), n))
    return inputs


def is_of_curves(each: Law) -> bool:
    """Whether a law speaks of the points of curves, whose inputs follow from learning rates."""
    return any(mark.domain == "history" for mark in each.marks.values())


def curves(n: int, seed: int = 0, ill_posed: bool = False) -> dict[str, Any]:
    """Columns of n points of curves: the rate falls in a jump, in a line, or not at all, early or late, far or not."""
    rng = np.random.default_rng(seed)
    names, steps, rates = [], [], []
    kinds = 1 if ill_posed else min(10, n // 4)
    for k in range(kinds):
        count = len(range(k, n, kinds))
        first, turn, low = 1000.0, np.exp(rng.uniform(np.log(2e3), np.log(8e3))), 3e-4 * np.exp(-rng.uniform(0.5, 5))
        before, after = count // 3, count - count // 3
        late = turn + np.unique(np.round(np.geomspace(2, 2e4, after) * rng.uniform(0.7, 1.4)))
        step = np.round(np.concatenate([np.geomspace(first, turn - 1, before), late]))
        falls = [1.0, 1e3, 1e4, 0.0][k % 4]
        share = np.clip((step - turn) / falls, 0, 1) if falls else np.zeros(step.size)
        rate = 3e-4 + (low - 3e-4) * share
        if ill_posed:
            step, rate = 5000.0 + np.arange(count), np.full(count, 3e-4)
        names += [f"{k}"] * step.size
        steps.append(step)
        rates.append(rate)
    return {"curve": names, "S": np.concatenate(steps), "lr": np.concatenate(rates), "loss": np.ones(n)}


def columns(each: Law, n: int = 100, noise: float = 0.01, seed: int = 0, ill_posed: bool = False) -> dict:
    """Inputs and the outcome `loss` of a planted law, with relative noise."""
    inputs = inputs_of(each, n, seed, ill_posed)
    table = curves(n, seed, ill_posed) if is_of_curves(each) else {}
    exact = each(**inputs, **truth_of(each))
    off = noise * np.random.default_rng(seed + 1).standard_normal(n)
    of_errors = each.residual == "log error"
    noisy = each.off_scale(each.on_scale(exact) + off) if of_errors else exact * np.exp(off)
    return {**table, **inputs, "loss": noisy}


def planted(each: Law, **options) -> Runs:
    """The same as runs."""
    inputs = columns(each, **options)
    return Runs.from_columns({x: values for x, values in inputs.items() if not isinstance(values, LrHistory)})
