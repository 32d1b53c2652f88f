"""What models consist of: published counts, activations, what serving keeps, many models at once."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from froude.cost.model.catalogue import get_model, model_catalogue
from froude.cost.model.description import build_model
from froude.cost.model.layers import Latent, Mixer, Mixture
from froude.cost.model.model import Model, decoder
from froude.cost.model.operators import Matmul
from froude.cost.model.plain_decoder import Decoder

CERTIFIED = {
    "gpt2": 124_439_808,
    "gpt2-xl": 1_557_611_200,
    "llama-2-7b": 6_738_415_616,
    "llama-2-70b": 68_976_648_192,
    "llama-3-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "mixtral-8x7b": 46_702_792_704,
    "deepseek-v2": 235_741_434_880,
    "deepseek-v3": 671_026_404_352,
    "qwen2.5-72b": 72_706_203_648,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-235b-a22b": 235_093_634_560,
    "gemma-2-27b": 27_227_128_320,
    "pythia-12b": 11_846_072_320,
    "bert-base": 110_106_428,
    "vit-h/14": 632_045_800,
    "resnet-50": 25_557_032,
    "stable-diffusion-1": 859_520_964,
}
"""Counts of published weights, as the model hubs and torchvision state them."""

MULTIPLY_ADDS = {
    "resnet-50": 4.089,
    "resnet-101": 7.801,
    "resnet-152": 11.514,
    "vit-b/16": 17.564,
    "vit-l/16": 61.555,
    "vit-h/14": 167.295,
}
"""1e9 multiply-adds of an image, from the metadata (`_ops`) of torchvision's weights."""

GPT3 = {"125m": 125e6, "350m": 350e6, "760m": 760e6, "1.3b": 1.3e9, "2.7b": 2.7e9, "6.7b": 6.7e9, "13b": 13e9}
MEGATRON = {
    "1.7b": 1.7, "3.6b": 3.6, "7.5b": 7.5, "18b": 18.4, "39b": 39.1, "76b": 76.1, "145b": 145.6, "310b": 310.1,
    "530b": 529.6, "1t": 1008.0, "22b": 22, "175b": 175,
}  # fmt: skip
"""1e9 parameters by size: Narayanan et al. 2021, arXiv:2104.04473, table 1, and the names of two more."""

TINY = {"layers": 2, "hidden": 16, "heads": 4, "vocab": 50}


@pytest.mark.parametrize("name", [name for name, entry in model_catalogue().items() if entry.n_params])
def test_the_catalogue_has_the_published_parameters(name):
    assert get_model(name).n_params == model_catalogue()[name].n_params


@pytest.mark.parametrize("name", CERTIFIED)
def test_parameters_are_those_of_the_published_weights(name):
    assert get_model(name).n_params == CERTIFIED[name]


@pytest.mark.parametrize("name", MULTIPLY_ADDS)
def test_an_image_takes_the_published_multiply_adds(name):
    model = get_model(name)
    assert model.sample_flops(model.context) / 2e9 == pytest.approx(MULTIPLY_ADDS[name], abs=0.0005)


def test_a_call_of_dit_xl_takes_the_published_multiply_adds():
    model = get_model("DiT-XL/2")
    per_call = model.sample_flops(256) / model.calls
    assert per_call / 2e9 == pytest.approx(118.64, rel=2e-4)  # Peebles and Xie 2022, table 4, which counts norms too


@pytest.mark.parametrize("size", GPT3)
def test_gpt3_models_have_the_parameters_of_their_names(size):
    assert get_model(f"gpt3-{size}").n_params == pytest.approx(GPT3[size], rel=0.02)


@pytest.mark.parametrize("size", MEGATRON)
def test_megatron_models_have_the_parameters_of_their_paper(size):
    published = MEGATRON[size]
    rounding = 0.5 if isinstance(published, int) else 0.0501
    assert get_model(f"megatron-{size}").n_params / 1e9 == pytest.approx(published, abs=rounding)


def test_megatron_parameters_equal_the_papers_and_the_last_norm():
    model = get_model("megatron-1t")
    layers, hidden, vocab, s = 128, 25600, 51200, 2048
    eq_2 = 12 * layers * hidden**2 + 13 * layers * hidden + (vocab + s) * hidden
    assert model.n_params == eq_2 + 2 * hidden


def test_mpt_models_have_the_parameters_of_the_llm_foundry_table(published):
    with published("sys_llmfoundry/llmfoundry_mpt_training.csv").open() as lines:
        rows = {(row["model"], int(row["seq_len"]), int(row["n_params"])) for row in csv.DictReader(lines)}
    assert len(rows) > 50
    for name, seq_len, n_params in rows:
        description = {**get_model(f"mpt-{name}").description, "context": seq_len}
        assert build_model(name, description).n_params == n_params, (name, seq_len)


def test_learned_positions_grow_with_the_context():
    short = get_model("mpt-7b")
    long = build_model("long", {**short.description, "context": 8192})
    assert long.n_params - short.n_params == (8192 - 2048) * 4096


def test_every_entry_says_where_it_is_from():
    assert all(entry.source for entry in model_catalogue().values())


@pytest.mark.parametrize(("width", "layers", "heads", "context"), [(8, 1, 2, 16), (96, 7, 6, 200), (640, 3, 5, 1)])
def test_a_decoder_without_gains_is_the_decoder_of_small_trainings(width, layers, heads, context):
    small = Decoder(width=width, layers=layers, heads=heads, context=context)
    model = decoder(
        name="small", layers=layers, hidden=width, heads=heads, vocabulary=256, context=context, norm_vectors=0
    )
    assert model.n_params == small.n_total
    assert model.n_params - model.parameters_by_group["embedding"] == small.n_non_embedding
    assert model.forward_flops(context) == small.forward_flops_per_token
    assert model.training_flops(context) == small.training_flops_per_token


def test_many_models_at_once_are_each_as_if_alone():
    layers, hidden, experts = np.array([2, 4, 6]), np.array([64, 128, 192])[:, None], np.array([1, 4])[:, None, None]

    def built(layers, hidden, experts) -> Model:
        return decoder(
            name="many",
            layers=layers,
            hidden=hidden,
            heads=hidden // 16,
            vocabulary=100,
            context=32,
            mixture=Mixture(experts=experts, top_k=1, width=2 * hidden, dense_layers=1),
            mixer=Mixer(window=8, windowed_layers=1),
        )

    many = built(layers, hidden, experts)
    for i in np.ndindex(2, 3, 3):
        one = built(int(layers[i[2]]), int(hidden[i[1], 0]), int(experts[i[0], 0, 0]))
        assert np.broadcast_to(many.n_params, (2, 3, 3))[i] == one.n_params
        assert np.broadcast_to(many.forward_flops(32), (2, 3, 3))[i] == one.forward_flops(32)
        assert np.broadcast_to(many.kv_values(32), (2, 3, 3))[i] == one.kv_values(32)


def test_activations_of_a_megatron_layer_are_those_of_the_paper():
    """Korthikanti et al. 2022, arXiv:2205.05198, eq. 1: s·b·h·(34 + 5·a·s/h) bytes a layer."""
    model = get_model("megatron-22b")
    one = replace(model, embedding=(), head=(), blocks=(replace(model.blocks[0], count=1),))
    fused, whole = (sum(one.saved_by_operator(2048, scores=scores).values()) for scores in (False, True))
    assert 2 * fused == 34 * 6144
    assert 2 * whole == 34 * 6144 + 5 * 64 * 2048


@pytest.mark.parametrize(
    ("name", "kv_bytes"), [("deepseek-v3", 70_272), ("qwen2.5-72b", 327_680), ("llama-3.1-405b", 516_096)]
)
def test_serving_keeps_the_published_bytes_of_a_token(name, kv_bytes):
    assert 2 * get_model(name).kv_values() == kv_bytes  # DeepSeek-AI 2025, arXiv:2505.09343, table 1, in bf16


def test_what_is_not_generated_token_by_token_keeps_nothing_in_serving():
    assert get_model("vit-b/16").kv_values() == get_model("bert-base").kv_values() == 0


def test_a_window_bounds_attention_and_what_serving_keeps():
    model, free = get_model("mistral-7b"), build_model("free", {**get_model("mistral-7b").description, "window": 0})
    for context in (1000, 4096):
        assert model.kv_values(context) == free.kv_values(context)
        assert model.forward_flops(context) == free.forward_flops(context)
    assert 4 * model.kv_values(16384) == free.kv_values(16384)
    assert model.forward_flops(16384) == free.forward_flops(4096)


def test_a_window_in_half_of_the_layers_saves_half():
    model = get_model("gemma-2-2b")
    scores = [model.forward_flops_by_operator(context)["attention.scores"] for context in (4096, 4096 * 3)]
    assert scores[1] / scores[0] == (1 + 3) / 2
    assert model.kv_values(8192) == 26 * 2 * 4 * 256 * 0.75


def test_a_linear_mixer_costs_the_same_at_every_length():
    model = build_model("linear", TINY | {"mixer": "linear"})
    assert model.forward_flops(100) == model.forward_flops(1000)
    assert model.forward_flops_by_operator(100)["attention.scores"] == 2 * 4 * 4 * 4**2  # 2 layers, 4 heads, 2 matmuls
    assert model.kv_values(100) * 100 == model.kv_values(1000) * 1000 == 2 * 4 * 4**2


def test_a_sub_quadratic_mixer_grows_with_its_exponent():
    model = build_model("sparse", TINY | {"mixer": "exponent", "exponent": 0.5, "mixer_scale": 3})
    scores = [model.forward_flops_by_operator(context)["attention.scores"] for context in (100, 10_000)]
    assert scores[1] / scores[0] == pytest.approx(10, rel=1e-12)
    assert scores[0] == pytest.approx(2 * 4 * 4 * 4 * 3 * 10, rel=1e-12)


def test_capacity_adds_work_of_experts_and_no_parameters():
    plain, padded = (build_model("moe", TINY | {"experts": 4, "top_k": 2, "capacity": c}) for c in (1, 1.25))
    assert padded.n_params == plain.n_params
    assert padded.n_active == plain.n_active
    before, after = (m.forward_flops_by_operator(8) for m in (plain, padded))
    assert {name for name in before if before[name] != after[name]} == {"experts.in", "experts.out"}
    assert after["experts.in"] == 1.25 * before["experts.in"]


def test_active_parameters_of_experts_are_those_of_the_published_model():
    model = get_model("deepseek-v3")
    assert model.n_active + model.parameters_by_group["embedding"] == pytest.approx(37e9, rel=0.02)
    assert (
        get_model("qwen3-30b-a3b").n_active == 3_353_032_704 - 151936 * 2048
    )  # less the table, which multiplies nothing
    assert get_model("llama-3-8b").n_active == CERTIFIED["llama-3-8b"] - 128256 * 4096


def test_active_parameters_with_the_embedding_lack_idle_experts_alone():
    mixtral = get_model("mixtral-8x7b")
    assert mixtral.n_active_with_embedding == 12_879_925_248  # jranaraki/vllm-fit#27: 12.88B, not 13B
    assert mixtral.n_active_with_embedding == mixtral.n_active + 32_000 * 4096
    assert get_model("gpt2").n_active_with_embedding == get_model("gpt2").n_params == 124_439_808
    assert get_model("deepseek-v3").n_active_with_embedding == pytest.approx(37e9, rel=0.02)


@pytest.mark.parametrize("window", [0, 16])
def test_a_causal_mask_hides_the_keys_that_counting_finds_hidden(window):
    context, model = 64, build_model("tiny", TINY | {"window": window})
    seen = sum(min(position + 1, window or context) for position in range(context)) / context
    scores = model.training_flops_by_operator(context)["attention.scores"]
    shown = model.causal_training_flops(context) - model.training_flops(context) + scores
    assert shown / scores == pytest.approx(seen / min(window or context, context), abs=1 / context)


def test_training_flops_of_mixtral_count_active_experts():
    # AI-Hypercomputer/maxtext#678: 6 x active and causal attention, not all experts
    model = get_model("mixtral-8x7b")
    assert 7.7e10 < model.causal_training_flops(4096) < 8.1e10 < model.training_flops(4096)


@pytest.mark.parametrize("name", ["gpt2", "mixtral-8x7b", "deepseek-v3", "gemma-2-9b"])
def test_matmuls_take_two_flops_for_each_active_weight(name):
    model = get_model(name)
    matmuls = [(count, matmul) for count, matmul in model.operator_counts() if isinstance(matmul, Matmul)]
    biases = sum(count * m.biased * m.outputs * m.active for count, m in matmuls)
    weights = sum(count * m.active_parameters for count, m in matmuls) - biases
    scores = model.forward_flops_by_operator(512)["attention.scores"]
    assert model.forward_flops(512) - scores == 2 * weights


def test_queries_may_come_straight_from_the_hidden_state():
    def built(rank: int) -> Model:
        latent = Latent(kv_rank=6, nope_width=4, rope_width=2, value_width=4, q_rank=rank)
        return decoder(name="x", layers=1, hidden=16, heads=2, vocabulary=50, context=8, latent=latent)

    straight, through = built(0), built(5)
    assert straight.n_params - through.n_params == 16 * 12 - (16 * 5 + 5 + 5 * 12)
    assert straight.kv_values(8) == through.kv_values(8) == 6 + 2


def test_cross_attention_keeps_queries_of_places_and_keys_of_words():
    sizes = {"width": 8, "multipliers": (1,), "attended": 1, "heads": 2, "image": 4, "depth": 1}
    model = build_model("net", {"family": "unet", **sizes, "condition_width": 6, "condition_length": 3})
    kept, transformers = model.saved_by_operator(1, scores=True), 4  # down, middle, and two up
    assert kept["attention.cross"] == transformers * 8 * (16 + 2 * 3)
    assert kept["attention.scores"] == transformers * 8 * 3 * 16
    assert kept["attention.softmax"] == transformers * 2 * 16 * (16 + 3)


def test_a_resnet_keeps_inputs_of_norms_and_outputs_of_rectifiers():
    model = build_model("net", {"family": "convnet", "stages": (1,), "width": 8, "image": 32})
    stem, side = 8 * 16**2, 8
    convolutions = (8 + 8 + 32 + 32) * side**2  # three of the block and its shortcut
    rectified = (8 + 8 + 32) * side**2
    pooled = 8 * side**2
    read = 3 * 32**2 + 32  # the image, and what the head reads
    assert sum(model.saved_by_operator(1).values()) == read + 2 * stem + pooled + convolutions + rectified
