"""How the learning rate follows the batch: in proportion, as its root, or up to what the loss surface allows."""

import numpy as np

from froude.laws.decorator import law
from froude.laws.kinds import Exponent, LearningRate, Pivot, Scale, Steepness, StepTokens

_GRANZIOL = "Granziol et al. 2022, arXiv:2006.09092"
_BATCHES = {"B": (3e4, 4e6)}


@law(
    source=f"Goyal et al. 2017, arXiv:1706.02677, p = 1 for SGD; {_GRANZIOL}, p = 1/2 for Adam; no constants: "
    "the rate of one batch sets k",
    domain=_BATCHES,
    carries={"k": {"B": "-p"}},
    rises_in=("B",),
    wrong_when="the batch nears the critical one: the rate then grows more slowly, and in the end no more.",
)
def power_lr(B: StepTokens, *, k: Scale, p: Exponent) -> LearningRate:
    """The learning rate grows as a power of the batch: in proportion for SGD, as its root for Adam."""
    return k * B**p


@law(
    source="McCandlish et al. 2018, arXiv:1812.06162, where gamma is 1 for SGD and 0.5 to 1 for Adam; "
    "no constants: they differ from task to task",
    domain=_BATCHES,
    carries={"B_crit": {"B": 1.0}},
    rises_in=("B",),
    wrong_when="training goes on for long: the critical batch grows as the loss falls.",
)
def saturating_lr(B: StepTokens, *, lr_max: Scale, B_crit: Pivot, gamma: Steepness) -> LearningRate:
    """The learning rate grows as a power of the batch up to a critical batch, then no more."""
    return lr_max * (1 + B_crit / B) ** -gamma


@law(
    source=f"{_GRANZIOL}; no constants: they are the largest eigenvalue of the Hessian and its noise",
    domain=_BATCHES,
    carries={"B_crit": {"B": 1.0}},
    rises_in=("B",),
    notation=(
        "lr_max/(m + B_crit/(B·m)), m = max(1, (B_crit/B)^0.5)",
        r"\frac{lr_{max}}{m + \frac{B_{crit}}{B m}}, \quad m = \max\left(1, \sqrt{B_{crit} / B}\right)",
    ),
    wrong_when="the Hessian's noise is far from that of a random matrix, or the rate is not limited by stability.",
)
def outlier_lr(B: StepTokens, *, lr_max: Scale, B_crit: Pivot) -> LearningRate:
    """The largest stable learning rate grows as the root of a batch below the critical one, then up to a limit."""
    return lr_max / batch_eigenvalue(1.0, (B_crit / B) ** 0.5)


def batch_eigenvalue(eigenvalue: np.ndarray | float, spread: np.ndarray | float) -> np.ndarray:
    """The largest eigenvalue of the Hessian of a batch, in the unit of its arguments, of their broadcast shape.

    `eigenvalue` is the largest of the Hessian of all data, and `spread` = σ·√(P/b), where σ² is the variance of one
    sample's Hessian entry, P the number of parameters and b the `effective_batch`. An eigenvalue above the spread
    stands out, at eigenvalue + spread²/eigenvalue; one below it is lost in the noise, whose edge lies at 2·spread.
    From Granziol et al. 2022, arXiv:2006.09092; as remembered: not checked against the paper, but by simulation.
    """
    larger = np.maximum(eigenvalue, spread)
    return larger + spread**2 / larger


def effective_batch(batch: np.ndarray | float, samples: np.ndarray | float) -> np.ndarray | float:
    """The batch b = B/(1 − B/samples) drawn with replacement that is as noisy as B of `samples` drawn without.

    Infinite at B = samples, where no noise is left. Both count the same thing, samples or tokens.
    """
    return batch / (1 - batch / samples)
