"""Seconds of experts, scans and narrow heads: launches by expert, graphs, biases, what a dispatch hides behind."""

from dataclasses import replace
from typing import get_args

import pytest

from froude.cost import get_machine, get_model, get_stack, train_cost
from froude.cost.model.operators import Elementwise
from froude.cost.training.layout import Graphs, Layout
from froude.cost.training.passes import block_passes
from froude.cost.training.work import forward_work, width_factor

QWEN, OSS, NEMOTRON = get_model("qwen3-30b-a3b"), get_model("gpt-oss-20b"), get_model("nemotron-3-nano")
H100, B200, B300 = (get_machine(f"8 x {name}") for name in ("h100", "b200", "b300"))
LAYOUT = Layout(devices=8, global_batch=64, seq_len=4096, expert=8, zero=1, attention="flash-3", compiled=True)


def passes(model, layout, machine=H100):
    """Both passes of the model's first block."""
    return block_passes(model.blocks[0].operators, machine, layout, layout.constants)


def fixed(model, layout):
    """Launches and gaps of a block, forward and backward."""
    both = passes(model, layout)
    return float(both.forward.fixed + both.backward.fixed)


def test_every_expert_of_a_device_has_launches_of_its_own():
    few, many = fixed(QWEN, replace(LAYOUT, expert=8)), fixed(QWEN, replace(LAYOUT, expert=2))
    assert many - few == pytest.approx((64 - 16) * LAYOUT.constants.expert_launch)
    assert fixed(get_model("qwen3-8b"), replace(LAYOUT, expert=1)) == pytest.approx(LAYOUT.constants.launch)


def test_graphs_of_parts_leave_the_launches_of_experts():
    none, partial, full = (fixed(QWEN, replace(LAYOUT, graphs=graphs)) for graphs in get_args(Graphs))
    of_experts = 16 * LAYOUT.constants.expert_launch
    assert full < of_experts < partial < none
    assert partial - of_experts < none - of_experts


def test_experts_whose_rows_the_device_knows_are_as_fast_as_one_matmul():
    (operator,) = (o for o in QWEN.blocks[0].operators if o.name == "experts.in")
    whole, each = (
        float(forward_work(operator, H100.chip, replace(LAYOUT, graphs=graphs), LAYOUT.constants).matmul)
        for graphs in get_args(Graphs)[1:][::-1]
    )
    assert whole / each == pytest.approx(LAYOUT.constants.grouped)


def test_a_stack_with_one_kernel_for_all_experts_launches_less():
    layout = {"expert": 1, "global_batch": 64, "micro_batch": 1, "seq_len": 4096, "recompute": "full"}
    titan, bridge = (
        train_cost(QWEN, H100, stack=get_stack(name), graphs="none", **layout).cost.step.fixed
        for name in ("torchtitan", "megatron-bridge")
    )
    assert 3 * titan < bridge


def test_biases_of_experts_and_their_clamps_are_passes_of_their_own():
    (added,) = (o for o in OSS.blocks[0].operators if isinstance(o, Elementwise) and o.name == "experts.bias")
    # Megatron Core 0.19.2: 14 + 18 values of a bias, 8 + 24 of a clamp, four experts a token, both 2,880 wide
    counted = 4 * 2880 * ((14 + 18) + (8 + 24))
    moved = float(added.moved) * 0.5 * (1 + 1.8)
    assert moved == pytest.approx(counted, rel=0.02)
    assert not [o for o in QWEN.blocks[0].operators if o.name == "experts.bias"]


def test_a_dispatch_beside_compute_costs_less_than_one_that_is_waited_for():
    machine = get_machine("64 x h100")
    layout = replace(LAYOUT, devices=64, expert=64, dispatch="node")
    alone, beside = (
        float(passes(QWEN, replace(layout, overlap_expert=overlaps), machine).forward.expert)
        for overlaps in (False, True)
    )
    forward = passes(QWEN, layout, machine).forward
    work = float(forward.compute + forward.memory)
    assert max(alone - 1.5 * work, 0) < beside < alone


def test_up_to_hopper_no_dispatch_hides_beside_tensor_parallelism():
    layout = replace(LAYOUT, devices=64, expert=32, tensor=2, expert_tensor=1, sequence_parallel=True)
    for chip, hides in (("h100", False), ("b200", True)):
        machine = get_machine(f"64 x {chip}")
        alone, beside = (
            float(passes(QWEN, replace(layout, overlap_expert=overlaps), machine).forward.expert)
            for overlaps in (False, True)
        )
        assert (beside < alone) == hides


def test_a_scan_takes_the_time_of_the_bytes_it_moves():
    (scan,) = {o for block in NEMOTRON.blocks for o in block.operators if o.name == "mamba.scan"}
    slow = replace(H100.chip, memory_bandwidth_bytes_per_s=H100.chip.memory_bandwidth_bytes_per_s / 2)
    usual, halved = (forward_work(scan, chip, LAYOUT, LAYOUT.constants) for chip in (H100.chip, slow))
    assert float(usual.attention) == float(usual.matmul) == 0
    assert float(halved.memory) == pytest.approx(2 * float(usual.memory))
    longer = forward_work(scan, H100.chip, replace(LAYOUT, seq_len=8192), LAYOUT.constants)
    assert float(longer.memory) == pytest.approx(2 * float(usual.memory))


def test_narrow_heads_are_slower_where_special_units_are_few():
    at_64 = {machine.chip.name: float(width_factor("flash-3", 64, machine.chip)) for machine in (H100, B200, B300)}
    h100, b200, b300 = at_64.values()
    assert b200 < h100 == pytest.approx(b300, rel=0.01)
    assert all(width_factor("flash-3", 128, machine.chip) == pytest.approx(1) for machine in (H100, B200, B300))
