"""Headline facts of published trainings: rates and ratios within 15%, and what fits.

Each states its source; `headlines.py` has the layouts and what of them is assumed. Only the first was among the rows
that the constants of the step-time model were calibrated on.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import headlines
from froude.cost.machine.constants import constants
from froude.cost.model.operators import Attention
from froude.cost.training.memory.activations import stored_bytes
from froude.cost.training.step import step_seconds
from headlines import near

GPU_SECONDS = {
    (256, 768): (40.0, 32.0),
    (512, 768): (21.2, 16.5),
    (768, 768): (15.2, 11.5),
    (1024, 768): (11.9, 8.9),
    (3072, 6144): (29.02, 23.66),
    (6144, 6144): (14.78, 12.21),
    (8192, 6144): (12.24, 9.56),
    (12288, 6144): (8.57, 6.34),
}
"""GPUs and batch → seconds of a step with Megatron-LM and MegaScale: Jiang et al. 2024, NSDI, table 2."""

LI_MEGABYTES = {1: (8477, 8478), 2: (9520, 8479), 4: (12233, 8481)}
"""Devices → memory with tensor and with sequence parallelism, 64 sequences of 512 a device: Li et al. 2021,
arXiv:2105.13120, weak scaling, quoted second-hand; of eight devices tensor parallelism ran out of memory."""


def test_a_trillion_parameters_on_3072_a100_run_at_502_petaflops() -> None:
    # Narayanan et al. 2021, arXiv:2104.04473, table 1; used in calibration.
    one = headlines.megatron_1t()
    assert one.hardware_flops_per_s == near(502e15)
    assert float(one.cost.hfu) == near(0.52)
    assert one.cost.fits


@pytest.mark.atlas("frontier-llm-training", "works")
def test_1t_parameters_on_20t_tokens_take_120_million_exaflop() -> None:
    # Dash et al. 2023, arXiv:2312.12705, abstract.
    model = headlines.frontier("1T").model
    assert float(model.training_flops(2048)) * 20e12 == pytest.approx(120e6 * 1e18, rel=0.03)


@pytest.mark.atlas("frontier-llm-training", "works")
def test_one_constant_calibrated_on_22b_of_frontier_tells_175b_and_1t() -> None:
    # arXiv:2312.12705: percent of 191.5 TFLOP/s a GCD, recomputation counted as Megatron-DeepSpeed does.
    share = headlines.matmul_share_at(headlines.frontier("22B"), 0.3838)
    for size, published in {"175B": 0.3614, "1T": 0.3196}.items():
        assert float(headlines.frontier(size).with_matmul_share(share).cost.hfu) == near(published), size


def test_frontier_loses_as_much_from_22b_to_1t_without_any_calibration() -> None:
    # The chip alone reaches 77% of its peak; all three runs are then above the published by the same part.
    small, middle, large = (float(headlines.frontier(size).cost.hfu) for size in ("22B", "175B", "1T"))
    assert small > middle > large
    assert middle / small == near(0.3614 / 0.3838)
    assert large / small == near(0.3196 / 0.3838)
    assert all(headlines.frontier(size).cost.fits for size in headlines.FRONTIER)


@pytest.mark.parametrize(("devices", "batch"), GPU_SECONDS)
def test_steps_of_megatron_lm_and_of_megascale_take_what_was_measured(devices: int, batch: int) -> None:
    plain, all_on = GPU_SECONDS[devices, batch]
    assert float(headlines.megascale(devices, batch).cost.step_seconds) == near(plain)
    assert float(headlines.megascale(devices, batch, headlines.TECHNIQUES).cost.step_seconds) == near(all_on)


@pytest.mark.atlas("megascale", "modelled")
def test_megascale_is_1_34_times_megatron_lm_on_12288_a100() -> None:
    # Jiang et al. 2024: 41.2 and 55.2% model FLOPs utilisation; both count the same attention but for its window.
    plain, all_on = headlines.megascale(12288, 6144), headlines.megascale(12288, 6144, headlines.TECHNIQUES)
    counted = float(plain.cost.model_flops) / 12288 / 312e12
    assert counted / 8.57 == pytest.approx(0.412, rel=0.01)
    assert float(plain.cost.mfu) == near(0.412)
    assert float(all_on.cost.mfu) == near(0.552)
    assert float(all_on.cost.mfu / plain.cost.mfu) == near(1.34)
    assert all_on.cost.fits


def test_every_technique_of_megascale_shortens_the_step() -> None:
    switched = [headlines.TECHNIQUES[:n] for n in range(len(headlines.TECHNIQUES) + 1)]
    seconds = [float(headlines.megascale(12288, 6144, on).cost.step_seconds) for on in switched]
    assert all(after < before for before, after in pairwise(seconds))


def test_zero_infinity_sustains_25_petaflops_on_512_v100() -> None:
    # Rajbhandari et al. 2021, arXiv:2104.07857, abstract, 1T at 49 TFLOP/s a GPU with recomputation (DeepSpeed's notes
    # on ZeRO-3 Offload). No published measurement of a V100's matmuls was found: its share is calibrated on one GPU of
    # Megatron-LM.
    share = headlines.matmul_share_at(headlines.v100_baseline(), 39e12 / 125e12)
    layout = {"tensor": 4, "micro_batch": 5, "offload_activations": "host"}  # five sequences a group are what fits
    offloaded = headlines.trillion(512, offload_optimizer="nvme", offload_parameters="nvme", **layout)
    assert offloaded.with_matmul_share(share).hardware_flops_per_s == near(25e15)
    assert offloaded.cost.fits
    assert not headlines.trillion(512, **layout).cost.fits


def test_a_trillion_parameters_fit_in_800_v100_and_not_in_400() -> None:
    # arXiv:2104.07857, abstract. Layers of 7.9 billion parameters are gathered whole: tensor parallelism over a DGX-2.
    assert headlines.trillion(800, tensor=16).cost.fits
    assert not headlines.trillion(400, tensor=16).cost.fits


@pytest.mark.atlas("sequence-parallelism", "modelled")
@pytest.mark.parametrize("devices", LI_MEGABYTES)
def test_memory_of_bert_grows_by_tensor_and_not_by_sequence_parallelism(devices: int) -> None:
    for by, published in zip(("tensor", "context"), LI_MEGABYTES[devices], strict=True):
        assert float(headlines.bert(devices, 64 * devices, 512, **{by: devices}).memory.allocated) / 2**20 == near(
            published
        )


def test_eight_times_the_batch_fits_p100_by_sequence_parallelism() -> None:
    assert headlines.bert(8, 512, 512, context=8).fits
    assert not headlines.bert(8, 512, 512, tensor=8).fits


@pytest.mark.atlas("sequence-parallelism", "modelled")
@pytest.mark.parametrize("batch", [8, 16])
def test_sequence_parallelism_takes_3_times_the_length_on_64_p100(
    batch: int, record_property: Callable[[str, object], None]
) -> None:
    # Li et al. 2021, arXiv:2105.13120: BERT Base, whose 12 heads bound tensor parallelism to 12 devices. The batch is
    # not known here: 32 sequences would give 3.6.
    alone, divided = (headlines.bert(n, batch, 4096, context=n) for n in (1, 64))
    assert float(alone.memory.activations / divided.memory.activations) == pytest.approx(64)
    ratio = longest(batch, devices=64, context=64) / longest(batch, devices=12, tensor=12)
    assert ratio == near(3.0)
    still, ring = (float(step_seconds(r.model, r.machine, r.layout, constants()).context) for r in (alone, divided))
    assert still == 0 < ring
    record_property("found", f"{ratio:.2f} times the length; the ring takes {ring:.2f} s")


def test_sequence_parallelism_takes_1_4_times_the_length_on_16_p100() -> None:
    assert longest(16, devices=16, context=16) / longest(16, devices=12, tensor=12) == near(1.4)


def longest(batch: int, *, devices: int, **layout: int) -> int:
    """The longest sequence, in steps that the devices divide, of which a batch fits."""
    lengths = np.arange(devices, 60_000, devices)
    return int(lengths[headlines.bert(devices, batch, lengths, **layout).fits].max())


def test_7b_at_a_million_tokens_runs_at_52_percent_on_eight_a800() -> None:
    # Zhao et al. 2024, MEMO, arXiv:2407.12117: 52.30% model FLOPs utilisation. It must count half of the causal square:
    # with all of it FlashAttention 2 would exceed the peak. So it is counted here.
    run = headlines.memo()
    scores = sum(count * o.forward_flops(2**20) for count, o in run.model.operator_counts() if isinstance(o, Attention))
    flops = 3 * (run.model.forward_flops(2**20) - 0.5 * scores) * 2**20
    seconds = step_seconds(run.model, run.machine, run.layout, constants()).total
    assert float(flops / seconds / (8 * 312e12)) == near(0.523)
    assert stored_bytes(run.model, run.layout) <= run.machine.tiers["host"].memory_bytes


def test_7b_at_a_million_tokens_fits_only_with_activations_on_the_host() -> None:
    run = headlines.memo()
    # Its swap of a share of tokens has no twin here: blocks are recomputed and their inputs are in host memory.
    assert replace(run, layout=replace(run.layout, recompute="full")).fits
    for recompute in ("none", "operators", "full"):
        alone = replace(run.layout, offload_activations="device", recompute=recompute)
        assert not replace(run, layout=alone).fits


@pytest.mark.atlas("gspmd", "modelled")
@pytest.mark.parametrize("size", headlines.GSPMD)
def test_dense_transformers_run_at_50_to_62_percent_on_tpu_v3(size: str) -> None:
    # Xu et al. 2021, arXiv:2105.04663; nothing was calibrated on TPUs.
    cost = headlines.gspmd(size).cost
    assert 0.50 * 0.85 < float(cost.mfu) < 0.62 * 1.15
    assert cost.fits
