"""Memory and step time of a layout: against published profiles, by what must hold of any layout, and in JSON."""

import json
from dataclasses import fields, replace
from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from froude import InputError
from froude.cli.cost import train
from froude.cost import Layout, Precision, evaluate, get_machine, get_model
from froude.cost.machine.collectives import (
    Group,
    beside_seconds,
    exchange_seconds,
    gather_seconds,
    reduce_seconds,
    send_seconds,
)
from froude.cost.machine.constants import Constants, constants, entries, held_out_error
from froude.cost.model.model import decoder
from froude.cost.stack.keeping import Keeping
from froude.cost.training.assumptions import PRECISIONS
from froude.cost.training.layout import CHOICES
from froude.cost.training.legal import check_legal, legal, rules
from froude.cost.training.memory.activations import block_bytes, kept_block_bytes
from froude.cost.training.memory.device_memory import fit_probability, memory_bytes
from froude.cost.training.memory.optimal_recompute import with_optimal_recompute
from froude.cost.training.step import step_seconds
from paths import ROOT

pytest_plugins = ["door"]

A100 = get_machine("1024 x a100-80")
H100 = get_machine("64 x h100")
GPT3 = get_model("layers=96,hidden=12288,heads=96,vocab=51200,dropout=true")
SMALL = decoder(name="small", layers=8, hidden=1024, heads=16, vocabulary=32000, context=2048)
PLAIN = Layout(devices=8, global_batch=64, seq_len=2048)
PTD = Layout(
    devices=1024, global_batch=1536, seq_len=2048, tensor=8, pipeline=16, interleave=2, zero=1, recompute="full"
)

# --- memory ----------------------------------------------------------------------------------------------

SHAPES = {
    "megatron-22B": (48, 6144, 64, 8, 1, 4),
    "gpt3-175B": (96, 12288, 96, 8, 8, 1),
    "turing-530B": (105, 20480, 128, 8, 35, 1),
    "megatron-1T": (128, 25600, 160, 8, 64, 1),
}
"""Layers, width, heads, tensor, pipeline and micro-batch of Korthikanti et al. 2022, arXiv:2205.05198, table 3."""

BY_FORMULA = {
    ("none", False): lambda a, s, h, t: 10 + 24 / t + 5 * a * s / (h * t),
    ("none", True): lambda a, s, h, t: (34 + 5 * a * s / h) / t,
    ("selective", False): lambda a, s, h, t: 10 + 24 / t,
    ("selective", True): lambda a, s, h, t: 34 / t,
    ("full", False): lambda a, s, h, t: 2,
}
"""Bytes a layer over s·b·h: table 2 of the same paper, with recomputation and sequence parallelism."""


@pytest.mark.parametrize(("recompute", "parallel"), BY_FORMULA)
@pytest.mark.parametrize("name", SHAPES)
def test_activations_of_a_layer_are_those_of_korthikanti(name, recompute, parallel):
    layers, h, a, t, _, b = SHAPES[name]
    model = decoder(name=name, layers=layers, hidden=h, heads=a, vocabulary=51200, context=2048, dropout=True)
    layout = replace(
        PLAIN, tensor=t, micro_batch=b, recompute=recompute, sequence_parallel=parallel, attention="unfused"
    )
    expected = BY_FORMULA[recompute, parallel](a, 2048, h, t) * 2048 * b * h
    assert kept_block_bytes(model, model.blocks[0].operators, layout) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("name", "gib"), [("megatron-22B", 45.5625), ("gpt3-175B", 45.5625)])
def test_states_without_zero_are_those_of_korthikanti(name, gib):
    """Figure 1 of the same paper, as calculon quotes it: 18 bytes a parameter on each device."""
    layers, h, a, t, p, b = SHAPES[name]
    model = decoder(name=name, layers=layers, hidden=h, heads=a, vocabulary=51200, context=2048)
    layout = Layout(devices=t * p, global_batch=64, seq_len=2048, tensor=t, pipeline=p, micro_batch=b)
    found = memory_bytes(model, layout)
    states = float(found.weights + found.gradients + found.optimizer) / 2**30
    assert states == pytest.approx(gib, rel=0.03)  # the ends of the model are not in the paper's figure


def test_zero_divides_what_its_stage_says():
    whole = [memory_bytes(SMALL, replace(PLAIN, zero=stage)) for stage in (0, 1, 2, 3)]
    assert whole[1].optimizer == pytest.approx(whole[0].optimizer / 8)
    assert whole[2].gradients == pytest.approx(whole[1].gradients / 8)
    assert whole[1].gradients == whole[0].gradients
    assert whole[3].weights == 0  # gathered from the master weights, block by block
    assert whole[3].buffers > 0


def test_hybrid_sharding_divides_by_its_group():
    layout = replace(PLAIN, devices=64, zero=3)
    assert memory_bytes(SMALL, replace(layout, shard=8)).optimizer == pytest.approx(
        8 * memory_bytes(SMALL, layout).optimizer
    )


def test_a_mixture_of_experts_keeps_a_share_of_its_experts():
    model = get_model("mixtral-8x7b")
    layout = Layout(devices=64, global_batch=64, seq_len=4096, zero=0)
    whole, parted = (float(memory_bytes(model, replace(layout, expert=e)).weights) for e in (1, 8))
    experts = 2 * sum(float(n) for name, n in model.parameters_by_operator.items() if name.startswith("experts"))
    assert whole - parted == pytest.approx(experts * 7 / 8, rel=1e-9)


@given(
    micro_batch=st.sampled_from([1, 2, 4]),
    tensor=st.sampled_from([1, 2, 4, 8]),
    zero=st.sampled_from([0, 1, 2, 3]),
    recompute=st.sampled_from(["none", "selective", "operators", "full"]),
)
@settings(max_examples=60)
def test_more_batch_takes_more_memory_and_more_recomputation_less(micro_batch, tensor, zero, recompute):
    layout = Layout(
        devices=64, global_batch=1024, seq_len=2048, micro_batch=micro_batch, tensor=tensor, zero=zero,
        recompute=recompute, attention="unfused",
    )  # fmt: skip
    found = memory_bytes(GPT3, layout)
    assert memory_bytes(GPT3, replace(layout, micro_batch=2 * micro_batch)).total > found.total
    assert memory_bytes(GPT3, replace(layout, recompute="none")).activations >= found.activations
    assert found.total == pytest.approx(sum(float(getattr(found, f.name)) for f in fields(found)))


def test_a_partial_recomputation_is_between_none_and_full():
    kept = [
        float(memory_bytes(SMALL, replace(PLAIN, recompute="full", recomputed=share)).activations)
        for share in (0.0, 0.5, 1.0)
    ]
    assert kept[1] == pytest.approx((kept[0] + kept[2]) / 2)
    assert kept[0] == float(memory_bytes(SMALL, PLAIN).activations)


def test_logits_fill_the_last_stage_and_a_pipeline_the_first():
    alone = memory_bytes(SMALL, replace(PLAIN, recompute="full"))
    assert alone.logits == pytest.approx(Keeping().logits * 2048 * 32000)
    deep = memory_bytes(SMALL, replace(PLAIN, devices=8, pipeline=8, fused_loss=True))
    assert deep.activations == pytest.approx(8 * block_bytes(SMALL.blocks[0].operators, PLAIN))


def test_offloading_moves_bytes_from_the_device():
    found = memory_bytes(SMALL, PLAIN)
    away = memory_bytes(SMALL, replace(PLAIN, offload_optimizer="host", offload_activations="host"))
    assert away.optimizer == away.gradients == 0
    assert away.activations < found.activations


def test_how_sure_a_fit_is_rises_with_the_room():
    layouts = [replace(PLAIN, global_batch=4096, micro_batch=m) for m in (1, 50, 64)]
    sure = [float(fit_probability(memory_bytes(SMALL, layout), H100)) for layout in layouts]
    assert sure[0] > 0.999
    assert sure[0] > sure[1] > sure[2]


# --- communication ---------------------------------------------------------------------------------------


def test_a_gather_inside_a_node_passes_all_but_ones_own_part():
    group, c = Group(size=8), constants()
    rate = A100.node_link.bandwidth_bytes_per_s * c.collective
    hops = 7 * A100.node_link.latency_s * c.latency
    assert gather_seconds(group, 8e9, A100, c) == pytest.approx(7e9 / rate + hops)
    assert reduce_seconds(group, 8e9, A100, c) == pytest.approx(2 * gather_seconds(group, 8e9, A100, c))


def test_devices_of_a_node_share_what_enters_it():
    """Eight that gather together take an eighth of the bytes each through the fabric, one alone all of them."""
    c = replace(constants(), latency=1e-12)
    whole = gather_seconds(Group(size=16), 16e9, A100, c)
    apart = gather_seconds(Group(size=2, stride=8), 16e9, A100, c)
    assert apart == pytest.approx(8e9 / (A100.fabric.bandwidth_bytes_per_s * c.collective))
    near = 16e9 * 7 / 8 / (A100.node_link.bandwidth_bytes_per_s * c.collective)
    assert whole == pytest.approx(max(near, apart / 8))


def test_nothing_is_communicated_by_one():
    for seconds in (gather_seconds, exchange_seconds, beside_seconds):
        assert seconds(Group(size=1), 1e9, A100, constants()) == 0


def test_a_send_to_another_node_goes_by_the_fabric():
    near, far = (send_seconds(stride, 1e9, A100, constants()) for stride in (4, 8))
    assert far / near == pytest.approx(
        A100.node_link.bandwidth_bytes_per_s / A100.fabric.bandwidth_bytes_per_s, rel=0.01
    )


# --- step time -------------------------------------------------------------------------------------------


def test_parts_of_a_step_add_up_and_none_is_negative():
    found = step_seconds(GPT3, A100, PTD, constants())
    parts = [float(getattr(found, f.name)) for f in fields(found)]
    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(float(found.total), rel=1e-12)


def test_many_layouts_at_once_cost_what_each_costs_alone():
    tensor, pipeline, micro = np.array([1, 2, 4, 8]), np.array([8, 4, 2, 16]), np.array([1, 2, 4, 1])
    many = replace(PTD, interleave=1, tensor=tensor, pipeline=pipeline, micro_batch=micro)
    together = evaluate(GPT3, A100, many)
    for i in range(4):
        alone = evaluate(
            GPT3,
            A100,
            replace(many, tensor=int(tensor[i]), pipeline=int(pipeline[i]), micro_batch=int(micro[i])),
        )
        assert np.asarray(together.step_seconds)[i] == pytest.approx(float(alone.step_seconds), rel=1e-12)
        assert np.asarray(together.memory.total)[i] == pytest.approx(float(alone.memory.total), rel=1e-12)


def test_mfu_counts_the_papers_flops():
    """Narayanan et al. 2021, arXiv:2104.04473, eq. 2 without its recomputation: 72·B·s·l·h²(1 + s/6h + V/12lh)."""
    found = evaluate(GPT3, A100, PTD)
    b, s, layers, h, v = 1536, 2048, 96, 12288, 51200
    assert float(found.model_flops) == pytest.approx(
        72 * b * s * layers * h**2 * (1 + s / (6 * h) + v / (12 * layers * h)), rel=1e-12
    )
    assert float(found.hardware_flops) == pytest.approx(
        96 * b * s * layers * h**2 * (1 + s / (6 * h) + v / (16 * layers * h)), rel=1e-12
    )


def test_a_longer_step_of_the_same_rate_takes_as_much_longer():
    once, twice = (evaluate(SMALL, H100, replace(PLAIN, global_batch=n, zero=0)) for n in (64, 128))
    fixed = constants().step
    assert float(twice.step_seconds) < 2 * float(once.step_seconds)
    assert float(twice.step_seconds) - fixed > 1.9 * (float(once.step_seconds) - fixed)


@pytest.mark.parametrize(
    ("slower", "faster"),
    [
        ({"recompute": "full"}, {"recompute": "selective"}),
        ({"attention": "unfused"}, {"attention": "flash"}),
        ({"attention": "flash"}, {"attention": "flash-2"}),
        ({"overlap": False}, {"overlap": True}),
        ({"overlap_tensor": False}, {"overlap_tensor": True}),
        ({"compiled": False}, {"compiled": True}),
        ({"fused_loss": False}, {"fused_loss": True}),
        ({"interleave": 1}, {"interleave": 6}),
        ({"schedule": "1f1b", "interleave": 1}, {"schedule": "zero-bubble", "interleave": 1}),
        ({"precision": PRECISIONS["fp32"]}, {"precision": PRECISIONS["bf16"]}),
        ({"precision": replace(Precision(), reduce=4)}, {"precision": replace(Precision(), reduce=2)}),
        ({"offload_optimizer": "nvme"}, {"offload_optimizer": "host"}),
        ({"offload_optimizer": "host"}, {"offload_optimizer": "device"}),
        ({"compress": 1.0, "overlap": False}, {"compress": 4.0, "overlap": False}),
        ({"local_steps": 1, "overlap": False}, {"local_steps": 50, "overlap": False}),
    ],
)
def test_what_spares_work_takes_less_time(slower, faster):
    base = replace(PTD, zero=1, sequence_parallel=True)
    slow, fast = (evaluate(GPT3, A100, replace(base, **change)) for change in (slower, faster))
    assert float(fast.step_seconds) < float(slow.step_seconds)


def test_a_slow_fabric_slows_data_parallelism_and_not_one_pipeline():
    slow = replace(A100, fabric=replace(A100.fabric, bandwidth_bytes_per_s=A100.fabric.bandwidth_bytes_per_s / 10))
    layout = replace(PTD, overlap=False)
    fast_data, slow_data = (float(step_seconds(GPT3, m, layout, constants()).data) for m in (A100, slow))
    assert slow_data > 5 * fast_data


def test_context_parallelism_hides_its_ring_behind_long_sequences_only():
    layout = Layout(devices=64, global_batch=64, seq_len=2**17, context=8, zero=3, recompute="full")
    model = get_model("llama-3.1-8b")
    long = step_seconds(model, H100, layout, constants())
    short = step_seconds(model, H100, replace(layout, seq_len=2**12), constants())
    assert float(long.context / long.total) < float(short.context / short.total)


def test_experts_exchange_tokens():
    layout = Layout(devices=64, global_batch=64, seq_len=4096, zero=1, expert=8)
    assert float(step_seconds(get_model("mixtral-8x7b"), H100, layout, constants()).expert) > 0
    assert float(step_seconds(get_model("mixtral-8x7b"), H100, replace(layout, expert=1), constants()).expert) == 0


def test_the_constants_are_those_of_the_file_and_near_their_priors():
    assert [f.name for f in fields(Constants)] == list(entries())
    for name, entry in entries().items():
        off = abs(np.log(getattr(constants(), name) / entry["prior"])) / np.log(entry["spread"])
        assert off < 4, name
    assert Constants.from_logs(constants().logs()).matmul == pytest.approx(constants().matmul)
    assert 0.02 < held_out_error() < 0.2


# --- legal layouts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tensor": 7}, "must divide the devices"),
        ({"tensor": 16, "pipeline": 1, "interleave": 1}, "inside a node"),
        ({"global_batch": 1535}, "must divide the global batch"),
        ({"interleave": 7}, "at most one chunk a layer"),
        ({"pipeline": 128, "tensor": 8, "interleave": 1}, "at most one chunk a layer"),
        ({"expert": 3}, "must divide the experts"),
        ({"shard": 5}, "shard group"),
        ({"seq_len": 2044, "sequence_parallel": True}, "must divide the sequence"),
        ({"pipeline": 1, "interleave": 2}, "interleaving asks"),
        ({"context": 8, "pipeline": 1, "interleave": 1, "context_by": "ulysses", "tensor": 8, "global_batch": 1536},
         "Ulysses"),
    ],
)  # fmt: skip
def test_an_illegal_layout_is_refused_with_what_must_hold(change, said):
    layout = replace(PTD, **change)
    assert not legal(GPT3, A100, layout)
    with pytest.raises(InputError, match=said) as refused:
        check_legal(GPT3, A100, layout)
    assert "\n" not in str(refused.value)


def test_legality_is_elementwise():
    many = replace(PTD, interleave=1, tensor=np.array([1, 3, 8]), pipeline=np.array([8, 8, 16]))
    assert legal(GPT3, A100, many).tolist() == [True, False, True]
    assert len(list(rules(GPT3, A100, many))) >= 12


@pytest.mark.parametrize("field", ["schedule", "zero", "recompute", "attention", "offload_optimizer", "context_by"])
def test_an_unknown_choice_is_refused_with_those_there_are(field):
    with pytest.raises(InputError, match="take one of"):
        replace(PTD, **{field: "never"})


# --- front door ------------------------------------------------------------------------------------------

COMMAND = [
    "cost", "train", "--model", "layers=96,hidden=12288,heads=96,vocab=51200", "--machine", "1024 x a100-80",
    "--seq-len", "2048", "--global-batch", "1536", "--micro-batch", "1", "--tp", "8", "--pp", "16",
    "--interleave", "2", "--zero", "1", "--recompute", "full", "--precision", "bf16",
]  # fmt: skip


def test_cost_train_prints_its_json(cli):
    left = cli(*COMMAND, "--json")
    found = json.loads(left.out.splitlines()[-1])
    asked = {"step_seconds", "interval", "tokens_per_second", "tflops_per_device", "mfu", "hfu", "memory_bytes", "fits"}
    assert asked | {"assumptions"} <= set(found)
    assert left.code == 0
    sums = ("allocated", "reserved", "total")
    assert sum(v for k, v in found["memory_bytes"].items() if k not in sums) == pytest.approx(
        found["memory_bytes"]["total"]
    )
    assert sum(found["step_seconds_by_part"].values()) == pytest.approx(found["step_seconds"])
    assert found["mfu"] == pytest.approx(found["tflops_per_device"] / 312)
    assert 0.35 < found["mfu"] < found["hfu"] < 0.65
    assert all({"name", "value", "why", "effect"} == set(one) for one in found["assumptions"])


def test_cost_train_shows_memory_and_time(cli):
    left = cli(*COMMAND)
    assert left.code == 0
    for said in ("MFU", "Memory of a device", "optimizer states", "A step", "attention"):
        assert said in left.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--tp", "7"], "must divide the devices"),
        (["--model", "gpt5"], "gpt5"),
        (["--machine", "8 x h101"], "h101"),
        (["--precision", "bf3"], "bf3"),
        (["--precision", "fp8"], "has no fp8 matmuls"),
    ],
)
def test_cost_train_refuses_in_one_line(refused, change, said):
    assert said in refused(*COMMAND, *change)


def test_positions_of_a_micro_batch_are_divided_by_context():
    assert replace(PLAIN, micro_batch=2, context=4).positions == 1024


# --- optimal recomputation -------------------------------------------------------------------------------

TIGHT = Layout(devices=8, global_batch=64, seq_len=8192, micro_batch=4, zero=3, attention="flash-2")


def test_optimal_recomputation_fits_and_repeats_less_than_blocks():
    model, machine = get_model("llama-3.1-8b"), get_machine("8 x h100")
    assert not evaluate(model, machine, TIGHT).fits
    full = replace(TIGHT, recompute="full")
    best = with_optimal_recompute(model, machine, replace(TIGHT, micro_batch=2))
    found = evaluate(model, machine, best)
    whole = evaluate(model, machine, replace(full, micro_batch=2))
    assert found.fits
    assert float(found.step.recompute) < float(whole.step.recompute)
    assert float(found.memory.activations) > float(whole.memory.activations)
    assert float(found.hfu) <= float(whole.hfu)


def test_an_optimal_recomputation_repeats_nothing_where_all_fits():
    model, machine = get_model("gpt3-125m"), get_machine("8 x h100")
    best = with_optimal_recompute(model, machine, replace(PLAIN, zero=1))
    assert best.kept.seconds == 0
    assert best.kept.bytes == pytest.approx(1)


def test_an_optimal_recomputation_that_cannot_fit_is_refused(refused):
    line = refused(
        "cost", "train", "--model", "llama-3.1-70b", "--machine", "8 x h100", "--recompute", "optimal",
        "--micro-batch", "16",
    )  # fmt: skip
    assert "no recomputation fits" in line


def test_host_memory_bounds_what_is_offloaded_to_it():
    machine = get_machine("8 x h100")
    host = machine.tiers["host"]
    layout = Layout(devices=8, global_batch=8, seq_len=4096, zero=3, recompute="full", offload_optimizer="host")
    model = get_model("llama-3.1-8b")
    assert evaluate(model, machine, layout).fits
    small = replace(machine, tiers={"host": replace(host, memory_bytes=2**30)})
    assert not evaluate(model, small, layout).fits


def test_the_examples_of_own_machines_and_models_are_read(cli):
    root = ROOT
    machine, model = (root / "examples" / name for name in ("machine.toml", "model.toml"))
    left = cli("cost", "train", "--model", model, "--machine", machine, "--json")
    found = json.loads(left.out.splitlines()[-1])
    assert left.code == 0
    assert found["layout"]["devices"] == 64
    assert get_model(str(model)).n_params == 11_683_353_600
    assert get_machine(str(machine)).fabric.bandwidth_bytes_per_s == 25e9  # the slowest of its two


@pytest.mark.parametrize("name", [name for name, choices in CHOICES.items() if isinstance(choices[0], str)])
def test_the_command_names_every_choice_of_a_layout(name):
    option = get_type_hints(train, include_extras=True)[name].__metadata__[0]
    assert option.metavar == "|".join(map(str, CHOICES[name]))
