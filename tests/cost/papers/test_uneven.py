"""Rows of the atlas about uneven work: sequences of many lengths, experts, links inside and between nodes.

"As remembered" marks what of a paper's setting was not looked up.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from froude.cost import Layout, decoder, evaluate, get_machine, get_model
from froude.cost.machine.collectives import Group
from froude.cost.machine.constants import constants
from froude.cost.machine.machine import Machine
from froude.cost.model.layers import Mixture
from froude.cost.papers.hierarchical import all_to_all_seconds, message_bytes, messages_between_nodes
from froude.cost.papers.lengths import Lengths, context_degrees, dynamic_gain, packed_buffers, packed_passes
from froude.cost.papers.routing import DROPLESS, device_imbalance, dropping_none, padding
from froude.errors import InputError
from headlines import near

LONG = 262_144
LLAMA = get_model("llama-3.1-8b")
H100S = get_machine("256 x h100")
ROOM = 8192.0
BYTESCALE = Layout(devices=256, global_batch=256, seq_len=8192)


@pytest.mark.atlas("bytescale", "modelled")
def test_a_degree_for_each_sequence_gains_more_on_skewed_lengths(
    record_property,
) -> None:
    lengths = 2.0 ** np.arange(8, 19)
    degrees = context_degrees(lengths, ROOM)
    assert degrees.tolist() == [1] * 6 + [2, 4, 8, 16, 32]
    own = packed_passes(LLAMA, H100S, BYTESCALE, lengths, degrees, ROOM)
    static = packed_passes(LLAMA, H100S, BYTESCALE, lengths, 32.0, ROOM)
    assert np.all(np.asarray(own.forward.context)[degrees == 1] == 0)
    assert np.all(np.asarray(static.forward.context) > 0)
    gains, skews = [1.0], []
    for long in (0.5, 0.1, 0.01, 0.001, 0.0001):  # share of sequences that are long, the others have 2,048 tokens
        counts = 10_000 * np.array([1 - long, long])
        gains.append(
            dynamic_gain(LLAMA, H100S, BYTESCALE, Lengths(lengths=np.array([2048, LONG]), counts=counts), ROOM)
        )
        skews.append((1 - 2 * long) / np.sqrt(long * (1 - long)))
    assert skews == sorted(skews)
    assert gains == sorted(gains)
    assert 1.1 < gains[-1] < 7.89
    alike = Lengths(lengths=np.array([LONG]), counts=np.array([10.0]))
    assert dynamic_gain(LLAMA, H100S, BYTESCALE, alike, ROOM) == 1.0
    record_property("found", f"gain {gains[1]:.2f} at skewness 0 to {gains[-1]:.2f} at {skews[-1]:.0f}")


def test_buffers_hold_every_sequence_once_and_no_fewer_could() -> None:
    rng = np.random.default_rng(1)
    drawn = Lengths.of(rng.integers(1, 1000, 300))
    buffers = packed_buffers(drawn, 1000)
    assert np.ceil(drawn.tokens / 1000) <= buffers <= 11 / 9 * np.ceil(drawn.tokens / 1000) + 1
    with pytest.raises(InputError, match="longer than a buffer"):
        packed_buffers(drawn, 500)


@pytest.mark.atlas("hetumoe", "modelled")
def test_two_stages_gain_on_one_network_card_and_not_on_uniform_links(
    record_property,
) -> None:
    # Links are uniform here where every device is a node of its own, so that there is nothing to exchange inside: how
    # two stages do over nodes that no link tells apart is not shown.
    machine = get_machine("64 x a100-80")
    shared = replace(machine.fabric, bandwidth_bytes_per_s=100e9 / 8 / 8)  # one card of 100 Gb/s for eight devices
    one_card, uniform = replace(machine, fabric=shared), replace(machine, devices_per_node=1, fabric=machine.node_link)
    group, sent = Group(size=64), 16e6  # bytes a device, as in the paper's comparison (as remembered)

    def gain(where: Machine) -> float:
        plain, staged = (
            float(all_to_all_seconds(group, sent, where, constants(), hierarchical=way)) for way in (False, True)
        )
        return plain / staged

    counts = [float(messages_between_nodes(group, one_card, hierarchical=way)) for way in (False, True)]
    sizes = [float(message_bytes(group, sent, one_card, hierarchical=way)) for way in (False, True)]
    assert counts == [448, 7]
    assert sizes[1] / sizes[0] == pytest.approx(64)
    assert gain(one_card) > 1.15
    assert gain(uniform) == pytest.approx(1.0)
    record_property("found", f"7 messages a node for 448; {gain(one_card):.2f}× on one card, 1.00× on uniform links")


@pytest.mark.atlas("megablocks", "modelled")
def test_dropless_experts_gain_at_most_1_4_times_over_padded_ones(record_property) -> None:
    # Gale et al. 2022: 64 experts, top 1, capacities of 1 to 2, three sizes on eight A100 (as remembered).
    trace = np.random.default_rng(0).dirichlet(np.full(64, 4.0), 50) * 16_384
    machine = get_machine("8 x a100-80")
    assert DROPLESS.padded == DROPLESS.dropped == 0
    assert padding(trace, float(dropping_none(trace).max())).dropped == 0
    drops, gains = [], []
    for capacity in (1.0, 1.5, 2.0):
        priced = padding(trace, capacity)
        drops.append(priced.dropped)
        for hidden, layers in ((512, 6), (768, 12), (1024, 24)):
            padded, dropless = (seconds_of_experts(machine, hidden, layers, p.computed) for p in (priced, DROPLESS))
            gains.append(padded / dropless)
    assert drops == sorted(drops, reverse=True)
    assert drops[0] > drops[-1] > 0
    assert max(gains) == near(1.4)
    assert min(gains) >= 1 - 1e-9
    measured = f"gain up to {max(gains):.2f}; dropped at capacity 1, 1.5, 2: {', '.join(f'{d:.1%}' for d in drops)}"
    record_property("found", measured)


def seconds_of_experts(machine: Machine, hidden: int, layers: int, computed: float) -> float:
    """Seconds of a step where experts work on so many times the positions sent to them."""
    mixture = Mixture(experts=64, top_k=1, width=4 * hidden, capacity=computed)
    sizes: dict[str, Any] = {
        "layers": layers,
        "hidden": hidden,
        "heads": hidden // 64,
        "vocabulary": 51200,
        "context": 1024,
    }
    model = decoder(name="moe", **sizes, mixture=mixture)
    layout = Layout(devices=8, global_batch=512, micro_batch=16, seq_len=1024, expert=8, zero=1)
    return float(evaluate(model, machine, layout).step_seconds)


def test_fewer_experts_a_device_wait_longer_for_the_fullest() -> None:
    trace = np.random.default_rng(0).dirichlet(np.full(64, 4.0), 50)
    waits = [device_imbalance(trace, devices).mean() for devices in (1, 4, 16, 64)]
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(1.0)
    with pytest.raises(InputError, match="do not divide"):
        device_imbalance(trace, 5)
