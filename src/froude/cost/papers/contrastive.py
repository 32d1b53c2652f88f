"""Memory of a contrastive loss over a batch of pairs: the matrix of similarities whole, or in tiles.

Every pair is compared with every other, so that similarities grow as the square of the batch; in tiles, with partial
sums of exponentials going round the devices, only features remain, which grow with it (Inf-CL, Cheng et al. 2024,
arXiv:2410.17243).
"""

from __future__ import annotations

from froude.cost.model.operators import Number

VALUE_BYTES = 4
"""Bytes of a similarity or feature: losses are computed in fp32."""

MATRICES = 2
"""Matrices of similarities in memory at the peak: exponentials and the gradient (counted)."""

FEATURES = 4
"""Copies of a device's features of both towers: themselves, their gradients, and those that come and go on the ring."""


def loss_bytes(batch: Number, width: Number, devices: Number = 1, *, tile: Number | None = None) -> Number:
    """Bytes on one device of the loss of `batch` pairs of features of a width, an equal part of the rows on each.

    Without a `tile` a device holds its rows of the matrix whole, batch²/devices values; with one tile² values at a
    time, and of every row a sum and a maximum.
    """
    rows = batch / devices
    features = 2 * FEATURES * rows * width
    if tile is None:
        return VALUE_BYTES * (features + MATRICES * rows * batch)
    return VALUE_BYTES * (features + MATRICES * tile**2 + 2 * 2 * rows)
