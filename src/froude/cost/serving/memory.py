"""Bytes that serving holds, and the batch for which a machine has room."""

from __future__ import annotations

import numpy as np

from froude.cost.machine.machine import RUNTIME_BYTES, Machine
from froude.cost.model.formats import kv_bytes, model_bytes
from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.serving.iteration import Serving


def serving_bytes(model: Model, serving: Serving) -> Number:
    """Bytes that serving holds on all devices: weights, keys and values of the batch."""
    weights = model_bytes(model, serving.weights, others=serving.others)
    return weights + serving.batch * kv_bytes(model, serving.context, serving.kv)


def largest_batch(model: Model, machine: Machine, serving: Serving) -> Number:
    """Sequences whose keys and values the devices hold beside the weights and the runtime; 0 where these do not fit.

    Infinite for a model that keeps none. The batch of the serving does not matter. Activations of a decoding pass are
    small and left out.
    """
    room = serving.devices * (machine.chip.memory_bytes - RUNTIME_BYTES)
    left = room - model_bytes(model, serving.weights, others=serving.others)
    with np.errstate(divide="ignore"):
        return np.maximum(np.floor(np.divide(left, kv_bytes(model, serving.context, serving.kv))), 0)
