"""How far the serving model may be off: what is not known of its constants, as far as a deployment leans on them.

Near the constants the logarithm of a latency is linear in theirs: with slopes J, their covariance C, and the standard
deviation u that no constant explains, its variance is J C J' + u². So a deployment that hangs on what differs most
between engines and chips (the host, small matmuls) has a wider interval than one that reads weights all the time. C and
u are what rows taught that no constant was fitted to, or a user's own load tests, where these are of the same model,
chip and engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from froude.cost.serving.constants import ServingConstants, serving_document, serving_entries
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.load import serving_seconds
from froude.cost.stack.stack import LATENCIES, ServingUncertainty, Stack, Uncertainty

SHIFT = 0.01
"""Of a constant's logarithm, by which slopes are taken."""

HALF_WIDTH = 1.645
"""Standard deviations of a normal to the end of its central 90%."""


@cache
def shipped_uncertainty() -> ServingUncertainty:
    """What is not known of a deployment that nobody measured."""
    between = {name: float(entry["between"]) for name, entry in serving_entries().items()}
    return ServingUncertainty(spreads=Uncertainty.of_spreads(between), unexplained=unexplained())


def unexplained() -> dict[str, float]:
    """Standard deviations of log seconds that no constant explains, as they ship."""
    return {name: float(serving_document()["unexplained"][name]) for name in LATENCIES}


def uncertainty_under(stack: Stack | None, deployment: Deployment) -> ServingUncertainty:
    """What is not known under a stack: what its load tests left open, if they were of the like, else what ships."""
    known = None if stack is None else stack.serving_uncertainty
    names = deployment.model.name, deployment.machine.chip.name, deployment.engine.name
    return known if known is not None and known.knows(*names) else shipped_uncertainty()


def half_widths(deployment: Deployment, constants: ServingConstants, doubt: ServingUncertainty) -> dict[str, float]:
    """Half-widths of 90% intervals of the logarithms of a single deployment's TTFT, TPOT and E2E."""
    covariance = np.array(doubt.spreads.covariance)
    return {
        name: HALF_WIDTH * float(np.sqrt(slope @ covariance @ slope + doubt.unexplained[name] ** 2))
        for name, slope in latency_slopes(deployment, constants, doubt.spreads.constants).items()
    }


def latency_slopes(deployment: Deployment, constants: ServingConstants, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Slopes (names,) of the logarithms of a single deployment's latencies in those of constants."""
    shifts = SHIFT * np.vstack([np.zeros(len(names)), np.eye(len(names))])
    moved = {name: getattr(constants, name) * np.exp(shifts[:, i]) for i, name in enumerate(names)}
    seconds = serving_seconds(deployment, replace(constants, **moved))
    found = {}
    for name in LATENCIES:
        logs = np.log(np.broadcast_to(np.asarray(getattr(seconds, name)).ravel(), len(names) + 1))
        slopes = (logs[1:] - logs[0]) / SHIFT
        found[name] = np.where(np.isfinite(slopes), slopes, 0.0)
    return found
