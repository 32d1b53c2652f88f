"""Memory by software stack: formats, gradients, loss, the optimizer's step, and what lies outside of tensors."""

from dataclasses import replace

import pytest

import froude
from froude.cost import get_machine, get_model
from froude.cost.stack.known_stacks import get_stack
from froude.cost.training.assumptions import under_stack
from froude.cost.training.layout import Layout, Precision
from froude.cost.training.memory.activations import block_bytes
from froude.cost.training.memory.device_memory import MemoryBytes, context_bytes, memory_bytes

LLAMA = get_model("llama-3.1-8b")
HOPPER, BLACKWELL = (get_machine(name).chip for name in ("h100", "b200"))
ALONE = Layout(devices=1, global_batch=1, seq_len=8192, compiled=True)
WIDTH, INNER, KEYS, HEADS = 4096, 14336, 1024, 4096


def under(stack: str, **fields: object) -> MemoryBytes:
    return memory_bytes(LLAMA, replace(ALONE, stack=get_stack(stack), **fields))


def kept(**fields: object) -> float:
    """Bytes a position that a block keeps."""
    return float(block_bytes(LLAMA.blocks[0].operators, replace(ALONE, **fields))) / 8192


def test_narrow_matmuls_keep_narrow_inputs_and_attention_its_output():
    wide = 2 * (4 * WIDTH + HEADS + 2 * KEYS + HEADS + 3 * INNER)
    assert kept() == wide
    inputs = 2 * WIDTH + HEADS + INNER
    narrow = Precision(inputs=1)
    assert kept(precision=narrow) == wide - inputs + 2 * HEADS


@pytest.mark.parametrize(("chip", "copies"), [(HOPPER, 4), (BLACKWELL, 3)])
def test_transposed_copies_of_weights_stay_where_a_chip_needs_them(chip, copies):
    found = under_stack("fp8", get_stack("megatron"), chip)
    assert (found.matmul_weights, found.inputs) == (copies, 1)
    blocks = sum(float(block.count * o.parameters) for block in LLAMA.blocks for o in block.operators)
    more = under("megatron", precision=found).weights - under("megatron").weights
    assert float(more) == pytest.approx((copies - 2) * blocks)


def test_kernels_of_their_own_keep_more_than_compiled_ones():
    eager = kept(compiled=False) - kept()
    assert eager == 2 * 4 * WIDTH + 2 * INNER  # fp32 inputs of two norms with what they norm, and the gate
    repeated = kept(stack=get_stack("torchtitan")) - kept()
    assert repeated == 2 * 2 * (HEADS - KEYS)


def test_a_loss_takes_what_its_kernels_do():
    logits = 8192 * 128256
    found = {
        (stack, fused): float(under(stack, global_batch=2, fused_loss=fused, recompute="full").logits) / logits
        for stack, fused in (("torchtitan@2025-04", False), ("megatron", False), ("megatron-bridge", True))
    }
    assert list(found.values()) == [12, 6, 2]


def test_gradients_stay_on_the_device_where_a_stack_leaves_them_there():
    gone, stays = (under(stack, offload_optimizer="host") for stack in ("deepspeed", "megatron"))
    assert gone.gradients == 0 == gone.optimizer
    assert stays.gradients > 0 == stays.optimizer


def test_paged_optimizers_leave_gradients_until_weights_leave_too():
    # meta-pytorch/torchtune#987: 70B, all in bf16 with paged AdamW, holds some 51 GB on each of 8 A100.
    sizes = {"global_batch": 8, "micro_batch": 1, "seq_len": 2048, "zero": 3, "recompute": "full"}
    asked = {"precision": "bf16-lean", "offload_optimizer": "host", **sizes}
    paged = froude.train_cost("llama-2-70b", "8 x a100-80", **asked).cost.memory
    assert float(paged.total) == pytest.approx(51e9, rel=0.1)
    gone = under("fsdp", zero=3, devices=8, global_batch=8, offload_optimizer="host", offload_parameters="host")
    assert gone.gradients == 0 == gone.weights


@pytest.mark.parametrize(("stack", "each"), [("eager", 18), ("deepspeed", 18), ("fsdp", 16), ("torchtitan", 16)])
def test_states_of_zero_3_are_those_that_a_stack_divides(stack, each):
    # deepspeedai/DeepSpeed#4527: 18 bytes a parameter; FSDP 2 gathers from its masters and has 16.
    found = under(stack, devices=4, global_batch=4, seq_len=128, recompute="full", zero=3)
    states = float(found.weights + found.gradients + found.optimizer)
    assert states == pytest.approx(each * float(LLAMA.n_params) / 4)


def test_a_step_that_copies_its_states_can_be_the_peak():
    small = {"seq_len": 128, "recompute": "full"}
    foreach, fused = (under(f"torchtitan@{version}", **small) for version in ("2024-12", "2025-04"))
    assert float(foreach.update) == pytest.approx(4 * float(LLAMA.n_params))
    assert fused.update == 0
    assert foreach.allocated > fused.allocated


def test_a_device_holds_what_is_allocated_what_is_lost_and_a_context():
    found = under("fsdp", devices=8, global_batch=8, zero=3)
    assert found.allocated < found.reserved < found.total
    assert found.total == pytest.approx(float(found.reserved + found.context))
    assert context_bytes(ALONE) < context_bytes(replace(ALONE, devices=8, tensor=2))


def test_json_has_the_parts_and_their_sums():
    found = froude.train_cost("llama-3.1-8b", "8 x b200", stack="megatron-bridge", precision="mxfp8", tp=2)
    data = found.to_dict()["memory_bytes"]
    sums = [data.pop(name) for name in ("allocated", "reserved", "total")]
    outside = [data["fragmentation"], data["context"]]
    assert sum(data.values()) == pytest.approx(sums[2])
    assert sums[0] == pytest.approx(sums[2] - sum(outside))
    assert sums[1] == pytest.approx(sums[2] - data["context"])


def test_a_stack_that_keeps_what_is_not_known_is_refused(tmp_path):
    file = tmp_path / "ours.toml"
    file.write_text('[[stack]]\nname = "ours"\n[stack.keeps]\nlogit = [8, "measured", "our own peaks"]\n')
    with pytest.raises(froude.InputError, match="stack ours keeps 'logit', which is not known: take of logits"):
        get_stack(str(file))
