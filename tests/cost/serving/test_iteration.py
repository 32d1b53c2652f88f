"""A decoding pass on the roofs of a machine: closed forms, and the papers whose kernels and samplers it prices."""

from dataclasses import replace

import numpy as np
import pytest

from evidence import listed
from froude import atlas, cost
from froude.cost import BF16, Chip, Machine, Serving, decoder, get_machine, get_model
from froude.cost.model.layers import Mixer
from froude.cost.model.operators import Matmul
from froude.cost.serving.iteration import operator_busy
from froude.cost.serving.samplers import Stage, staged_flops
from froude.errors import InputError
from priced import (
    A100,
    INT4,
    Counted,
    Format,
    Noted,
    accepted,
    changed,
    claimed,
    largest_batch,
    model_bytes,
    price_iteration,
    ridge_of,
    serving_bytes,
)

kv_bytes: Counted = cost.kv_bytes
busy_with: Counted = operator_busy
flops_of: Counted = staged_flops
BATCHES = 2 ** np.arange(0, 13)


def kernel_seconds(machine: Machine, serving: Serving, inputs: int = 8192, outputs: int = 8192) -> np.ndarray:
    """Seconds of one matmul over batches."""
    return np.asarray(
        busy_with(Matmul(name="w", inputs=inputs, outputs=outputs), machine, serving, serving.weights).seconds
    )


# --- closed forms ----------------------------------------------------------------------------------------------------


def test_at_batch_one_a_pass_takes_what_reading_every_weight_takes():
    model = get_model("llama-2-7b")
    lookup = model.vocabulary * model.hidden  # of the embedding only one row is read
    seconds = price_iteration(model, A100, Serving(batch=1, context=1)).seconds
    assert seconds == pytest.approx(2 * (model.n_params - lookup) / A100.chip.memory_bandwidth_bytes_per_s, rel=0.01)


def test_a_matmul_takes_its_flops_past_the_ridge_and_bytes_below():
    serving = Serving(batch=BATCHES)
    ridge = ridge_of(A100, serving)
    seconds = kernel_seconds(A100, serving)
    flops = 2 * BATCHES * 8192**2 / A100.chip.peak_flops["bf16"]
    moved = 2 * (8192**2 + 2 * BATCHES * 8192) / A100.chip.memory_bandwidth_bytes_per_s
    assert seconds == pytest.approx(np.maximum(flops, moved))
    assert np.all((flops > moved)[1.1 * ridge < BATCHES])
    assert np.all((flops < moved)[ridge > BATCHES])
    assert ridge == pytest.approx(312e12 / A100.chip.memory_bandwidth_bytes_per_s)


def test_keys_and_values_of_every_sequence_are_read_once_a_pass():
    model, batch, context = get_model("llama-3-8b"), np.array([[1], [8]]), np.array([1024, 8192])
    serving = Serving(batch=batch, context=context, kv=Format(bits=8))
    read = (
        price_iteration(model, A100, serving).operators["attention.scores"].memory
        * A100.chip.memory_bandwidth_bytes_per_s
    )
    assert read == pytest.approx(batch * context * 2 * 32 * 8 * 128)
    assert read == pytest.approx(batch * kv_bytes(model, context, Format(bits=8)))
    verified = price_iteration(model, A100, replace(serving, tokens=4)).operators["attention.scores"]
    assert verified.memory * A100.chip.memory_bandwidth_bytes_per_s == pytest.approx(read)


def test_devices_divide_work_and_memory_and_add_two_reductions_a_block():
    model, node = get_model("llama-2-70b"), get_machine("8 x a100-80")
    one, eight = (price_iteration(model, node, Serving(batch=64, context=512, devices=n)) for n in (1, 8))
    assert one.network == 0
    sent = 64 * 8192 * 2
    link = node.node_link
    ring = 2 * (sent * 7 / 8 / link.bandwidth_bytes_per_s + 7 * link.latency_s)
    assert eight.network == pytest.approx(2 * 80 * ring)
    assert eight.part("mlp") == pytest.approx(one.part("mlp") / 8)


def test_overlap_moves_an_operator_from_the_sum_to_the_longest():
    slow = Serving(batch=8, weights=INT4, dequantised_per_s=4e11, overlap=np.array([0, 0.5, 1]))
    busy = busy_with(Matmul(name="w", inputs=4096, outputs=4096), A100, slow, slow.weights)
    parts = np.array([busy.memory, busy.compute, busy.dequantising])
    assert busy.seconds == pytest.approx([parts.sum(), (parts.sum() + parts.max()) / 2, parts.max()])


def test_a_mixture_reads_only_the_experts_that_its_positions_meet():
    model = get_model("mixtral-8x7b")
    read = price_iteration(model, A100, Serving(batch=np.array([1, 4096]))).operators["experts.out"].memory
    bandwidth = A100.chip.memory_bandwidth_bytes_per_s
    one = 2 * 32 * 14336 * 4096  # a matrix of an expert in every layer, two bytes a value
    assert read[0] * bandwidth == pytest.approx(2 * one, rel=1e-3)
    assert read[1] * bandwidth - 2 * 32 * 4096 * 2 * (14336 + 4096) == pytest.approx(8 * one, rel=1e-3)


def test_weights_from_the_host_take_the_links_time_and_latency():
    model, serving = get_model("llama-2-7b"), Serving(batch=1, weights_from="host", fetched=0.5)
    link = A100.tiers["host"].link
    whole = price_iteration(model, A100, serving).operators["mlp.in"].seconds
    fetched = 0.5 * 2 * 32 * 4096 * 22016
    assert whole == pytest.approx(fetched / link.bandwidth_bytes_per_s)
    chunked = price_iteration(model, A100, replace(serving, chunk_bytes=32768)).operators["mlp.in"].seconds
    assert chunked - whole == pytest.approx(fetched / 32768 * link.latency_s)
    with pytest.raises(InputError, match="no nvme memory"):
        price_iteration(model, replace(A100, tiers={}), replace(serving, weights_from="nvme"))


def test_the_largest_batch_fits_and_one_sequence_more_does_not():
    model, serving = get_model("llama-3-8b"), Serving(context=np.array([1024, 8192]))
    batch = largest_batch(model, A100, serving)
    room = A100.chip.memory_bytes - 2 * 2**30
    assert np.all(serving_bytes(model, replace(serving, batch=batch)) <= room)
    assert np.all(serving_bytes(model, replace(serving, batch=batch + 1)) > room)
    assert largest_batch(get_model("llama-3-70b"), A100, Serving(context=1024)) == 0


def test_a_model_without_a_cache_has_no_largest_batch():
    assert largest_batch(get_model("vit-b/16"), A100, Serving()) == np.inf


@pytest.mark.parametrize("wrong", [{"overlap": 1.5}, {"fetched": -0.1}, {"batch": 0}, {"tokens": np.array([1, -1])}])
def test_a_serving_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Serving(**wrong)


def test_accepted_tokens_are_those_of_simulated_chains():
    rng = np.random.default_rng(0)
    runs = np.cumprod(rng.random((200_000, 5)) < 0.7, axis=1).sum(axis=1) + 1
    assert accepted(0.7, 5) == pytest.approx(runs.mean(), rel=0.01)
    assert accepted(np.array([0.0, 1.0]), 5).tolist() == [1, 6]


# --- kernels ---------------------------------------------------------------------------------------------------------


A10 = replace(
    A100,
    chip=Chip(
        name="a10", peak_flops={"bf16": 125e12}, memory_bytes=24 * 2**30, memory_bandwidth_bytes_per_s=600e9,
        power_watts=150,
    ),
)  # fmt: skip
"""MARLIN's GPU: peak and bandwidth of NVIDIA's data sheet, as remembered."""


@pytest.mark.atlas("marlin")
def test_4_bit_weights_are_3_9_times_faster_up_to_batch_32(
    record_property: Noted,
):
    serving = Serving(batch=BATCHES)
    plain, narrow = (kernel_seconds(A10, replace(serving, weights=f), 18432, 73728) for f in (BF16, INT4))
    gain = dict(zip(BATCHES.tolist(), plain / narrow, strict=True))
    low, high = claimed("marlin", "batch kept near the ceiling")
    falling = [int(b) for b in claimed("marlin", "batch with falling but real speedup")]
    assert (low, high) == (16, 32)
    assert all(gain[b] == pytest.approx(3.9, rel=0.05) for b in (1, 2, 4, 8, 16, 32))
    assert 3.6 > gain[falling[0]] > gain[falling[1]] > 1.2
    ridge = ridge_of(A10, serving)
    assert all(gain[b] == pytest.approx(1, abs=0.02) for b in BATCHES.tolist() if b > 1.1 * ridge)
    assert max(gain.values()) <= claimed("marlin", "speedup ceiling")[0]
    shown = ", ".join(f"{b}: {gain[b]:.2f}" for b in (1, 16, 32, 64, 128, 256))
    record_property(
        "found",
        f"{shown}; ridge of 16 bits {ridge:.0f}, of 4 bits {ridge_of(A10, replace(serving, weights=INT4)):.0f}",
    )


@pytest.mark.atlas("flute", "modelled")
def test_4_bit_codes_are_2_to_4_times_faster_below_batch_32(
    record_property: Noted,
):
    """A table of 16 values a tensor is too small to count; groups of 128 have a scale of 16 bits."""
    serving = Serving(batch=np.array([1, 2, 4, 8, 16, 31, 64, 128, 256, 512, 1024]))
    low, high = claimed("flute", "kernel speedup")
    gain = {}
    for bits in (4, 3):
        stored = Format(bits=bits, group=128, scale_bits=16)
        gain[bits] = kernel_seconds(A100, serving) / kernel_seconds(A100, replace(serving, weights=stored))
    assert np.all((gain[4][:6] >= low) & (gain[4][:6] <= high))
    assert np.all(np.diff(gain[4]) <= 0)
    assert np.all(np.diff(gain[4][5:9]) < 0)
    assert gain[4][-1] == pytest.approx(1, abs=0.01)
    record_property("found", f"4 bits {gain[4].round(2).tolist()}; the roof of 3 bits is {gain[3][0]:.1f}x")


@pytest.mark.atlas("flash-llm")
def test_weights_loaded_sparse_gain_their_bytes_unless_compute_binds(
    record_property: Noted,
):
    """80% of the weights are zero; a kept one takes a value and a place of 16 bits each."""
    sparse = Format(bits=16, kept=0.2, index_bits=16)
    stored = BF16.bits_per_weight / sparse.bits_per_weight
    serving = Serving(batch=BATCHES)
    gain = kernel_seconds(A100, serving) / kernel_seconds(A100, replace(serving, weights=sparse))
    skinny, wide = BATCHES <= 32, 1.2 * ridge_of(A100, serving) < BATCHES
    assert gain[skinny] == pytest.approx(stored, rel=0.05)
    assert gain[wide] == pytest.approx(1)
    model, needed = get_model("opt-175b"), []
    for weights in (BF16, sparse):
        devices = np.arange(1, 17)
        fits = largest_batch(model, A100, Serving(context=1024, weights=weights, devices=devices)) >= 8
        needed.append(int(devices[fits][0]))
    assert needed[1] < needed[0]
    record_property(
        "found", f"stored {stored:.2f}x, skinny {gain[0]:.2f}x, wide 1x; OPT-175B {needed[0]} to {needed[1]} GPUs"
    )


@pytest.mark.atlas("fast-2bit-llm", "modelled")
def test_dequantising_beside_reading_nearly_doubles_decoding(record_property: Noted):
    model, mean = get_model("llama-2-7b"), claimed("fast-2bit-llm", "average width")[0]
    share = claimed("fast-2bit-llm", "execution time spent dequantizing")[0] / 100
    stored = Format(bits=mean)
    reading = stored.bits_per_weight / 8 / A100.chip.memory_bandwidth_bytes_per_s
    serving = Serving(context=512, weights=stored, dequantised_per_s=(1 - share) / share / reading)
    apart, beside = (price_iteration(model, A100, replace(serving, overlap=o)) for o in (0, 1))
    assert apart.whole.dequantising / apart.part("mlp") > share / 2
    gain = apart.part("mlp") / beside.part("mlp")
    assert gain == pytest.approx(2, rel=0.05)
    bound = BF16.bits_per_weight / stored.bits_per_weight
    whole = [price_iteration(model, A100, Serving(context=512)).seconds / one.seconds for one in (apart, beside)]
    assert claimed("fast-2bit-llm", "end-to-end speedup")[0] < whole[0] < whole[1] < bound
    record_property("found", f"overlap {gain:.2f}x; end to end {whole[0]:.2f} and {whole[1]:.2f}x under {bound:.2f}x")


@pytest.mark.atlas("lut-tensor-core", "modelled")
def test_a_tenfold_low_bit_rate_moves_a_server_to_its_memory_roof(record_property: Noted):
    chip = A100.chip
    table = changed(A100, w2=claimed("lut-tensor-core", "compute density gain")[0] * chip.peak_flops["bf16"])
    model, stored = get_model("llama-2-7b"), Format(bits=2, group=128, scale_bits=16)
    serving = Serving(batch=np.array([1, 64, 256]), context=64, weights=stored)
    before, after = (price_iteration(model, table, replace(serving, matmuls=kind)) for kind in ("bf16", "w2"))
    bound = [p.operators["mlp.in"].compute > p.operators["mlp.in"].memory for p in (before, after)]
    assert bound[0].tolist() == [False, True, True]
    assert bound[1].tolist() == [False, False, False]
    ridges = [ridge_of(table, replace(serving, matmuls=kind)) for kind in ("bf16", "w2")]
    assert ridges[1] == pytest.approx(10 * ridges[0])
    record_property("found", f"ridge from batch {ridges[0]:.0f} to {ridges[1]:.0f}")


@pytest.mark.atlas("abq-llm", "modelled")
def test_binary_passes_take_time_by_the_product_of_bits(record_property: Noted):
    """LLaMA-7B with groups of 128 at 2 bits, a scale and a zero point of 16 bits; embedding and head in 16 bits."""
    machine = changed(A100, binary=8 * A100.chip.peak_flops["int8"])
    w, a = np.array([[2], [4], [8]]), np.array([4, 8])
    serving = Serving(batch=4096, weights=Format(bits=w), matmuls="binary", products=w * a)
    compute = busy_with(Matmul(name="w", inputs=4096, outputs=4096), machine, serving, serving.weights).compute
    assert compute / compute[0, 0] == pytest.approx(w * a / 8)
    model = get_model("llama-2-7b")
    stored = [model_bytes(model, Format(bits=b, group=128, scale_bits=16, zero_bits=16)) for b in (8, 2)]
    gain = stored[0] / stored[1]
    assert gain == pytest.approx(claimed("abq-llm", "memory compression")[0], rel=0.15)
    record_property("found", f"W8A8 {stored[0] / 1e9:.2f} GB, W2A8 {stored[1] / 1e9:.2f} GB: {gain:.2f}x")


@pytest.mark.atlas("fireq", "modelled")
def test_a_faster_kernel_speeds_an_answer_by_less_than_its_layers(
    record_property: Noted,
):
    """The kernel's efficiency is an input, the layers' gain that of the paper; 4096 tokens of prompt, 128 of answer."""
    layer, whole = claimed("fireq", "feed-forward speedup")[0], claimed("fireq", "prefill speedup")[0]
    model, machine = get_model("llama-3-8b"), get_machine("h100")
    kernel = Serving(batch=1, weights=INT4, kv=Format(bits=4), matmuls="fp8")
    seconds = {}
    for name, efficiency in (("slow", {"mlp": 1 / layer}), ("fast", {})):
        prefill = price_iteration(model, machine, replace(kernel, tokens=4096, context=4096, efficiency=efficiency))
        steps = price_iteration(model, machine, replace(kernel, context=4096 + np.arange(128), efficiency=efficiency))
        seconds[name] = (prefill.part("mlp"), prefill.part("attention"), prefill.seconds, steps.seconds.sum())
    feed_forward, attention, prefill, answer = (s / f for s, f in zip(seconds["slow"], seconds["fast"], strict=True))
    end_to_end = sum(seconds["slow"][2:]) / sum(seconds["fast"][2:])
    assert feed_forward == pytest.approx(layer)
    assert attention == pytest.approx(1)
    assert 1 < prefill < layer
    assert 1 < end_to_end < layer
    assert prefill == pytest.approx(whole, rel=0.1)
    record_property(
        "found",
        f"layers {layer}x, prefill {prefill:.2f}x (published {whole}), answer {answer:.2f}x, all {end_to_end:.2f}x",
    )


@pytest.mark.atlas("thunderkittens", "modelled")
def test_a_faster_linear_attention_changes_its_own_term_alone(record_property: Noted):
    gain = claimed("thunderkittens", "linear attention speed")[0]
    model = decoder(name="linear", layers=24, hidden=2048, heads=16, vocabulary=32000, context=4096,
                    mixer=Mixer(exponent=0))  # fmt: skip
    serving = Serving(batch=8, tokens=4096, context=4096)
    slow = price_iteration(model, get_machine("h100"), replace(serving, efficiency={"attention.scores": 1 / gain}))
    fast = price_iteration(model, get_machine("h100"), serving)
    ratios = {name: slow.operators[name].seconds / busy.seconds for name, busy in fast.operators.items()}
    assert ratios.pop("attention.scores") == pytest.approx(gain)
    assert all(ratio == 1 for ratio in ratios.values())
    record_property("found", f"{gain}x on attention.scores, the pass {slow.seconds / fast.seconds:.2f}x")


@pytest.mark.atlas("hopper-microbench", "modelled")
def test_three_generations_have_peaks_by_type_and_a_bandwidth():
    """Latencies of the levels of memory are not stored."""
    generations = [get_machine(name).chip for name in ("a100-80", "rtx-4090", "h100")]
    assert len(generations) == claimed("hopper-microbench", "architectures compared")[0]
    for chip in generations:
        assert {"fp32", "tf32", "fp16", "bf16", "int8"} <= chip.peak_flops.keys()
        assert chip.peak_flops["int8"] > chip.peak_flops["fp16"] >= chip.peak_flops["tf32"]
        assert all(str(chip.evidence[field]) for field in ("memory_bandwidth_bytes_per_s", "peak_flops"))
    assert ["fp8" in chip.peak_flops for chip in generations] == [False, True, True]


# --- samples ---------------------------------------------------------------------------------------------------------


@pytest.mark.atlas("hash3d", "modelled")
def test_cache_hits_set_the_speed_of_a_denoiser(record_property: Noted):
    model = get_model("stable-diffusion-1")
    plain = Stage(model=model, context=1, calls=1000)
    low, high = claimed("hash3d", "speedup of 3D optimisation")
    hits, skipped = np.array([0.0, 0.5, 0.75, 0.9]), np.array([[0.5], [0.8], [1.0]])
    gain = plain.flops / flops_of([Stage(model=model, context=1, calls=1000, cached=hits * skipped)])
    assert gain == pytest.approx(1 / (1 - hits * skipped))
    ends = plain.flops / flops_of([Stage(model=model, context=1, calls=1000, cached=np.array([0.23, 0.75]))])
    assert ends == pytest.approx([low, high], rel=0.01)
    record_property("found", f"{ends[0]:.2f} to {ends[1]:.2f}x")


@pytest.mark.slow
@pytest.mark.atlas("marginalization-models", "modelled")
def test_one_pass_for_a_marginal_gains_once_a_dimension(record_property: Noted):
    """Passes in turn each see all dimensions, as in an order that is free; a cache, which fixes it, saves a part."""
    model = get_model("gpt2")
    dimensions = np.array([16, 32, 64, 128, 256])
    passes = claimed("marginalization-models", "network passes")[0]
    once = Serving(batch=1, tokens=dimensions, context=dimensions)
    direct = passes * price_iteration(model, A100, once).seconds
    in_turn = np.array(
        [sum(price_iteration(model, A100, Serving(tokens=d, context=d)).seconds for _ in range(d)) for d in dimensions]
    )
    slope = np.polyfit(np.log(dimensions), np.log(in_turn / direct), 1)[0]
    assert in_turn / direct == pytest.approx(dimensions)
    assert slope == pytest.approx(1)
    cached = [price_iteration(model, A100, Serving(context=np.arange(1, d + 1))).seconds.sum() for d in dimensions]
    assert np.all(np.diff(cached / direct) > 0)
    assert np.all(cached < in_turn)
    record_property("found", f"gain = dimensions; against cached steps {np.round(cached / direct).tolist()}")


@pytest.mark.atlas("crysbfn", "modelled")
def test_ten_passes_against_two_thousand_are_200_times_cheaper(
    record_property: Noted,
):
    few, many = (claimed("crysbfn", f"network passes {which}")[0] for which in ("used", "of the baseline"))
    model = get_model("dit-xl/2")
    ten, baseline = (flops_of([Stage(model=model, context=64, calls=n)]) for n in (few, many))
    assert baseline / ten == pytest.approx(200)
    flagged = [f for f in atlas.check_atlas([atlas.atlas_record("crysbfn")]) if f.verdict == "contradicts"]
    assert [f.quantity for f in flagged] == ["sampling speedup"]
    record_property("found", f"{baseline / ten:.0f}x against the stated {flagged[0].stated}: {flagged[0].numbers}")


SIDES = np.array([1, 2, 3, 4, 5, 6, 8, 10, 13, 16])
"""Tokens a side of VAR's ten scales at 256 pixels, as remembered."""


@pytest.mark.atlas("var", "modelled")
def test_ten_scales_instead_of_256_tokens_are_about_twenty_times_faster(record_property: Noted):
    tokens = SIDES**2
    prefix = np.cumsum(tokens)
    model = decoder(name="var", layers=16, hidden=1024, heads=16, vocabulary=4096, context=int(prefix[-1]))
    by_token = price_iteration(model, A100, Serving(context=np.arange(1, 257))).seconds.sum()
    by_scale = price_iteration(model, A100, Serving(tokens=tokens, context=prefix)).seconds.sum()
    assert tokens[-1] == 256
    assert by_token / by_scale == pytest.approx(claimed("var", "inference speed")[0], rel=0.15)
    record_property("found", f"{by_token / by_scale:.1f}x at batch 1")


@pytest.mark.atlas("scalekv", "modelled")
def test_the_cache_of_next_scale_generation_grows_with_all_scales(
    record_property: Noted,
):
    """Two of 32 layers draft and keep all, the others a window that leaves the published share."""
    tokens = np.cumsum((4 * SIDES) ** 2)
    share = claimed("scalekv", "KV-cache memory left")[0] / 100
    sizes = {"name": "m", "layers": 32, "hidden": 2048, "heads": 16, "vocabulary": 4096, "context": int(tokens[-1])}
    full = decoder(**sizes)
    window = round((share * 32 - 2) / 30 * tokens[-1])
    refined = decoder(**sizes, mixer=Mixer(window=window, windowed_layers=30))
    caches = [kv_bytes(model, tokens) for model in (full, refined)]
    assert caches[0] / caches[0][0] == pytest.approx(tokens / tokens[0])
    assert caches[1][-1] / caches[0][-1] == pytest.approx(share, rel=0.01)
    serving = Serving(context=int(tokens[-1]))
    batches = [largest_batch(model, A100, serving) for model in (full, refined)]
    assert batches[1] / batches[0] == pytest.approx(10, rel=0.1)
    record_property("found", f"window {window} of {tokens[-1]} tokens; batch {batches[0]:.0f} to {batches[1]:.0f}")


@pytest.mark.atlas("bottleneck-sampling", "modelled")
def test_a_high_low_high_schedule_is_2_5_to_3_times_cheaper(record_property: Noted):
    """A tenth of fifty calls at full resolution at either end; both are a choice. The row's range is the paper's."""
    model = get_model("dit-xl/2")
    gains = {}
    low, high = claimed("bottleneck-sampling", "video")[0], claimed("bottleneck-sampling", "image")[0]
    for context in (1024, 4096):
        whole = Stage(model=model, context=context, calls=50)
        parts = [replace(whole, calls=5), replace(whole, context=context / 4, calls=40), replace(whole, calls=5)]
        gains[context] = float(whole.flops / flops_of(parts))
        assert low <= gains[context] <= high
    per_token = (
        model.forward_flops_by_operator(4096)["attention.scores"]
        / model.forward_flops_by_operator(1024)["attention.scores"]
    )
    assert per_token == 4  # a token's attention grows with tokens, all of it with their square
    record_property("found", f"gain by tokens: {listed(gains, '.2f')}")


@pytest.mark.atlas("magnets", "modelled")
def test_growing_nested_sizes_cost_a_third_of_the_constant_size(
    record_property: Noted,
):
    """Four sizes of an eighth to all of heads and MLP, three steps each; tokens unmasked along a cosine are cached but
    in the first step of a size: the paper's setting, as remembered."""
    shares, steps = (0.125, 0.25, 0.5, 1.0), 12
    sizes = [
        decoder(name="nested", layers=24, hidden=1024, heads=16 * s, head_width=64, mlp_width=4096 * s, vocabulary=1024,
                context=256)
        for s in shares
    ]  # fmt: skip
    masked = np.cos(np.pi / 2 * np.arange(steps) / steps)
    cached = np.where(np.arange(steps) % 3 == 0, 0, 1 - masked)
    stages = [Stage(model=sizes[i // 3], context=256, cached=cached[i]) for i in range(steps)]
    gain = steps * Stage(model=sizes[-1], context=256).flops / flops_of(stages)
    assert gain == pytest.approx(claimed("magnets", "inference compute cut")[0], rel=0.2)
    assert all(small.n_params < sizes[-1].n_params for small in sizes[:-1])  # nested: the largest holds them all
    record_property("found", f"{gain:.2f}x")


@pytest.mark.atlas("any-size-diffusion", "modelled")
def test_tiles_without_overlap_halve_the_calls(record_property: Noted):
    """Tiles of 64 latents, with an overlap of a quarter or none; an image of 4096 pixels has 512 latents a side."""
    model = get_model("stable-diffusion-1")

    def tiles(side: int, stride: int) -> int:
        starts = {min(start, side - 64) for start in range(0, side, stride) if start == 0 or start + 64 - stride < side}
        return len(starts) ** 2

    gains, peaks = [], []
    for side in (128, 256, 512):
        plain, fast = (Stage(model=model, context=1, calls=tiles(side, stride)) for stride in (48, 64))
        gains.append(plain.flops / fast.flops)
        peaks.append(sum(model.saved_by_operator(1).values()))
    assert len(set(peaks)) == 1
    assert gains[-1] == pytest.approx(claimed("any-size-diffusion", "inference time")[0], rel=0.1)
    record_property("found", f"calls saved {np.round(gains, 2).tolist()} at 1024, 2048 and 4096 pixels")
