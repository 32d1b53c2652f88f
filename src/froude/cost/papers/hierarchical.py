"""All-to-all in two stages: among the devices of a node, then between nodes in fewer, larger messages.

A plain all-to-all sends a message from every device to every other. Where the devices of a node share one network card
it works off all of them one after another. The hierarchical one first exchanges inside nodes, so that one message goes
from a node to each other node (HetuMoE, Nie et al. 2022, arXiv:2203.14685).
"""

from __future__ import annotations

import numpy as np

from froude.cost.machine.collectives import Group, exchange_seconds
from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Machine
from froude.cost.model.operators import Number


def messages_between_nodes(group: Group, machine: Machine, *, hierarchical: bool) -> Number:
    """Messages that leave a node in one all-to-all."""
    inside = group.inside(machine)
    nodes = group.size / inside
    return nodes - 1 if hierarchical else inside * (group.size - inside)


def message_bytes(group: Group, sent_bytes: Number, machine: Machine, *, hierarchical: bool) -> Number:
    """Bytes of one message between nodes, where each member sends `sent_bytes` in all."""
    inside = group.inside(machine)
    leaving = inside * sent_bytes * (group.size - inside) / group.size
    return leaving / np.maximum(messages_between_nodes(group, machine, hierarchical=hierarchical), 1)


def all_to_all_seconds(
    group: Group, sent_bytes: Number, machine: Machine, constants: Constants, *, hierarchical: bool = False
) -> Number:
    """Seconds of an all-to-all in which messages of a node wait for each other at its network card.

    Bytes pass as in `exchange_seconds`, which counts one latency; each further message that leaves a node adds the
    latency of the fabric. The first stage of the hierarchical one moves what goes to other nodes through the node once
    more before, and once more behind it.
    """
    plain = exchange_seconds(group, sent_bytes, machine, constants)
    waiting = np.maximum(messages_between_nodes(group, machine, hierarchical=hierarchical) - 1, 0)
    seconds = plain + waiting * machine.fabric.latency_s * constants.latency
    if not hierarchical:
        return seconds
    inside = group.inside(machine)
    moved = sent_bytes * (inside - 1) / inside * (group.size - inside) / group.size
    stage = moved / (machine.node_link.bandwidth_bytes_per_s * constants.collective)
    return seconds + 2 * (stage + (inside - 1) * machine.node_link.latency_s * constants.latency)
