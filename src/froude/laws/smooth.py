"""Functions that NumPy does not have: how a law calls one with the derivatives that a fit needs, and the logistic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np


@final
@dataclass(frozen=True, kw_only=True)
class Smooth:
    """A function of arrays that a law may call although it is none of NumPy's.

    `value(*arrays)` is the function, `partials(value, *arrays)` its derivative by each argument. Numbers that know
    more than their value (duals, symbols) answer through their own method `__smooth__(function, arguments)`.
    """

    name: str
    value: Callable[..., np.ndarray]
    partials: Callable[..., Sequence[np.ndarray]]

    def __call__(self, *arguments: Any) -> Any:
        """The function's value, of the broadcast shape of its arguments."""
        for argument in arguments:
            if hasattr(argument, "__smooth__"):
                return argument.__smooth__(self, arguments)
        return self.value(*arguments)


def softplus_and_sigmoid(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The softplus log(1 + e^t) and its derivative, the logistic 1/(1 + e^-t), of t's shape; finite for every t."""
    small = np.exp(-np.abs(t))
    upper = 1 / (1 + small)
    return np.maximum(t, 0) + np.log1p(small), np.where(t >= 0, upper, small * upper)
