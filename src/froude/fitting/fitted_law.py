"""What forecasts, and what a forecast needs of a fit."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from froude.fitting.misfit import Misfit
from froude.laws import Law


class Forecaster(Protocol):
    """A law with numbers and the range that they are good for: a `Fit`, or a `PublishedFit`."""

    @property
    def law(self) -> Law:
        """The law."""
        ...

    @property
    def y(self) -> str:
        """What it forecasts."""
        ...

    @property
    def params(self) -> Mapping[str, float]:
        """Its parameters."""
        ...

    @property
    def draws(self) -> np.ndarray:
        """Parameters as uncertain as they are, (draws, P)."""
        ...

    @property
    def level(self) -> float:
        """The level of intervals."""
        ...

    @property
    def inputs(self) -> Mapping[str, np.ndarray]:
        """The inputs of the fitted runs, or of the corners of their range, each (n,)."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What weakens it, a sentence each."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What it speaks of, where no table of runs says it, a sentence each."""
        ...


class FittedLaw(Forecaster, Protocol):
    """What a forecast needs of a fit; see `Fit`, which is one."""

    @property
    def residuals(self) -> np.ndarray:
        """How far the fitted runs lie off, (n,)."""
        ...

    @property
    def far_off(self) -> np.ndarray:
        """Which of the fitted runs lie far off, (n,)."""
        ...

    @property
    def drift(self) -> float:
        """The relative error gained for each factor e beyond the runs."""
        ...

    @property
    def bias(self) -> float:
        """By how much the law forecasts too much for each factor e beyond the runs, in ln outcome."""
        ...

    @property
    def n_parameters(self) -> int:
        """How many parameters were fitted at once."""
        ...

    @property
    def interpolates(self) -> bool:
        """Whether the law goes through all runs, so that they do not tell their noise."""
        ...

    def reach(self, at: Mapping[str, Any]) -> np.ndarray:
        """How far inputs lie beyond the fitted runs, in ln size."""
        ...

    @property
    def misfit(self) -> Misfit | None:
        """The pattern in the residuals, None for noise."""
        ...

    @property
    def measured(self) -> np.ndarray | None:
        """The outcomes of the fitted runs, (n,)."""
        ...

    @property
    def of_checkpoints(self) -> bool:
        """Whether the rows are points of trainings, not runs."""
        ...

    @property
    def of_tank(self) -> bool:
        """Whether the rows are trainings of a pilot."""
        ...
