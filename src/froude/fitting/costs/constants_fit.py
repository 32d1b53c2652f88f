"""Constants of the step-time model moved to explain measured steps: the most likely ones under a normal prior.

In logarithms, log seconds = log predicted(constants) + noise, with prior log constants ~ Normal(log start, Σ). The mode
is found by Gauss-Newton steps with the weights of Huber's loss, and around it the model is taken as linear: with slopes
J, weights w and noise σ the posterior covariance is C = (Σ⁻¹ + Jᵀ diag(w / σ²) J)⁻¹. A step's leverage h, which is
w·Jᵢ C Jᵢᵀ / σ², says how much of its own error it explains: when it is left out its error is r / (1 − h), as in any
linear regression with a normal prior (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, section
5.4.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.machine.constants import Constants
from froude.cost.stack.stack import Uncertainty
from froude.fitting.costs.batches import StepBatch, predicted_seconds, slopes_of

MOST_STEPS, MOST_HALVINGS = 30, 6
SETTLED = 0.03
"""Standard deviations of the prior: a step that moves constants by less is the last."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ConstantsFit:
    """Constants with what is still uncertain of them, and log errors (steps,) of the steps that they were fitted to.

    `noise` is the standard deviation of each step's log seconds that constants do not explain; `leverage` how much of
    its error each explains itself.
    """

    constants: Constants
    uncertainty: Uncertainty
    errors: np.ndarray
    noise: np.ndarray
    leverage: np.ndarray

    @property
    def left_out(self) -> np.ndarray:
        """Log errors of each step by constants that were fitted to all others, linearised at the mode."""
        return self.errors / (1 - self.leverage)

    @property
    def left_out_deviation(self) -> np.ndarray:
        """Standard deviations of these."""
        return self.noise / np.sqrt(1 - self.leverage)


def fit_constants(
    batches: Sequence[StepBatch],
    seconds: np.ndarray,
    start: Constants,
    prior: Uncertainty,
    noise: float | np.ndarray,
    near: Constants | None = None,
) -> ConstantsFit:
    """The constants named in `prior` moved to explain steps of these seconds; all others stay as they start.

    `noise` is the standard deviation of log seconds that constants are not asked to explain, of all or of each
    (steps,); what is beyond counts linearly. The search begins `near` some constants, by default where they start.
    """
    problem = _Problem(
        batches=batches,
        measured=np.log(seconds),
        start=start,
        names=prior.constants,
        precision=np.linalg.inv(np.array(prior.covariance)),
        noise=np.broadcast_to(np.asarray(noise, dtype=float), len(seconds)),
    )
    logs = problem.logs_of(near or start)
    errors = problem.errors(logs)
    for _ in range(MOST_STEPS):
        logs, errors, moved = _step(problem, logs, errors)
        if moved < SETTLED:
            break
    slopes, weights = problem.slopes(logs), problem.weights(errors)
    posterior = np.linalg.inv(problem.precision + (slopes.T * weights) @ slopes)
    posterior = (posterior + posterior.T) / 2
    return ConstantsFit(
        constants=problem.constants(logs),
        uncertainty=Uncertainty(constants=prior.constants, covariance=tuple(map(tuple, posterior.tolist()))),
        errors=errors,
        noise=problem.noise,
        leverage=weights * np.einsum("ij,jk,ik->i", slopes, posterior, slopes),
    )


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class _Problem:
    """What is to be explained, by which constants, and how far they are held to where they start."""

    batches: Sequence[StepBatch]
    measured: np.ndarray
    start: Constants
    names: tuple[str, ...]
    precision: np.ndarray
    noise: np.ndarray

    def logs_of(self, constants: Constants) -> np.ndarray:
        """Logarithms of the moved ones."""
        return np.log([getattr(constants, name) for name in self.names])

    def constants(self, logs: np.ndarray) -> Constants:
        """The constants of these logarithms."""
        return replace(self.start, **dict(zip(self.names, np.exp(logs).tolist(), strict=True)))

    def errors(self, logs: np.ndarray) -> np.ndarray:
        """Log errors of all steps."""
        return np.log(predicted_seconds(self.batches, self.constants(logs))) - self.measured

    def slopes(self, logs: np.ndarray) -> np.ndarray:
        """Slopes of all steps."""
        return slopes_of(self.batches, self.constants(logs), self.names)

    def weights(self, errors: np.ndarray) -> np.ndarray:
        """Huber's, over the variance of the noise."""
        return np.minimum(1, self.noise / np.maximum(abs(errors), 1e-12)) / self.noise**2

    def loss(self, logs: np.ndarray, errors: np.ndarray) -> float:
        """Huber's loss of the errors, and how far constants are from where they start."""
        off, shift = abs(errors) / self.noise, logs - self.logs_of(self.start)
        return float(np.sum(np.where(off < 1, off**2, 2 * off - 1)) + shift @ self.precision @ shift)


def _step(problem: _Problem, logs: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """One Gauss-Newton step, halved until it lowers the loss: logarithms, errors, and by how many prior deviations."""
    slopes, weights = problem.slopes(logs), problem.weights(errors)
    normal = problem.precision + (slopes.T * weights) @ slopes
    downhill = slopes.T @ (weights * errors) + problem.precision @ (logs - problem.logs_of(problem.start))
    step, before = -np.linalg.solve(normal, downhill), problem.loss(logs, errors)
    for _ in range(MOST_HALVINGS):
        after = problem.errors(logs + step)
        if problem.loss(logs + step, after) < before:
            return logs + step, after, float(np.sqrt(step @ problem.precision @ step))
        step = step / 2
    return logs, errors, 0.0
