"""Operators against torch: the same architectures built of its modules, their parameters and FLOPs counted there."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from froude.cost.model.catalogue import get_model
from froude.cost.model.description import build_model
from froude.cost.model.model import Model
from torch_twins import Denoiser, Diffuser, Patched, Pretrained, Twin, residual_network

TINY = {"layers": 3, "hidden": 24, "heads": 4, "vocab": 50, "context": 10}
LLAMA = {"gated": True, "tied": False, "positions": "rotary", "norm": "rms", "biased": False}
DECODERS = {
    "gpt": {},
    "without biases and gains": {"biased": False, "norm": "plain", "positions": "none"},
    "untied, few heads of keys, gated": LLAMA | {"kv_heads": 2, "mlp_width": 40},
    "biased queries and keys": LLAMA | {"qkv_biased": True, "tied": True},
    "wide heads, normed": LLAMA | {"head_width": 10, "kv_heads": 2, "qk_norm": True},
    "norms after": LLAMA | {"norms_after": True},
    "experts": LLAMA | {"experts": 6, "top_k": 2, "expert_width": 14},
    "shared experts, first block dense": LLAMA
    | {"experts": 6, "top_k": 2, "expert_width": 14, "shared_experts": 2, "dense_layers": 1, "router_biased": True},
    "latent attention": LLAMA | {"q_rank": 9, "kv_rank": 7, "nope_width": 5, "rope_width": 4, "value_width": 6},
    "latent keys only": LLAMA | {"kv_rank": 7, "nope_width": 5, "rope_width": 4, "value_width": 6},
}
REAL = (
    "gpt2",
    "llama-2-7b",
    "llama-3-8b",
    "mixtral-8x7b",
    "deepseek-v3",
    "qwen2.5-0.5b",
    "qwen3-30b-a3b",
    "gemma-2-2b",
)


def twin(model: Model) -> nn.Module:
    """The same architecture of torch's modules, without memory behind it."""
    with torch.device("meta"):
        return Twin(dict(model.description))


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def flops_of(module, *inputs) -> int:
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops()


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


@pytest.mark.parametrize("kind", DECODERS)
def test_a_tiny_decoder_has_the_parameters_of_its_torch_twin(kind):
    model = build_model(kind, TINY | DECODERS[kind])
    assert model.n_params == count(twin(model))


@pytest.mark.parametrize("kind", DECODERS)
def test_a_tiny_decoder_has_the_flops_that_torch_counts(kind):
    model = build_model(kind, TINY | DECODERS[kind])
    tokens = torch.zeros((2, 10), dtype=torch.long, device="meta")
    assert 20 * model.forward_flops(10) == flops_of(twin(model), tokens)


def test_training_takes_the_flops_that_torch_counts_forward_and_backward():
    model = build_model("gpt", TINY)
    module = twin(model).to_empty(device="cpu")
    tokens = torch.zeros((2, 10), dtype=torch.long)
    assert 20 * model.training_flops(10) == flops_of(lambda t: module(t).sum().backward(), tokens)


@pytest.mark.parametrize("name", REAL)
def test_a_published_decoder_has_the_parameters_of_its_torch_twin(name):
    model = get_model(name)
    many = model.description["experts"] > 8
    assert model.n_params == (count_by_block(model) if many else count(twin(model)))


def count_by_block(model: Model) -> int:
    """The twin's parameters without building thousands of experts: a block of each kind, and how many there are."""
    d = dict(model.description)

    def short(layers: int, dense: int) -> int:
        return count(twin(build_model("short", d | {"layers": layers, "dense_layers": dense})))

    dense, sparse = short(2, 2) - short(1, 1), short(2, 1) - short(1, 1)
    return short(1, 1) + (d["dense_layers"] - 1) * dense + (d["layers"] - d["dense_layers"]) * sparse


@pytest.mark.parametrize("stages", [(1, 2), (3, 4, 6, 3)])
def test_a_residual_network_is_its_torch_twin(stages):
    model = build_model("net", {"family": "convnet", "stages": stages, "width": 8, "image": 64, "classes": 11})
    with torch.device("meta"):
        module = residual_network(stages, 8, 11)
    assert model.n_params == count(module)
    assert model.forward_flops(1) == flops_of(module, meta(1, 3, 64, 64))


@pytest.mark.parametrize(("multipliers", "attended"), [((1, 2), 1), ((1, 2, 4, 4), 3), ((1, 1), 2)])
def test_a_unet_is_its_torch_twin(multipliers, attended):
    sizes = {"width": 16, "heads": 4, "condition_width": 12, "condition_length": 5, "image": 16}
    given = {"family": "unet", "multipliers": multipliers, "attended": attended, **sizes}
    model = build_model("net", given)
    with torch.device("meta"):
        module = Diffuser(dict(model.description))
    assert model.n_params == count(module)
    assert model.forward_flops(1) == flops_of(module, meta(1, 4, 16, 16), meta(1, 16), meta(1, 5, 12))


def test_the_stable_diffusion_unet_has_its_torch_twins_parameters():
    model = get_model("stable-diffusion-1")
    with torch.device("meta"):
        assert model.n_params == count(Diffuser(dict(model.description)))


def test_a_vision_transformer_is_its_torch_twin():
    sizes = {"layers": 2, "hidden": 24, "heads": 3, "patch": 4, "image": 16, "classes": 7}
    model = build_model("net", {"family": "vit", **sizes})
    with torch.device("meta"):
        module = Patched(dict(model.description))
    assert model.n_params == count(module)
    assert model.sample_flops(17) == pytest.approx(flops_of(module, meta(1, 3, 16, 16)), rel=1e-12)  # 1/17 is rounded


def test_an_encoder_is_its_torch_twin():
    model = build_model("net", {"family": "encoder", **TINY})
    with torch.device("meta"):
        module = Pretrained(dict(model.description))
    assert model.n_params == count(module)
    tokens = torch.zeros((1, 10), dtype=torch.long, device="meta")
    assert 10 * model.forward_flops(10) == pytest.approx(flops_of(module, tokens), rel=1e-12)  # 1/10 is rounded


def test_a_diffusion_transformer_is_its_torch_twin():
    sizes = {"layers": 2, "hidden": 24, "heads": 3, "patch": 2, "image": 8, "classes": 7}
    model = build_model("net", {"family": "dit", **sizes})
    with torch.device("meta"):
        module = Denoiser(dict(model.description))
    assert model.n_params == count(module)
    kind = torch.zeros(1, dtype=torch.long, device="meta")
    assert 16 * model.forward_flops(16) == flops_of(module, meta(1, 4, 8, 8), meta(1, 256), kind)
