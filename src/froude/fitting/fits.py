"""A law with numbers: what a fit is, and what it forecasts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from froude.errors import InputError
from froude.fitting.curves.along import forecast_along
from froude.fitting.curves.schedules import Schedule
from froude.fitting.fit_file import read_fit_file, write_fit_file
from froude.fitting.fitted_rows import fitted_columns
from froude.fitting.forecasting import Forecast, forecast
from froude.fitting.identification import is_interpolated
from froude.fitting.measured import log_size
from froude.fitting.misfit import Misfit, find_misfit
from froude.fitting.outliers import far_off
from froude.laws import Law
from froude.laws.lr_history import LearningRates
from froude.laws.residual_scales import ResidualScale, relative_error
from froude.provenance import Computed, note_data, recorded
from froude.runs import RunsSource, read_runs


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Fit(Computed):
    """A law with numbers, and how sure they are. Made by `fit` or `Fit.load`.

    `objective` is the sum of Huber(residual, delta 1e-3). `starts_agree` of `starts_tried` random starts
    converged within 1e-6 relative of it; `converged` is False where none converged, and this is then no fit.
    `gradient` is the scaled gradient there (`Minima`), for an average the largest of its members: 0 at a minimum.
    `draws` (draws, P) are the parameters of bootstrap refits, in the order of `law.parameters`, and
    `intervals` their percentiles at `level`. `residuals` (n,) are log predicted − log measured, or
    predicted − measured, of the fitted runs, which are at positions `rows` (n,) of the table and have inputs
    `inputs`, each (n,). `drift` is the relative standard deviation that a forecast gains for each factor e
    beyond the fitted runs, from published studies and from `hold_outs` cuts of these runs, None where nobody says;
    `bias`, learned likewise, is by how much forecasts come out too high for each factor e, in ln outcome, and is taken
    out of them.
    `warnings` are what weakens it, a sentence each; forecasts repeat them. `of_checkpoints` says that the rows are
    points of trainings, not runs, `of_tank` that they are trainings of a pilot.
    """

    law: Law
    y: str
    params: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    level: float
    n: int
    diverged: int
    objective: float
    starts_tried: int
    starts_agree: int
    converged: bool
    gradient: float
    warnings: tuple[str, ...]
    draws: np.ndarray
    residuals: np.ndarray
    inputs: Mapping[str, np.ndarray]
    rows: np.ndarray
    seed: int
    drift: float
    bias: float = 0.0
    of_checkpoints: bool = False
    hold_outs: int | None = None
    of_tank: bool = False

    @property
    def residual(self) -> ResidualScale:
        """The scale on which predicted and measured outcomes are compared."""
        return self.law.residual

    @recorded
    def predict(self, of: Literal["run", "mean"] = "run", **inputs: Any) -> Forecast:
        """The outcome forecast at these inputs: of one run, or of the mean of many, without residual noise.

        Inputs may be arrays; they broadcast. InputError for an input missing, unknown or not positive.
        """
        return forecast(self, of, inputs)

    @recorded
    def along(
        self, schedule: Schedule | LearningRates, at: np.ndarray | None = None, of: Literal["run", "mean"] = "run"
    ) -> Forecast:
        """The loss curve forecast under a learning-rate schedule, for a law of such curves.

        `at` are the steps (n,), 200 from the end of warm-up to the last by default; they are the forecast's `at["S"]`.
        InputError for a law that learning rates do not suffice for, and for steps outside the schedule.
        """
        rates = schedule if isinstance(schedule, LearningRates) else schedule.rates
        return forecast_along(self, rates, at, of)

    @property
    def notes(self) -> tuple[str, ...]:
        """What it speaks of: nothing beside its table of runs."""
        return ()

    @property
    def farthest(self) -> float:
        """The largest product of the law's inputs among the fitted runs."""
        return float(np.exp(log_size(self.law, self.inputs).max()))

    def reach(self, at: Mapping[str, Any]) -> np.ndarray:
        """How far inputs lie beyond the fitted runs: ln(product of the inputs / `farthest`), negative among them."""
        return log_size(self.law, at) - log_size(self.law, self.inputs).max()

    @property
    def n_parameters(self) -> int:
        """How many parameters were fitted at once: for an average of laws, the most of any member."""
        return max([len(law.parameters) for law, _ in self.law.members] or [len(self.params)])

    @property
    def interpolates(self) -> bool:
        """Whether the law goes through all runs, so that they do not tell their noise: at most parameters + 1 runs."""
        return is_interpolated(self.n, self.n_parameters)

    @property
    def misfit(self) -> Misfit | None:
        """The pattern that the law leaves in its residuals, by which forecasts are widened; None for noise."""
        return self._misfit

    @cached_property
    def _misfit(self) -> Misfit | None:
        measured = self.measured
        return None if measured is None else find_misfit(self.law, self.inputs, self.residuals, measured)

    @property
    def predicted(self) -> np.ndarray | None:
        """What the law gives for the fitted runs (n,); None for one of learning rates, which a fit does not keep."""
        return self.law(**self.inputs, **self.params) if {*self.inputs} == {*self.law.inputs} else None

    @property
    def measured(self) -> np.ndarray | None:
        """The outcomes of the fitted runs (n,), where `predicted` is known."""
        predicted = self.predicted
        if predicted is None:
            return None
        return self.law.off_scale(self.law.on_scale(predicted) - self.residuals)

    @property
    def errors(self) -> np.ndarray:
        """How far off the fitted runs lie (n,), without signs: shares of what was measured for relative residuals."""
        return np.abs(relative_error(self.residual, self.residuals))

    @property
    def far_off(self) -> np.ndarray:
        """Which of the fitted runs lie far off the law, (n,)."""
        measured = self.measured
        return far_off(self.law, self.residuals, np.ones(len(self.residuals)) if measured is None else measured)

    def columns(self, runs: RunsSource) -> dict[str, np.ndarray]:
        """The table that was fitted, a column each (len(runs),), beside what the law says of its rows: what one plots.

        "row" is the row as read, "id" the run's name, then the law's inputs and the outcome; "predicted" by the law,
        also of diverged runs; "residual" as in `residuals`, NaN where a row was not fitted; "status" is "fitted",
        "outlier" (fitted, and far off), "diverged" or "skipped" (without an outcome or an input). InputError for
        another table than the fitted one.
        """
        taken = read_runs(runs)
        return fitted_columns(self.law, self.params, self.inputs, self.residuals, self.rows, taken, self.y)

    def save(self, path: str | Path) -> None:
        """Write one JSON file that `Fit.load` reads back exactly. InputError where it cannot be written."""
        write_fit_file(Path(path), vars(self))

    @classmethod
    def load(cls, path: str | Path) -> "Fit":
        """Read a fit from a file that `save` wrote.

        InputError where the file is missing, is no fit, is of another version or of an unknown law.
        """
        return cls(**read_fit_file(Path(path)))

    def to_dict(self) -> dict[str, Any]:
        """The fit as JSON; `froude fit --json` prints it."""
        return {
            "law": self.law.name,
            "n": self.n,
            "diverged": self.diverged,
            "params": dict(self.params),
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "level": self.level,
            "residual": self.residual,
            "objective": self.objective,
            "gradient": self.gradient,
            "starts": {"tried": self.starts_tried, "agree": self.starts_agree},
            "warnings": list(self.warnings),
            "error": {"median": float(np.median(self.errors)), "worst": float(self.errors.max())},
            "drift": self.drift,
            "bias": self.bias,
            "hold_outs": self.hold_outs,
            **self.origin,
        }


def read_fit(source: Fit | str | Path) -> Fit:
    """A fit, or the one in a file; its data become part of the provenance of what is made of it.

    InputError for what is neither, and as `Fit.load` raises it.
    """
    if not isinstance(source, Fit | str | Path):
        raise InputError(f"a {type(source).__name__} is no fit: fit a law first, as in froude.fit('chinchilla', runs)")
    fit = source if isinstance(source, Fit) else Fit.load(source)
    for sha256 in fit.provenance.data_sha256 if fit.provenance else ():
        note_data(sha256)
    return fit
