"""Learning-rate schedules: warm-up, stable phase, decay."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.errors import InputError
from froude.laws.lr_history import LearningRates
from froude.result import Result

SHAPES: Mapping[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "linear": lambda u, end: 1 - (1 - end) * u,
    "cosine": lambda u, end: end + (1 - end) * (1 + np.cos(np.pi * u)) / 2,
    "exponential": lambda u, end: end**u,
    "1-sqrt": lambda u, end: 1 - (1 - end) * np.sqrt(u),
    "square": lambda u, end: end + (1 - end) * (1 - u) ** 2,
}
"""How a decay goes: the rate over its peak, where a share u of the decay is done and it ends at `end`."""

_KNOTS = 512  # of a decay: the rate is then within 3 millionths of its peak, but at the first steps of 1-sqrt


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Schedule(Result):
    """A learning rate over `steps` steps: linear warm-up to the peak, a stable phase, and a decay to `final`.

    `warmup` and `decay` are numbers of steps, `shape` is one of `SHAPES`. Without decay the rate stays at its peak;
    a decay over all steps after warm-up leaves no stable phase. A schedule of other rates is
    `LearningRates.from_log(steps, rates)`. InputError for lengths that do not fit, rates that make no sense, and an
    exponential decay to 0.
    """

    peak: float
    steps: int
    warmup: int = 0
    decay: int = 0
    shape: str = "linear"
    final: float = 0.0

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise InputError(f"no decay has the shape {self.shape!r}: there are {', '.join(SHAPES)}")
        if min(self.warmup, self.decay) < 0 or self.steps < max(1, self.warmup + self.decay):
            raise InputError(
                f"warm-up of {self.warmup} and decay of {self.decay} steps do not fit into {self.steps}: shorten one"
            )
        if not (0 < self.peak < np.inf and 0 <= self.final <= self.peak):
            raise InputError(
                f"peak = {self.peak:g} and final = {self.final:g}: give a peak above 0 and a final rate up to it"
            )
        if self.shape == "exponential" and self.final == 0 and self.decay:
            raise InputError("an exponential decay never reaches 0: give a final rate above 0, or another shape")

    def at(self, steps: np.ndarray) -> np.ndarray:
        """The rate at these steps, of their shape; that of step 0 is 0 where there is warm-up."""
        rising = np.minimum(1.0, steps / self.warmup) if self.warmup else np.ones(np.shape(steps))
        if not self.decay:
            return self.peak * rising
        done = np.clip((steps - (self.steps - self.decay)) / self.decay, 0.0, 1.0)
        return self.peak * rising * SHAPES[self.shape](done, self.final / self.peak)

    @property
    def per_step(self) -> np.ndarray:
        """The rates of steps 1 to `steps`, (steps,): what a trainer wants."""
        return self.at(np.arange(1, self.steps + 1))

    @property
    def rates(self) -> LearningRates:
        """The same as a law takes it, with a rate at every bend."""
        decaying = np.linspace(self.steps - self.decay, self.steps, _KNOTS) if self.decay else []
        steps = np.unique(np.round([0, 1, self.warmup, *decaying, self.steps]))
        rates = self.at(steps)
        rates[0] = 0.0
        return LearningRates(steps=steps, rates=rates)
