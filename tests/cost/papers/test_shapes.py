"""Rows of the atlas about shapes and schedules of training, priced by terms of the cost model."""

from dataclasses import replace

import numpy as np
import pytest

from froude import atlas
from froude.cost import Layout, decoder, evaluate, get_machine, get_model
from froude.cost.machine.rates import overlapped_seconds
from froude.cost.model.families.convolutions import convnet
from froude.cost.model.layers import Mixer, attention
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Block, Elementwise, Matmul
from froude.cost.papers.aggregation import Hop, round_seconds, tree_levels
from froude.cost.papers.compound import efficientnet, fast_compound, resnet_rs_growth
from froude.cost.papers.interleaved import updates
from froude.cost.papers.local_attention import halo_attention, reads_per_query
from froude.cost.papers.partial import Trained
from froude.cost.papers.resident import Window, layer_seconds
from froude.cost.papers.resnet_rs import FAMILY, resnet_rs
from froude.cost.papers.rounds import rounds
from froude.cost.papers.routing import padding
from froude.cost.papers.swap import swap_of
from froude.cost.papers.tiled import activation_bytes
from froude.cost.papers.volumes import volume_unet
from froude.cost.serving.samplers import Stage, staged_flops
from froude.errors import InputError

STU_NETS = {
    "S": (16, 1, 14.6e6, 0.13e12),
    "B": (32, 1, 58.26e6, 0.51e12),
    "L": (64, 2, 440.30e6, 3.81e12),
    "H": (96, 3, 1457.33e6, 12.60e12),
}
"""First width, depth, and parameters and FLOPs published: the table of github.com/uni-medical/STU-Net."""

TIMM = {
    50: (35691912, 4557258752),
    101: (63618696, 12024315904),
    152: (86621576, 31055773696),
    200: (93209992, 40186773504),
    270: (129861448, 53900378112),
    350: (163956168, 86987587584),
    420: (191891656, 127884689408),
}
"""Parameters and FLOPs of resnetrs50 to resnetrs420 in timm 1.0.31, as PyTorch's FlopCounterMode counts them."""


def slope(x: np.ndarray, y: np.ndarray) -> float:
    """The exponent of a power law through points."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def scores(hidden: int, heads: int, mixer: Mixer) -> Attention:
    """The scores of one block."""
    width = hidden // heads
    operators = attention(hidden=hidden, heads=heads, kv_heads=heads, head_width=width, mixer=mixer)
    return next(o for o in operators if isinstance(o, Attention))


def bare(name: str, hidden: int, heads: int, block: Block) -> Model:
    """A model of one kind of block, without embedding and head."""
    return Model(
        name=name,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        vocabulary=0,
        context=1,
        embedding=(),
        blocks=(block,),
        head=(),
    )


def whole(size: float | np.ndarray) -> int:
    """The nearest whole number."""
    return round(float(size))


def counted_at(growth: float, alpha: float) -> tuple[float, float]:
    """FLOPs and saved activations of a residual network grown by the rule, by the model's own count."""
    grown = fast_compound(growth, alpha)
    width, image = whole(256 * grown.width), 4 * whole(128 * grown.resolution)
    model = convnet(name="grown", stages=[whole(100 * grown.depth)], width=width, image=image, classes=10, channels=3)
    saved = sum(values for name, values in model.saved_by_operator(1).items() if name in ("norm", "activation"))
    return float(model.forward_flops(1)), float(saved)


@pytest.mark.atlas("fast-compound-scaling", "modelled")
def test_growing_in_width_grows_activations_less(record_property) -> None:
    # Dollár et al. 2021, arXiv:2103.06877.
    exponents = []
    for alpha, published in ((1 / 3, 5 / 6), (0.8, 0.6), (1.0, 0.5)):
        factors = 2.0 ** np.arange(0, 7)
        flops, saved = np.array([counted_at(s, alpha) for s in factors]).T
        assert slope(factors, flops) == pytest.approx(1.0, abs=0.03)
        exponents.append(slope(flops, saved))
        assert exponents[-1] == pytest.approx(published, abs=0.03)
    record_property("found", f"exponents {', '.join(f'{e:.3f}' for e in exponents)}")


@pytest.mark.atlas("resnet-rs")
def test_residual_networks_grow_in_depth_and_count_as_timm_does(
    record_property,
) -> None:
    long, short = (resnet_rs_growth(28.0, epochs) for epochs in (350, 10))
    assert long.depth > 1 == long.width
    assert short.width > 1 == short.depth
    assert long.flops == pytest.approx(28.0)
    assert short.flops == pytest.approx(28.0)
    flops, sides, off = [], [], []
    for depth, (_, side) in FAMILY.items():
        model = resnet_rs(depth)
        flops.append(float(model.forward_flops(1)))
        sides.append(side)
        params, counted = TIMM[depth]
        off += [float(model.n_params) / params - 1, flops[-1] / counted - 1]
    assert np.abs(off).max() < 0.02
    # The family itself follows the rule, and its resolution grows slower than EfficientNet's.
    grown = resnet_rs_growth(np.array(flops) / flops[0], 350)
    assert np.asarray(grown.resolution) * sides[0] == pytest.approx(np.array(sides), rel=0.1)
    steeper = float(np.log(efficientnet(2.0).resolution) / np.log(2.0))
    assert slope(np.array(flops), np.array(sides)) < steeper
    counts = f"counts of seven models within {np.abs(off).max():.2%} of timm's; resolution ~ FLOPs^"
    record_property("found", f"{counts}{slope(np.array(flops), np.array(sides)):.3f} for {steeper:.3f} of EfficientNet")


@pytest.mark.atlas("stu-net", "modelled")
def test_depth_and_width_take_a_u_net_from_14_million_to_1_4_billion(record_property) -> None:
    # 105 classes: those of TotalSegmentator and what is none of them. Its FLOPs are multiply-adds.
    off, before = [], 0.0
    for name, (width, depth, published, multiply_adds) in STU_NETS.items():
        model = volume_unet(name=name, side=128, width=width, depth=depth, classes=105)
        assert float(model.n_params) > before
        before = float(model.n_params)
        off.append(before / published - 1)
        assert float(model.forward_flops(1)) / 2 == pytest.approx(multiply_adds, rel=0.02)
    assert np.abs(off).max() < 0.001
    record_property("found", f"parameters within {np.abs(off).max():.2%} of the four published, FLOPs within 2%")


@pytest.mark.atlas("m-var")
def test_attention_within_scales_costs_less_than_to_all_before(
    record_property,
) -> None:
    # Sides of the scales of VAR at 256² pixels (as remembered).
    sides = np.array([1, 2, 3, 4, 5, 6, 8, 10, 13, 16])
    own, before = sides**2, np.cumsum(sides**2)
    softmax = scores(2048, 32, Mixer(causal=False))
    linear = scores(2048, 32, Mixer(causal=False, exponent=0))
    prefix = float(np.sum(own * softmax.forward_flops(before)))
    within = float(np.sum(own * softmax.forward_flops(own)))
    across = float(np.sum(own) * linear.forward_flops(1))
    assert float(linear.forward_flops(1)) == float(linear.forward_flops(10**6))
    assert within + across < prefix
    points = {claim.value for claim in atlas.atlas_record("m-var").claims if claim.unit == "FID"}
    assert {1.78, 0.4, 0.19, 1.82, 0.49} <= points
    record_property(
        "found", f"{(within + across) / prefix:.0%} of the prefix's FLOPs, {across / prefix:.0%} of them linear"
    )


@pytest.mark.atlas("fractal-generative")
@pytest.mark.parametrize("levels", [2, 3, 4])
def test_levels_of_short_sequences_cost_far_less_than_a_flat_one(levels: int, record_property) -> None:
    # A generator of a level is called once for every element of the level above; scores alone are counted.
    each = Block(name="scores", count=1, operators=(scores(1024, 16, Mixer(causal=False)),))
    generator = bare("generator", 1024, 16, each)
    pixels = 2.0 ** np.array([12, 24, 36])
    length = pixels ** (1 / levels)
    stages = [Stage(model=generator, context=length, calls=length**i) for i in range(levels)]
    flat = np.asarray(Stage(model=generator, context=pixels).flops)
    assert all(np.all(stage.flops < 0.1 * flat) for stage in stages)
    total = np.asarray(staged_flops(stages))
    assert slope(pixels, total) == pytest.approx(1 + 1 / levels, abs=0.02)
    assert np.all(total < 0.1 * flat)
    record_property(
        "found", f"{levels} levels: FLOPs as pixels^{slope(pixels, total):.2f}, {total[0] / flat[0]:.1e} of flat"
    )


def test_blocked_local_attention_reads_its_halo() -> None:
    reads, parameters = [], []
    for halo in (0, 1, 2, 4):
        operators = halo_attention(hidden=512, heads=8, block=8, halo=halo)
        (copied,) = (o for o in operators if isinstance(o, Elementwise) and o.name == "attention.halo")
        (seen,) = (o for o in operators if isinstance(o, Attention))
        reads.append(copied.moved / (2 * 2 * 512))
        parameters.append(sum(o.parameters for o in operators))
        assert float(seen.keys(10**6)) == (8 + 2 * halo) ** 2
        assert reads[-1] == (8 + 2 * halo) ** 2 / 64 == reads_per_query(8, halo)
    assert len(set(parameters)) == 1


def renderer(side: int) -> Model:
    """A field of eight layers of 256, asked at 96 samples of the ray of every pixel."""
    samples = 96.0 * side**2
    layer = Matmul(name="field", inputs=256, outputs=256, positions=samples, saves_input=False)
    activation = Elementwise(name="activation", moved=2 * 256 * samples, saved=256 * samples)
    return bare("renderer", 256, 1, Block(name="field", count=8, operators=(layer, activation)))


@pytest.mark.atlas("epigraf", "modelled")
def test_rendering_patches_takes_the_share_of_pixels_that_they_have(record_property) -> None:
    machine, layout = get_machine("1 x a100-80"), Layout(devices=1, global_batch=1, seq_len=1, recompute="full")
    gains = {}
    for side in (256, 512):
        patch, whole = (evaluate(renderer(n), machine, layout) for n in (64, side))
        assert patch.model_flops / whole.model_flops == pytest.approx((64 / side) ** 2)
        works = [float(one.step.compute + one.step.memory) for one in (patch, whole)]
        assert works[0] / works[1] == pytest.approx((64 / side) ** 2, rel=0.05)
        gains[side] = works[1] / works[0]
    published = next(c for c in atlas.atlas_record("epigraf").claims if c.quantity == "training speedup")
    assert published.value == 2.5
    assert published.value < min(gains.values())  # all else of a step stays as it is
    by_side = ", ".join(f"{gain:.0f} at {side}²" for side, gain in gains.items())
    record_property(
        "found", f"rendering gains {by_side}; published of whole training {published.value} ({published.baseline})"
    )


def test_blocks_take_turns_on_devices_that_hold_one_at_a_time() -> None:
    machine, layout = get_machine("4 x a100-80"), Layout(devices=1, global_batch=1, seq_len=1024)
    model = decoder(name="block", layers=12, hidden=768, heads=12, vocabulary=50257, context=1024)
    alone = evaluate(model, machine, layout)
    taken = rounds(model, machine, layout, np.array([1, 4, 5, 16]))
    assert taken.seconds == pytest.approx(np.array([1, 1, 2, 4]) * alone.step_seconds)
    assert np.all(taken.memory_bytes == alone.memory.total)
    with pytest.raises(InputError, match="one device at a time"):
        rounds(model, machine, Layout(devices=2, global_batch=2, seq_len=1024), 4)


def test_updates_climb_a_tree_of_aggregators_level_by_level() -> None:
    hop = Hop(seconds_per_byte=1e-9, copies=4, fixed_s=0.5)
    clients, fan_in, update, summing = 512, 8, 50e6, 2e-9
    seconds, waiting = 3.0, clients
    while waiting > 1:  # aggregators of a level work side by side, each on its own eight
        seconds += sum(0.5 + 4 * 1e-9 * update + summing * update for _ in range(fan_in))
        waiting //= fan_in
    assert round_seconds(clients, fan_in, update, hop, summing, 3.0) == pytest.approx(seconds)
    assert np.asarray(tree_levels(np.array([8, 9, 64, 512]), 8)).tolist() == [1, 2, 2, 3]
    with pytest.raises(InputError, match="fan-in 1"):
        tree_levels(8, 1)


def test_sizes_that_make_no_sense_are_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        fast_compound(2.0, 1.5)
    with pytest.raises(InputError, match="positive"):
        resnet_rs_growth(2.0, 0)
    with pytest.raises(InputError, match="from 0 to 1"):
        overlapped_seconds([1.0, 2.0], 1.5)
    with pytest.raises(InputError, match="fetches 1 to 3 ahead"):
        Window(layers=4, ahead=4)
    with pytest.raises(InputError, match="from 0 to 1"):
        Trained(parameters=1.0, kept=2.0)
    with pytest.raises(InputError, match="do not divide"):
        activation_bytes(renderer, 100, Layout(devices=1, global_batch=1, seq_len=1), tiles_a_side=3)
    with pytest.raises(InputError, match="some in every step"):
        padding(np.zeros((2, 4)), 1.0)
    bare = replace(get_machine("1 x a100-80"), tiers={})
    model, layout = get_model("gpt3-125m"), Layout(devices=1, global_batch=1, seq_len=2048)
    for needs_host in (updates, layer_seconds, swap_of):
        with pytest.raises(InputError, match="no host memory"):
            needs_host(model, bare, layout)
