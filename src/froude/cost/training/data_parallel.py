"""Communication of data parallelism: gradients reduced, and with ZeRO states divided and weights gathered.

ZeRO 1 and 2: Rajbhandari et al. 2020, arXiv:1910.02054; fully sharded with prefetch: Zhao et al. 2023,
arXiv:2304.11277. A plain or stage-1 layout communicates once a step, behind the last micro-batch; stage 2 reduces
gradients every micro-batch; stage 3 also gathers weights in every forward and backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.collectives import Group, beside_seconds, gather_seconds, hop_seconds
from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Machine
from froude.cost.model.operators import Number
from froude.cost.training.layout import Layout
from froude.cost.training.passes import Passes
from froude.cost.training.share import Share, data_group, expert_data_group, shard_group
from froude.cost.training.work import moving_seconds


def data_seconds(share: Share, machine: Machine, layout: Layout, constants: Constants, micro: Passes) -> Number:
    """Seconds a step of data-parallel communication that compute does not hide, and of the copies it asks for.

    `micro` is one micro-batch on the busiest device, behind which communication can hide.
    """
    dense = _collectives(share.dense, share.units, data_group(layout), machine, layout, constants)
    experts = _collectives(share.experts, share.units, expert_data_group(layout), machine, layout, constants)
    gather, scatter, across = (one + other for one, other in zip(dense, experts, strict=True))
    many = layout.micro_batches
    forward, backward = (one.seconds * _window(layout) for one in (micro.forward, micro.backward))
    if layout.zero == 3:
        each = _exposed_seconds(gather + gather + scatter, micro.seconds, layout)
        once = _exposed_seconds(across, backward, layout)
    elif layout.zero == 2:
        each = _exposed_seconds(scatter, micro.backward.seconds, layout)
        once = _exposed_seconds(gather, forward, layout) + _exposed_seconds(across, backward, layout)
    else:
        each = 0.0
        once = _exposed_seconds(scatter + across, backward, layout) + _exposed_seconds(gather, forward, layout)
    return (many * each + once) / layout.local_steps + many * _copies(share, machine, layout, constants)


def _window(layout: Layout) -> Number:
    """Passes of a micro-batch that hide what is communicated once a step: the last, or the first.

    Of an interleaved schedule's v chunks the last one alone waits for its own pass; the others are done while the p
    micro-batches of the last round pass it.
    """
    v = np.asarray(layout.interleave)
    return np.where(v > 1, (layout.pipeline + 1) / v, 1.0)


@final
@dataclass(frozen=True, kw_only=True)
class _Collective:
    """Seconds of a collective: of its bytes, of its hops, and those it takes from compute beside it."""

    bytes: Number
    hops: Number
    beside: Number

    def __add__(self, other: _Collective) -> _Collective:
        return _Collective(
            bytes=self.bytes + other.bytes, hops=self.hops + other.hops, beside=self.beside + other.beside
        )


def _collectives(
    parameters: Number, units: Number, group: Group, machine: Machine, layout: Layout, constants: Constants
) -> tuple[_Collective, _Collective, _Collective]:
    """Gathering weights once, scattering gradients once, and reducing them between shard groups, in `units` pieces."""
    inner = shard_group(group, layout)
    outer = Group(size=group.size / inner.size, stride=inner.stride * inner.size)
    sent = parameters * layout.precision.reduce / layout.compress
    present = np.where(np.asarray(parameters) > 0, 1.0, 0.0)

    def collective(among: Group, whole_bytes: Number) -> _Collective:
        hops = hop_seconds(among, machine, constants)
        return _Collective(
            bytes=present * (gather_seconds(among, whole_bytes, machine, constants) - hops),
            hops=present * hops * units,
            beside=present * beside_seconds(among, whole_bytes, machine, constants),
        )

    return (
        collective(inner, parameters * layout.precision.weights),
        collective(inner, sent),
        collective(outer, 2 * sent / inner.size),
    )


def _exposed_seconds(work: _Collective, behind: Number, layout: Layout) -> Number:
    """What communication adds to a step: all of it, or beside compute what it takes and what is longer than compute.

    From stage 2 on every block waits for its own collective, so that the hops show, which grow with the group.
    """
    if not layout.overlap:
        return work.bytes + work.hops
    hidden = work.bytes if layout.zero >= 2 else work.bytes + work.hops
    return work.beside + np.maximum(hidden - behind, 0) + (work.hops if layout.zero >= 2 else 0.0)


def _copies(share: Share, machine: Machine, layout: Layout, constants: Constants) -> Number:
    """Copies of ZeRO 3 in and out of communication buffers, a micro-batch: weights twice, gradients once."""
    if layout.zero < 3:
        return 0.0 * share.parameters
    precision = layout.precision
    moved = 2 * (2 * precision.weights) + precision.gradients + precision.reduce
    return moving_seconds(moved * share.parameters, machine.chip, layout, constants)
