"""How a step's time answers to the constants of the step-time model, and how uncertain they leave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.stack.stack import Uncertainty
from froude.cost.training.layout import Layout
from froude.cost.training.pipeline.predictions import with_predictions
from froude.cost.training.step import step_seconds

DIFFERENCE = 0.01
"""Of the logarithm of a constant, over which the slope is taken."""


def log_slopes(
    model: Model, machine: Machine, layout: Layout, constants: Constants, names: Sequence[str]
) -> np.ndarray:
    """d log(step seconds) / d log(constant) of each named constant, (layouts, constants), by forward differences.

    Each is minus or plus the share of the step that the constant governs, so none is beyond −1 to 1 by much. The model
    has its predictions (`with_predictions`), as in `step_seconds`.
    """
    logs = _log_seconds(model, machine, layout, constants, names)
    return ((logs[1:] - logs[0]) / DIFFERENCE).T


def _log_seconds(
    model: Model, machine: Machine, layout: Layout, constants: Constants, names: Sequence[str]
) -> np.ndarray:
    """Log seconds by the constants, and by each named one a little larger: (1 + constants, layouts), at once."""
    larger = np.exp(DIFFERENCE * np.eye(len(names) + 1)[:, 1:])
    columns = {name: getattr(constants, name) * larger[:, [i]] for i, name in enumerate(names)}
    seconds = np.asarray(step_seconds(model, machine, layout, replace(constants, **columns)).total, dtype=float)
    return np.log(np.broadcast_to(seconds, np.broadcast_shapes(seconds.shape, (len(names) + 1, 1))))


def constants_error(model: Model, machine: Machine, layout: Layout, known: Uncertainty) -> float:
    """Standard deviation of log step seconds of a layout by how well the constants are known."""
    model = with_predictions(model, layout)
    (slopes,) = log_slopes(model, machine, layout, layout.constants, known.constants)
    return float(np.sqrt(slopes @ np.array(known.covariance) @ slopes))
