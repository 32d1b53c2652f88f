"""Storage formats: counted bit by bit, and papers whose numbers they give."""

from dataclasses import replace

import numpy as np
import pytest

from froude.cost import BF16, FP32, Serving, get_machine, get_model
from froude.cost.papers import adapters as peft
from froude.errors import InputError
from priced import SMALL, Format, Noted, claimed, model_bytes, price_iteration


def test_bits_a_weight_are_those_of_packed_arrays():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(64, 48))
    codes = np.packbits(np.unpackbits(rng.integers(0, 16, weights.size, dtype=np.uint8)[:, None], axis=1)[:, 4:])
    scales = np.abs(weights.reshape(-1, 32)).max(axis=1).astype(np.float16)
    assert Format(bits=4, group=32, scale_bits=16).matrix_bits(64, 48) == 8 * (codes.nbytes + scales.nbytes)
    masked = weights * (rng.random(weights.shape) < 0.5)
    left_values = masked[masked != 0].astype(np.float16)
    format_ = Format(bits=16, kept=left_values.size / weights.size, mask_bits=1)
    assert format_.matrix_bits(64, 48) == pytest.approx(8 * (left_values.nbytes + np.packbits(masked != 0).nbytes))
    left, right = (rng.normal(size=shape).astype(np.float32) for shape in ((64, 5), (5, 48)))
    branch = Format(bits=0, rank=5, rank_bits=32)
    assert branch.matrix_bits(64, 48) == 8 * (left.nbytes + right.nbytes)


def test_the_last_group_of_a_matrix_has_a_scale_of_its_own():
    assert Format(bits=4, group=100, scale_bits=16).matrix_bits(15, 10) == 4 * 150 + 2 * 16


def test_a_model_without_quantisation_takes_two_bytes_a_parameter():
    for name in ("llama-3-8b", "mixtral-8x7b", "vit-b/16", "stable-diffusion-1"):
        model = get_model(name)
        assert model_bytes(model, BF16) == pytest.approx(2 * model.n_params)


def test_only_the_matmuls_of_blocks_are_stored_in_the_narrow_format():
    projections = sum(p.count * p.inputs * p.outputs for p in peft.projections(SMALL))
    narrow = model_bytes(SMALL, Format(bits=4))
    assert narrow == 0.5 * projections + 2 * (SMALL.n_params - projections)
    assert model_bytes(SMALL, Format(bits=4), head=Format(bits=8)) == narrow - 16 * 32


def test_bytes_of_many_formats_at_once_are_those_of_each():
    bits = np.array([2, 3, 4, 8])
    together = model_bytes(SMALL, Format(bits=bits, group=16, scale_bits=8))
    assert together.tolist() == [model_bytes(SMALL, Format(bits=b, group=16, scale_bits=8)) for b in bits]


@pytest.mark.parametrize("wrong", [{"kept": 1.5}, {"group": 0}, {"bits": -1}, {"outliers": 2}, {"bits": float("nan")}])
def test_a_format_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Format(**wrong)


@pytest.mark.atlas("gpusq-vit")
def test_two_of_four_sparsity_with_few_bits_cuts_a_vit_as_published(
    record_property: Noted,
):
    eight, four = Format(bits=8, kept=0.5, index_bits=2), Format(bits=4, kept=0.5, index_bits=1)
    assert (eight.bits_per_weight, four.bits_per_weight) == (5, 2.5)
    cuts = [32 / stored.bits_per_weight for stored in (eight, four)]
    assert cuts == pytest.approx(claimed("gpusq-vit", "model size cut"), rel=0.01)
    vit, machine = get_model("vit-b/16"), get_machine("a100-80")
    peaks = machine.chip.peak_flops
    sparse = replace(machine, chip=replace(machine.chip, peak_flops={**peaks, "sparse": 2 * peaks["int8"]}))
    dense = Serving(
        batch=np.array([1, 256]), tokens=vit.context, context=vit.context, weights=FP32, others=FP32, kv=FP32,
        activations=4, matmuls="tf32", scores="tf32",
    )  # fmt: skip
    gains = (
        price_iteration(vit, sparse, dense).seconds
        / price_iteration(
            vit, sparse, replace(dense, weights=eight, kv=BF16, activations=2, matmuls="sparse", scores="bf16")
        ).seconds
    )
    assert 1 < gains[0] < gains[1]
    record_property("found", f"cuts {cuts[0]:.1f} and {cuts[1]:.1f}; latency gain {gains[0]:.2f} < {gains[1]:.2f}")


@pytest.mark.atlas("ffsplit", "modelled")
def test_the_published_cut_of_bytes_bounds_the_speed_up(record_property: Noted):
    (cut, _), (low, high) = claimed("ffsplit", "model size reduction"), claimed("ffsplit", "wall-clock speedup")
    left = Format(bits=16, kept=1 - cut / 100)
    bound = BF16.bits_per_weight / left.bits_per_weight
    model, machine = get_model("llama-2-7b"), get_machine("a100-80")
    serving = Serving(batch=1, context=1024)
    real = (
        price_iteration(model, machine, serving).seconds
        / price_iteration(model, machine, replace(serving, weights=left)).seconds
    )
    assert bound == pytest.approx(1.757, abs=0.001)
    assert low <= high < real < bound
    record_property("found", f"bound {bound:.2f}x; with cache and head {real:.2f}x")


@pytest.mark.atlas("quantization-survey", "modelled")
def test_eight_bits_realise_less_than_their_ideal_in_a_real_torch_module(record_property: Noted):
    import io

    import torch

    plain = torch.nn.Linear(512, 512)
    state = {"weight": plain.weight.detach()}
    scale = state["weight"].abs().amax(dim=1) / 127
    narrow = {"weight": (state["weight"] / scale[:, None]).round().to(torch.int8), "scale": scale}
    sizes = []
    for tensors in (state, narrow):
        file = io.BytesIO()
        torch.save(tensors, file)
        sizes.append(file.getbuffer().nbytes)
    realised = sizes[0] / sizes[1]
    ideal = FP32.bits_per_weight / Format(bits=np.array([8, 4, 2])).bits_per_weight
    stored = FP32.bits_per_weight / Format(bits=8, group=512, scale_bits=32).bits_per_weight
    assert ideal.tolist() == [4, 8, 16]
    assert realised < stored < ideal[0]
    assert realised == pytest.approx(stored, rel=0.02)
    record_property("found", f"8 bits: ideal 4x, counted {stored:.3f}x, saved {realised:.3f}x; 16x takes two bits")
