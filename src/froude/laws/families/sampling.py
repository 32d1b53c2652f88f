"""Repeated sampling: how many problems one of many tries solves, and how rates of success are estimated from tries."""

from typing import Annotated

import numpy as np

from froude.errors import InputError
from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.kinds import Amount, Exponent, Input, Output

Tries = Annotated[np.ndarray, Input(unit="samples per problem")]
Uncovered = Annotated[np.ndarray, Output(unit="-ln(share of problems solved)", residual="log")]


@law(
    source="Brown et al. 2024, arXiv:2407.21787, with A = -a and alpha = -b of coverage = exp(a·k^b)",
    published={"swe-bench-lite-2024": {"A": 1.838851, "alpha": 0.209035}},
    trust={"swe-bench-lite-2024": "through the two points that the abstract prints, 15.9% with 1 try and 56% with 250"},
    domain={"K": (1, 1e4)},
    carries={"A": {"K": "alpha"}},
    falls_in=("K",),
    examples=[
        Example(constants="swe-bench-lite-2024", at={"K": 1.0}, gives="1.839"),
        Example(constants="swe-bench-lite-2024", at={"K": 250.0}, gives="0.5798"),
    ],
    wrong_when="tries are so few that hardly a problem is solved, or some problems are out of reach of any number.",
)
def uncovered(K: Tries, *, A: Amount, alpha: Exponent) -> Uncovered:
    """What coverage, the share of problems that one of K tries solves, lacks of one: its -ln falls as a power of K."""
    return A * K**-alpha


def pass_at(k: int, passes: np.ndarray, tries: np.ndarray) -> np.ndarray:
    """The chance that one of k tries at a problem passes, where `passes` of `tries` did: without bias, of their shape.

    1 − C(tries − passes, k)/C(tries, k), of Chen et al. 2021, arXiv:2107.03374. InputError for k above a number of
    tries.
    """
    passes, tries = np.broadcast_arrays(np.asarray(passes, dtype=float), np.asarray(tries, dtype=float))
    if np.any(tries < k):
        raise InputError(f"k = {k} is more than the {tries.min():g} tries at a problem: give one up to that")
    from scipy.special import gammaln

    missed = tries - passes
    enough = np.maximum(missed, k)
    log_chance = gammaln(enough + 1) - gammaln(enough - k + 1) - gammaln(tries + 1) + gammaln(tries - k + 1)
    return np.where(missed < k, 1.0, -np.expm1(log_chance))


def rate_until(r: int, tries: np.ndarray, level: float = 0.9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A rate of success from the number of tries until the r-th success: the estimate and its interval at `level`.

    The estimate (r − 1)/(tries − 1) has no bias (Haldane 1945); the interval is exact, as that of Clopper and Pearson.
    All are of the shape of `tries`. Hu et al. 2023, arXiv:2310.03262, take r/tries, which is too large for small r.
    InputError for r below 2 and fewer tries than successes.
    """
    tries = np.asarray(tries, dtype=float)
    if r < 2 or np.any(tries < r):
        raise InputError(f"r = {r} successes in {tries.min():g} tries: give 2 or more, and at least as many tries")
    from scipy.stats import beta

    low = beta.ppf((1 - level) / 2, r, tries - r + 1)
    high = np.where(tries > r, beta.ppf((1 + level) / 2, r, np.maximum(tries - r, 1e-9)), 1.0)
    return (r - 1) / (tries - 1), low, high
