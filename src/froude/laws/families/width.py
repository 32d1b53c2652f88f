"""Transfer over width: how initialisation and learning rate follow the width so that one setting suits every width.

Yang and Hu 2020, arXiv:2011.14522, for what a parametrisation does in the limit of endless width; Yang et al. 2022,
arXiv:2203.03466, table 8, and the package mup for the rules of practice.
"""

from dataclasses import dataclass
from typing import Literal, final

from froude.errors import InputError

Optimizer = Literal["adam", "sgd"]

_ROUNDING = 1e-9  # exponents are halves, and what is added to them may not be


@final
@dataclass(frozen=True, kw_only=True)
class Parametrisation:
    """How the weights of layers 1 to L + 1 scale with the width n: an abc-parametrisation.

    Weights are W = n^-a·w with w drawn from N(0, n^-2b), and SGD moves w at lr·n^-c. `a` and `b` are those of the
    first layer, of those between, and of the last; a network of one hidden layer (L = 1) has no layers between.
    """

    first: tuple[float, float]
    between: tuple[float, float] | None
    last: tuple[float, float]
    c: float

    @property
    def r(self) -> float:
        """How slowly features move: each by n^-r. At 0 they are learned, above it they stay as drawn."""
        a_last, b_last = self.last
        slowest = min(2 * self.first[0] + 1, 2 * self.between[0]) if self.between else 2 * self.first[0] + 1
        return min(a_last + b_last, 2 * a_last + self.c) + self.c - 1 + slowest

    @property
    def is_stable(self) -> bool:
        """Whether activations and outputs neither blow up nor vanish, at the start and in training."""
        a_last, b_last = self.last
        exact = [sum(self.first), *([sum(self.between) - 0.5] if self.between else [])]
        at_least_zero = [self.r, a_last + b_last - 0.5, 2 * a_last + self.c - 1, a_last + b_last + self.r - 1]
        return all(abs(each) < _ROUNDING for each in exact) and min(at_least_zero) > -_ROUNDING

    @property
    def regime(self) -> Literal["unstable", "features", "kernel"]:
        """What training does in the limit: diverge, learn features, or only combine those it started with."""
        if not self.is_stable:
            return "unstable"
        return "kernel" if self.r > _ROUNDING else "features"

    def shift(self, t: float) -> "Parametrisation":
        """The same training written otherwise: (a + t, b − t, c − 2t)."""
        return Parametrisation(
            first=_shift(self.first, t),
            between=_shift(self.between, t) if self.between else None,
            last=_shift(self.last, t),
            c=self.c - 2 * t,
        )


def _shift(pair: tuple[float, float], t: float) -> tuple[float, float]:
    return pair[0] + t, pair[1] - t


STANDARD = Parametrisation(first=(0, 0), between=(0, 0.5), last=(0, 0.5), c=0)
"""What deep-learning libraries do by default, at one learning rate for every width: it blows up."""
STANDARD_SLOW = Parametrisation(first=(0, 0), between=(0, 0.5), last=(0, 0.5), c=1)
"""The same at a learning rate that falls as 1/width, the fastest that is stable."""
NTK = Parametrisation(first=(0, 0), between=(0.5, 0), last=(0.5, 0), c=0)
"""That of the neural tangent kernel."""
MAXIMAL_UPDATE = Parametrisation(first=(-0.5, 0.5), between=(0, 0.5), last=(0.5, 0.5), c=0)
"""muP: every layer learns features, as fast as is stable."""
MEAN_FIELD = Parametrisation(first=(0, 0), between=None, last=(1, 0), c=-1)
"""Mean field, for one hidden layer."""


@final
@dataclass(frozen=True, kw_only=True)
class Multipliers:
    """What to multiply, beside the values tuned at the base width: by groups of weights.

    `init_std` the standard deviation of the first weights, `lr` the learning rate, `weight_decay` the decay where it is
    multiplied by the learning rate, as in AdamW of PyTorch, and `output` what the group's matrix gives.
    """

    init_std: float = 1.0
    lr: float = 1.0
    weight_decay: float = 1.0
    output: float = 1.0


def mup_multipliers(width_multiple: float, optimizer: Optimizer = "adam") -> dict[str, Multipliers]:
    """muP's multipliers for a model `width_multiple` times as wide as the one tuned, by group of weights.

    "input" are the embedding, biases and gains (one axis grows with the width), "hidden" the matrices (both grow),
    "output" the matrix that gives the logits, best started at zero. Attention is to be scaled by `attention_scale`.
    From Yang et al. 2022, arXiv:2203.03466, table 8, and microsoft/mup. InputError where width_multiple ≤ 0.
    """
    m = width_multiple
    if not m > 0:
        raise InputError(f"width_multiple = {m:g}: give the width over the width that was tuned, above 0")
    if optimizer == "adam":
        return {
            "input": Multipliers(),
            "hidden": Multipliers(init_std=m**-0.5, lr=1 / m, weight_decay=m),
            "output": Multipliers(output=1 / m),
        }
    return {
        "input": Multipliers(lr=m, weight_decay=1 / m),
        "hidden": Multipliers(init_std=m**-0.5),
        "output": Multipliers(lr=m, weight_decay=1 / m, output=1 / m),
    }


def attention_scale(head_size: float, base_head_size: float = 64.0) -> float:
    """What muP multiplies q·k by: √base/head_size, which is the usual 1/√head_size at the base size."""
    return base_head_size**0.5 / head_size
