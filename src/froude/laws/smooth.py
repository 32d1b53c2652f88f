"""Functions that NumPy does not have, with the derivatives that a fit needs."""

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
