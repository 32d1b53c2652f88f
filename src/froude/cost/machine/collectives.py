"""Seconds of collective communication among devices in nodes.

A group of devices that stand `stride` apart has so many of its members in one node as the node holds; ring algorithms
pipeline what passes inside nodes and between them, so that the slower of both decides, and each hop adds a latency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Machine
from froude.cost.model.operators import Number


@final
@dataclass(frozen=True, kw_only=True)
class Group:
    """Devices that communicate: `size` of them, `stride` apart in the order in which nodes are filled."""

    size: Number
    stride: Number = 1

    def inside(self, machine: Machine) -> Number:
        """Members that share a node."""
        return np.minimum(self.size, np.maximum(machine.devices_per_node // np.maximum(self.stride, 1), 1))


def gather_seconds(group: Group, whole_bytes: Number, machine: Machine, constants: Constants) -> Number:
    """Seconds of an all-gather that leaves `whole_bytes` on every member; of a reduce-scatter of as much too.

    Inside a node (g − 1)/g of the bytes pass each device's link. Between nodes the members in a node share the
    bytes that enter it, each by its own part of the fabric.
    """
    inside = group.inside(machine)
    nodes = group.size / inside
    near = whole_bytes * (inside - 1) / inside / (machine.node_link.bandwidth_bytes_per_s * constants.collective)
    far = whole_bytes * (nodes - 1) / nodes / (inside * machine.fabric.bandwidth_bytes_per_s * constants.collective)
    return np.maximum(near, far) + hop_seconds(group, machine, constants)


def hop_seconds(group: Group, machine: Machine, constants: Constants) -> Number:
    """Seconds of a ring's hops: one from each member to the next, between nodes where that stands in another."""
    nodes = group.size / group.inside(machine)
    hops = (group.size - nodes) * machine.node_link.latency_s + (nodes - 1) * machine.fabric.latency_s
    return hops * constants.latency


def beside_seconds(group: Group, whole_bytes: Number, machine: Machine, constants: Constants) -> Number:
    """What a gather or scatter of `whole_bytes` takes from compute beside it: a share of its time on the node's links.

    A slower fabric makes it longer, and does not make it move more through the device.
    """
    passed = whole_bytes * (group.size - 1) / group.size
    return constants.beside * passed / machine.node_link.bandwidth_bytes_per_s


def reduce_seconds(group: Group, whole_bytes: Number, machine: Machine, constants: Constants) -> Number:
    """Seconds of an all-reduce: a reduce-scatter and an all-gather."""
    return 2 * gather_seconds(group, whole_bytes, machine, constants)


def exchange_seconds(
    group: Group, sent_bytes: Number, machine: Machine, constants: Constants, far_share: Number = 1.0
) -> Number:
    """Seconds of an all-to-all in which each member sends `sent_bytes` in all, a part of it to itself.

    `far_share` is how much of what goes to other nodes crosses the fabric, where copies are made behind it.
    """
    inside = group.inside(machine)
    near = sent_bytes * (inside - 1) / group.size / (machine.node_link.bandwidth_bytes_per_s * constants.collective)
    far = far_share * sent_bytes * (group.size - inside) / group.size
    far = far / (machine.fabric.bandwidth_bytes_per_s * constants.collective)
    several = np.where(group.size > 1, 1.0, 0.0)
    return np.maximum(near, far) + several * machine.fabric.latency_s * constants.latency


def send_seconds(stride: Number, sent_bytes: Number, machine: Machine, constants: Constants) -> Number:
    """Seconds of sending bytes to the device `stride` further on: by the fabric where it stands in another node."""
    link = [machine.node_link, machine.fabric]
    near, far = (one.latency_s + sent_bytes / (one.bandwidth_bytes_per_s * constants.collective) for one in link)
    return np.where(np.asarray(stride) < machine.devices_per_node, near, far)
