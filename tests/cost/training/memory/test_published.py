"""Rows of the atlas about memory in training: counted, and solved for.

"As remembered" marks what of a paper's setting was not looked up.
"""

import itertools
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

import headlines
from froude import atlas
from froude.cost import Layout, Precision, decoder, get_machine, get_model
from froude.cost.model.families.convolutions import unet
from froude.cost.model.families.images import vit
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention
from froude.cost.papers.adapters import bottleneck, channels, side_network
from froude.cost.papers.partial import Trained, partly_trained_bytes, partly_trained_seconds
from froude.cost.papers.swap import swap_of, swapped_memory, swapped_seconds
from froude.cost.papers.tiled import activation_bytes
from froude.cost.training.layout import Recompute, ZeroStage
from froude.cost.training.memory.device_memory import fits, memory_bytes
from froude.cost.training.memory.optimal_recompute import chain
from froude.cost.training.memory.recompute import RecomputePlan, TooLittle, best_recompute
from headlines import near


def tower(name: str, layers: int, hidden: int, patch: int = 14) -> Model:
    """A vision transformer of images of 224² pixels."""
    sizes: dict[str, Any] = {"image": 224, "patch": patch, "classes": 0, "channels": 3, "dropout": False}
    return vit(name=name, layers=layers, hidden=hidden, heads=hidden // 64, mlp_width=4 * hidden, **sizes)


@pytest.mark.atlas("basic-combined-scaling")
def test_65536_pairs_fit_only_with_checkpointing_or_sharding(
    record_property,
) -> None:
    # 3B parameters in one tower, on 2,048 cores of TPU v3 (as remembered) and on 512 A100; the batch is taken whole.
    model, fitting = tower("3B", 48, 2304), []
    checkpointing: tuple[Recompute, ...] = ("none", "full")
    assert float(model.n_params) == near(3e9)
    for machine in (get_machine("2048 x tpu-v3"), get_machine("512 x a100-80")):
        for sharded, checkpointed in itertools.product(get_args(ZeroStage), checkpointing):
            layout = Layout(
                devices=machine.devices,
                global_batch=65536,
                micro_batch=65536 // machine.devices,
                seq_len=int(model.context),
                zero=sharded,
                recompute=checkpointed,
                attention="unfused",
            )
            if fits(memory_bytes(model, layout), machine):
                fitting.append((machine.chip.name, sharded, checkpointed))
    assert all(sharded or checkpointed == "full" for _, sharded, checkpointed in fitting)
    assert {name for name, *_ in fitting} == {"tpu-v3", "a100-80"}
    claims: dict[str, Any] = {
        claim.quantity + (claim.baseline or ""): claim.value
        for claim in atlas.atlas_record("basic-combined-scaling").claims
    }
    assert {"training pairs4x ALIGN, 16x CLIP", "model size", "batch size"} <= claims.keys()  # three axes apart
    pairs = claims["training pairs4x ALIGN, 16x CLIP"]
    implied = {
        "CLIP's pairs": pairs / claims["data ratioCLIP"],
        "ALIGN's pairs": pairs / claims["data ratioALIGN"],
        "CLIP's batch": claims["batch size"] / claims["batch ratioCLIP"],
        "ALIGN's batch": claims["batch size"] / claims["batch ratioALIGN"],
        "ALIGN's parameters": claims["model size"] / claims["parameter ratioALIGN and CLIP"],
    }
    # What both papers have (as remembered).
    assert list(implied.values()) == near([400e6, 1.8e9, 32768, 16384, 820e6])
    by_name = ", ".join(f"{name} {value:,.0f}" for name, value in implied.items())
    record_property("found", f"fits {fitting}; implied: {by_name}")


@pytest.mark.atlas("ladder-side-tuning")
def test_a_side_network_saves_69_percent_of_memory_and_adapters_26(record_property) -> None:
    # T5 base as 24 blocks in fp32, 100 sequences (as remembered), so long that all of it takes the 17.6 GB published.
    sizes: dict[str, Any] = {"layers": 24, "hidden": 768, "heads": 12, "vocabulary": 32128, "context": 128}
    model = decoder(name="t5-base-like", **sizes, rms_norm=True, dropout=True)
    fp32 = Precision(matmuls="fp32", weights=4, gradients=4, master=0, optimizer=8, activations=4)
    layout = Layout(devices=1, global_batch=100, micro_batch=100, seq_len=72, precision=fp32, attention="unfused")
    whole = memory_bytes(model, layout)
    assert float(whole.allocated) == pytest.approx(17.6e9, rel=0.03)
    width = 24
    beside = 2 * 24 * (768 + 2 * width) * 4 * 100 * 72 / float(whole.activations)
    adapters = Trained(parameters=float(bottleneck(model, width=width).trained), added=beside)
    ladder = Trained(parameters=float(side_network(model, reduction=8).trained), through=False, added=1 / 8)
    saved = [1 - float(partly_trained_bytes(model, layout, t).allocated / whole.allocated) for t in (adapters, ladder)]
    assert saved[0] == near(0.26)
    assert saved[1] == near(0.69)
    record_property("found", f"saved by adapters {saved[0]:.0%}, by the ladder {saved[1]:.0%}")


@pytest.mark.atlas("s2ft", "modelled")
@pytest.mark.parametrize("name", ["llama-2-7b", "llama-2-13b", "llama-3.1-8b"])
def test_training_one_percent_of_channels_takes_a_third_of_the_memory(name: str, record_property) -> None:
    # Eight sequences of 512, everything in bf16. With one sequence memory falls 3.7 times, with 32 time 1.44 times.
    precision = Precision(gradients=2, master=0, optimizer=4)
    model, machine = get_model(name), get_machine("1 x a100-80")
    layout = Layout(devices=1, global_batch=8, micro_batch=8, seq_len=512, precision=precision)
    whole = Trained(parameters=float(model.n_params), kept=1.0)
    part = Trained(parameters=float(channels(model, share=0.01).trained), kept=0.01)
    assert float(partly_trained_bytes(model, layout, whole).allocated) == pytest.approx(
        float(memory_bytes(model, layout).allocated), rel=0.01
    )
    memory = float(memory_bytes(model, layout).allocated / partly_trained_bytes(model, layout, part).allocated)
    seconds = [float(partly_trained_seconds(model, machine, layout, trained)) for trained in (whole, part)]
    assert 1 < memory <= 3
    assert 1.5 <= seconds[0] / seconds[1] <= 2.7
    record_property("found", f"{name}: memory {memory:.2f}×, time {seconds[0] / seconds[1]:.2f}×")


@pytest.mark.atlas("collage", "modelled")
def test_two_bf16_components_save_15_to_23_percent_of_memory(
    record_property,
) -> None:
    # Yu et al. 2024, arXiv:2405.03637: its light form has a second component of weights, its full one of the second
    # moment too. GPTs on eight A100 with tensor parallelism; four sequences of 2,048 (assumed).
    mixed = Precision(gradients=2, reduce=2)
    light, full = replace(mixed, master=2, optimizer=4), replace(mixed, master=2, optimizer=6)
    saved = []
    for size in ("gpt3-1.3b", "gpt3-2.7b", "gpt3-6.7b"):
        layout = Layout(devices=8, global_batch=64, micro_batch=4, seq_len=2048, tensor=8, sequence_parallel=True)
        totals = [
            float(memory_bytes(get_model(size), replace(layout, precision=p)).allocated) for p in (mixed, light, full)
        ]
        assert memory_bytes(get_model(size), layout).activations > 0
        saved.append([1 - total / totals[0] for total in totals[1:]])
    by_light, by_full = np.mean(saved, axis=0)
    assert by_light == near(0.23)
    assert by_full == near(0.15)
    assert plain_sum(1.0, 1e-4, 1000) == 1.0
    assert two_component_sum(1.0, 1e-4, 1000) == pytest.approx(1.1, rel=0.005)
    record_property(
        "found", f"saved {by_full:.1%} and {by_light:.1%} in the mean of three sizes; 1 + 1000 · 1e-4 = 1.1"
    )


def bf16(value: float) -> float:
    """The nearest number of 8 significant bits, ties to even."""
    bits = np.array(value, dtype=np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return float(rounded.astype(np.uint32).view(np.float32))


def plain_sum(start: float, step: float, times: int) -> float:
    """`step` added so often in bf16."""
    total = bf16(start)
    for _ in range(times):
        total = bf16(total + bf16(step))
    return total


def two_component_sum(start: float, step: float, times: int) -> float:
    """The same with what rounding lost kept in a second number of bf16: Dekker's fast sum of two."""
    high, low = bf16(start), 0.0
    for _ in range(times):
        added = bf16(bf16(step) + low)
        total = bf16(high + added)
        low = bf16(added - bf16(total - high))
        high = total
    return high + low


def test_tiles_keep_activations_near_constant() -> None:
    def network(side: int) -> Model:
        sizes: dict[str, Any] = {
            "width": 32,
            "multipliers": (1, 2, 4),
            "attended": 0,
            "heads": 1,
            "depth": 1,
            "channels": 3,
            "calls": 1,
        }
        return unet(name="unet", image=side, condition_width=1, condition_length=1, **sizes)

    layout = Layout(devices=1, global_batch=1, seq_len=1)
    small, large = (float(activation_bytes(network, side, layout)) for side in (512, 2048))
    assert large / small == pytest.approx(16, rel=0.02)
    tiled = [float(activation_bytes(network, 512 * n, layout, tiles_a_side=n)) for n in (1, 2, 4)]
    assert max(tiled) / min(tiled) < 1.15


@pytest.mark.atlas("memo-long-context")
def test_7b_at_a_million_tokens_fits_by_swapping_a_share_of_tokens(
    record_property,
) -> None:
    run = headlines.memo()
    layout = replace(run.layout, recompute="none")
    swap = swap_of(run.model, run.machine, layout)
    assert 0 < swap.share < 1
    assert fits(swapped_memory(run.model, layout), run.machine)
    for recompute in ("none", "operators", "full"):
        alone = replace(layout, offload_activations="device", recompute=recompute)
        assert not fits(memory_bytes(run.model, alone), run.machine)
    lengths = 2.0 ** np.arange(12, 21)
    hidden = np.asarray(swap_of(run.model, run.machine, replace(layout, seq_len=lengths)).hides_all)
    assert not hidden[0]
    assert hidden[-1]
    assert np.all(np.diff(hidden.astype(int)) >= 0)  # from one length on
    # Half of the causal square is counted, as for this row among the headline facts.
    scores = sum(n * float(o.forward_flops(2**20)) for n, o in run.model.operator_counts() if isinstance(o, Attention))
    flops = 3 * (float(run.model.forward_flops(2**20)) - 0.5 * scores) * 2**20
    seconds = float(swapped_seconds(run.model, run.machine, layout, swap))
    assert flops / seconds / (8 * 312e12) == near(0.523)
    room = float(swapped_memory(run.model, layout).allocated) / 2**30
    measured = f"share {swap.share:.2f}, {room:.0f} GiB, {flops / seconds / (8 * 312e12):.1%} of the peak"
    record_property("found", f"{measured}; all is hidden from {lengths[hidden][0]:.0f} tokens on")


@pytest.mark.atlas("moccasin", "modelled")
def test_less_memory_takes_more_recomputation_along_an_exact_front(record_property) -> None:
    # Without a solver for intervals: a block's chain of operators, by dynamic programming.
    layout = Layout(devices=8, global_batch=8, seq_len=2048, tensor=8, attention="unfused")
    items = chain(get_model("gpt3-175b").blocks[0].operators, get_machine("8 x a100-80"), layout)
    everything = 12 * sum(item.saved_bytes for item in items)
    plans = [best_recompute(items, 12, share * everything) for share in (1.0, 0.8, 0.6, 0.4, 0.25)]
    seconds = [plan.seconds for plan in plans if isinstance(plan, RecomputePlan)]
    assert len(seconds) == len(plans)
    assert seconds[0] == 0
    assert seconds == sorted(seconds)
    assert isinstance(best_recompute(items, 12, 0.01 * everything), TooLittle)
    forward = 12 * sum(item.seconds for item in items)
    record_property("found", f"of a forward pass repeated: {', '.join(f'{s / forward:.0%}' for s in seconds)}")
