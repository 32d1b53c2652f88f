"""Losses in bits beside losses in nats: rows of a table that are off by just what the two units differ by."""

import numpy as np

from froude.fitting.evidence import best_row
from froude.fitting.group_test import BITS
from froude.fitting.measured import Measured
from froude.fitting.problem import make_problem
from froude.fitting.solver import minimise
from froude.laws import Law

_OF_LOSSES = ("nat", "unit of the measured outcome")
_STARTS, _MOST_ROWS = 8, 1000  # a rough fit is enough to see a factor of 1.44
_FEWEST, _FEWEST_TO_SPARE = 2, 4
_AS_MUCH = 6.0  # robust standard deviations of the others
_TELLS_APART = 12.0  # of them, at least, between the two units


def other_unit(law: Law, measured: Measured) -> np.ndarray:
    """Which rows (n,) lie off the law that the others follow by just the factor between bits and nats.

    None unless there are two of them, all on one side and more than are off by anything else, and unless the others lie
    so near the law that the factor stands out.
    """
    nobody = np.zeros(measured.n, dtype=bool)
    of_losses = any(unit in law.unit for unit in _OF_LOSSES) and law.residual == "log" and not measured.histories
    if not of_losses or measured.n < len(law.parameters) + _FEWEST_TO_SPARE:
        return nobody
    off = -_rough_residuals(law, measured)
    off = off - np.median(off)
    near = np.abs(off) < BITS / 2
    if not near.any():
        return nobody
    spread = 1.4826 * float(np.median(np.abs(off[near])))
    if _TELLS_APART * spread > BITS:
        return nobody
    above, below = (np.abs(sign * off - BITS) < max(_AS_MUCH * spread, 0.01) for sign in (1, -1))
    apart = above if above.sum() >= below.sum() else below
    return apart if apart.sum() >= max(_FEWEST, (~near & ~apart).sum() + 1) else nobody


def _rough_residuals(law: Law, measured: Measured) -> np.ndarray:
    """The residuals (n,) of all rows about the law fitted to at most a thousand of them."""
    rng = np.random.default_rng(0)
    some = np.zeros(measured.n, dtype=bool)
    some[rng.permutation(measured.n)[:_MOST_ROWS]] = True
    fewer = measured.take(some)
    problem = make_problem(law, fewer.given, fewer.y)
    starts = problem.scatter(_STARTS, rng)
    minima = minimise(problem.residuals, starts, np.ones((_STARTS, fewer.n)), problem.space())
    params = {name: value[0] for name, value in problem.parameters(minima.points[[best_row(minima)]]).items()}
    with np.errstate(all="ignore"):
        return np.log(law(**measured.given, **params) / measured.y)
