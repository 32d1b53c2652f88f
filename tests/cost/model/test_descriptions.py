"""Models by name, by description and from files: what is read, what is refused, and what the command shows."""

import json
import re
from dataclasses import replace

import pytest

from froude.cli.model import model as command
from froude.cost.model.catalogue import get_model, model_catalogue
from froude.cost.model.description import build_model
from froude.errors import InputError

SOME = ("gpt3-175b", "llama-3-8b", "mistral-7b", "deepseek-v3", "gemma-2-2b", "mixtral-8x22b", "bert-base", "vit-b/16")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("llama-3.1-70B", "llama-3.1-70b"),
        ("LLaMA 3.1 70b", "llama-3.1-70b"),
        ("gpt3-175B", "gpt3-175b"),
        ("GPT-3 175B", "gpt3-175b"),
        ("meta-llama/Llama-2-7b", "llama-2-7b"),
        ("ViT_B_16", "vit-b/16"),
    ],
)
def test_case_and_separators_of_a_name_do_not_matter(written, name):
    assert get_model(written).name == name


def test_no_two_names_differ_in_case_and_separators_only():
    assert len({re.sub(r"[^a-z0-9.]", "", name) for name in model_catalogue()}) == len(model_catalogue())


@pytest.mark.parametrize(
    ("name", "offered"), [("lama-2-7b", "llama-2-7b"), ("mixtral", "mixtral-8x22b"), ("?", "gpt2")]
)
def test_an_unknown_name_is_refused_with_the_nearest(name, offered):
    with pytest.raises(InputError) as error:
        get_model(name)
    assert repr(name) in str(error.value)
    assert offered in str(error.value)
    assert "\n" not in str(error.value)


def test_a_short_description_is_a_gpt_and_says_what_it_assumes():
    model = get_model("layers=96,hidden=12288,heads=96,vocab=51,200")
    assert model.n_params == get_model("megatron-175b").n_params
    assert "model: mlp_width = 49152, not given" in model.assumed
    assert not any("vocab" in each for each in model.assumed)
    assert not get_model("gpt3-175b").assumed


def test_a_description_is_read_in_the_words_of_the_catalogue():
    written = (
        "layers=32,hidden=4096,heads=32,kv_heads=8,mlp_width=14336,vocab=128256,gated=yes,tied=false,"
        "positions=rotary,norm=rms,biased=no,context=8192,dropout=false"
    )
    model = get_model(written)
    assert replace(model, name="llama-3-8b") == get_model("llama-3-8b")
    assert model.assumed == ()
    assert get_model("family=convnet,stages=3/4/6/3").n_params == 25_557_032


@pytest.mark.parametrize("name", model_catalogue())
def test_a_filled_description_builds_the_same_model_again(name):
    model = get_model(name)
    again = build_model(name, model.description)
    assert again == model
    assert again.description == model.description


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("layers=2,hidden=16,heads=4,vocab=50,colour=3", ("'colour'", "kv_heads")),
        ("layers=2,hidden=16,vocab=50", ("heads",)),
        ("layers=2,hidden=16,heads=4,vocab=50,layers=3", ("'layers'", "once")),
        ("layers=2,hidden=16,heads=4,vocab", ("'vocab'", "layers=96")),
        ("layers=0,hidden=16,heads=4,vocab=50", ("layers", "'0'")),
        ("layers=2.5,hidden=16,heads=4,vocab=50", ("layers", "'2.5'")),
        ("layers=2,hidden=16,heads=4,vocab=many", ("'many'",)),
        ("layers=2,hidden=18,heads=4,vocab=50", ("hidden 18", "heads 4")),
        ("layers=2,hidden=16,heads=4,vocab=50,kv_heads=3", ("heads 4", "kv_heads 3")),
        ("layers=2,hidden=16,heads=4,vocab=50,gated=maybe", ("gated", "'maybe'")),
        ("layers=2,hidden=16,heads=4,vocab=50,norm=batch", ("norm", "'batch'", "rms")),
        ("layers=2,hidden=16,heads=4,vocab=50,experts=4,top_k=5", ("top_k 5", "experts 4")),
        ("layers=2,hidden=16,heads=4,vocab=50,dense_layers=3", ("dense_layers 3", "layers 2")),
        ("layers=2,hidden=16,heads=4,vocab=50,windowed_layers=1", ("windowed_layers 1", "window")),
        ("layers=2,hidden=16,heads=4,vocab=50,exponent=0.5", ("exponent 0.5", "softmax")),
        ("layers=2,hidden=16,heads=4,vocab=50,kv_rank=4", ("kv_rank 4", "nope_width")),
        ("layers=2,hidden=16,heads=4,vocab=50,q_rank=4", ("kv_rank",)),
        ("family=rnn,layers=2", ("'rnn'", "decoder")),
        ("family=convnet,stages=none", ("'none'",)),
        ("family=vit,layers=2,hidden=16,heads=4,patch=3", ("image 224", "patch 3")),
        (
            "family=unet,width=8,multipliers=1/2/4,attended=1,heads=2,condition_width=4,condition_length=3,image=6",
            ("image 6", "multiple of 4"),
        ),
    ],
)
def test_a_bad_description_is_refused_in_one_line_that_says_what_to_do(text, words):
    with pytest.raises(InputError) as error:
        get_model(text)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


GATED = {"rms_norm_eps": 1e-5, "hidden_act": "silu"}
CONFIGS = {
    "gpt2": {
        "model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "vocab_size": 50257,
    },
    "pythia-70m": {
        "model_type": "gpt_neox", "num_hidden_layers": 6, "hidden_size": 512, "num_attention_heads": 8,
        "intermediate_size": 2048, "vocab_size": 50304, "max_position_embeddings": 2048, "tie_word_embeddings": False,
    },
    "llama-3.2-1b": {
        "model_type": "llama", "num_hidden_layers": 16, "hidden_size": 2048, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 8192, "vocab_size": 128256,
        "max_position_embeddings": 131072, "tie_word_embeddings": True, "attention_bias": False, **GATED,
    },
    "mistral-7b": {
        "model_type": "mistral", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000, "sliding_window": 4096,
        "max_position_embeddings": 32768, **GATED,
    },
    "mixtral-8x7b": {
        "model_type": "mixtral", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000, "sliding_window": None,
        "max_position_embeddings": 32768, "num_local_experts": 8, "num_experts_per_tok": 2, **GATED,
    },
    "qwen2.5-7b": {
        "model_type": "qwen2", "num_hidden_layers": 28, "hidden_size": 3584, "num_attention_heads": 28,
        "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064, "use_sliding_window": False,
        "sliding_window": 131072, "max_window_layers": 28, "max_position_embeddings": 131072,
        "tie_word_embeddings": False, **GATED,
    },
    "qwen3-4b": {
        "model_type": "qwen3", "num_hidden_layers": 36, "hidden_size": 2560, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 9728, "vocab_size": 151936,
        "max_position_embeddings": 40960, "tie_word_embeddings": True, "attention_bias": False, **GATED,
    },
    "qwen3-30b-a3b": {
        "model_type": "qwen3_moe", "num_hidden_layers": 48, "hidden_size": 2048, "num_attention_heads": 32,
        "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144, "moe_intermediate_size": 768,
        "num_experts": 128, "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "vocab_size": 151936, "max_position_embeddings": 40960, "tie_word_embeddings": False, **GATED,
    },
    "deepseek-v2-lite": {
        "model_type": "deepseek_v2", "num_hidden_layers": 27, "hidden_size": 2048, "num_attention_heads": 16,
        "num_key_value_heads": 16, "intermediate_size": 10944, "moe_intermediate_size": 1408, "n_routed_experts": 64,
        "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1, "q_lora_rank": None,
        "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
        "vocab_size": 102400, "max_position_embeddings": 163840, "tie_word_embeddings": False, **GATED,
    },
    "deepseek-v3": {
        "model_type": "deepseek_v3", "num_hidden_layers": 61, "hidden_size": 7168, "num_attention_heads": 128,
        "num_key_value_heads": 128, "intermediate_size": 18432, "moe_intermediate_size": 2048,
        "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 3,
        "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
        "vocab_size": 129280, "max_position_embeddings": 163840, "tie_word_embeddings": False,
        "num_nextn_predict_layers": 1, **GATED,
    },
    "gemma-2-9b": {
        "model_type": "gemma2", "num_hidden_layers": 42, "hidden_size": 3584, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 256, "intermediate_size": 14336, "vocab_size": 256000,
        "sliding_window": 4096, "max_position_embeddings": 8192, **GATED,
    },
}  # fmt: skip


def write_config(folder, name, **changes):
    """A config.json in a folder of the model's name."""
    (folder / name).mkdir()
    path = folder / name / "config.json"
    path.write_text(json.dumps(CONFIGS[name] | changes))
    return path


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_of_hugging_face_is_the_model_of_the_catalogue(tmp_path, name):
    path = write_config(tmp_path, name)
    model, known = get_model(str(path)), get_model(name)
    alike = replace(model, context=known.context, blocks=known.blocks)
    assert alike == known
    assert [(b.count, b.operators) for b in model.blocks] == [(b.count, b.operators) for b in known.blocks]
    assert get_model(str(path.parent)) == model


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("gpt2", {"model_type": "rwkv"}, ("'rwkv'", "gpt2", "in a TOML file")),
        ("gpt2", {"model_type": "lama"}, ("'lama'", "near to it llama", "layers=")),
        ("qwen3-30b-a3b", {"decoder_sparse_step": "two"}, ("decoder_sparse_step is 'two'", "not a whole number")),
        ("llama-3.2-1b", {"hidden_size": "wide"}, ("'wide'",)),
    ],
)
def test_a_config_that_cannot_be_counted_exactly_is_refused(tmp_path, name, changes, words):
    with pytest.raises(InputError) as error:
        get_model(str(write_config(tmp_path, name, **changes)))
    assert all(word in str(error.value) for word in words)
    assert "\n" not in str(error.value)


def test_a_config_that_lacks_a_size_or_is_no_json_is_refused(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "llama", "hidden_size": 16}))
    with pytest.raises(InputError, match="num_hidden_layers"):
        get_model(str(path))
    path.write_text("{")
    with pytest.raises(InputError, match=r"is no config\.json of a model"):
        get_model(str(path))


def test_a_file_in_the_form_of_the_catalogue_gives_a_model_of_ones_own(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[wide]\nlike = "llama-3-8b"\nlayers = 16\n')
    assert get_model(str(path)).layers == 16
    assert get_model(str(path)).name == "wide"
    path.write_text(path.read_text() + '[wider]\nlike = "wide"\nhidden = 8192\nhead_width = 256\n')
    assert (get_model(f"{path}#wider").hidden, get_model(f"{path}#wider").layers) == (8192, 16)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("layers = 2", ("'layers'", "table")),
        ("[a]\nlayers = 2\n[b]\nlayers = 2", ("a, b", "#NAME")),
        ('[a]\nlike = "b"', ("'b'",)),
        ("[a]\nlayers = two", ("no TOML",)),
        ("[a]\nlayers = 2\nsize = 4", ("'size'",)),
    ],
)
def test_a_bad_file_of_ones_own_is_refused(tmp_path, text, words):
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        get_model(str(path))
    assert all(word in str(error.value) for word in words)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*none\.toml': give the path of a TOML file with a model"):
        get_model(str(tmp_path / "none.toml"))


def shown(capsys, *words, **options):
    command(*words, **options)
    return capsys.readouterr().out


@pytest.mark.parametrize("name", SOME)
def test_what_the_command_says_adds_up(capsys, name):
    said = json.loads(shown(capsys, name, json=True))
    assert said["n_params"] == get_model(name).n_params == sum(said["parameters"].values())
    assert sum(said["parameters_by_operator"].values()) == said["n_params"]
    for kind in ("forward_flops", "training_flops", "activation_bytes"):
        total = said[kind].pop("total")
        assert total == pytest.approx(sum(said[kind].values()), rel=1e-12)
    assert said["training_flops"] == {operator: 3 * flops for operator, flops in said["forward_flops"].items()}


def test_the_command_shows_parameters_flops_and_kv_bytes(capsys):
    out = shown(capsys, "llama-3.1-70b", seq_len="131072")
    for said in ("70,553,706,496", "131,072 tokens", "320 KiB a token", "56,371,445,760", "attention.scores"):
        assert said in out


def test_the_command_counts_bytes_at_the_precision_asked_for(capsys):
    two, one = (json.loads(shown(capsys, "llama-3-8b", value_bytes=b, json=True)) for b in (2.0, 1.0))
    assert two["kv_bytes"] == 2 * one["kv_bytes"] == 131_072
    assert two["activation_bytes"]["total"] == 2 * one["activation_bytes"]["total"]


def test_the_command_tells_what_a_description_assumes(capsys):
    assert "! model: positions = learned, not given" in shown(capsys, "layers=2,hidden=16,heads=4,vocab=50")


def test_the_command_without_a_name_lists_the_catalogue(capsys):
    listed = json.loads(shown(capsys, json=True))
    assert [each["name"] for each in listed] == list(model_catalogue())
    assert {line.split()[0] for line in shown(capsys).splitlines() if line} >= {*model_catalogue()}


@pytest.mark.parametrize(("name", "seq_len"), [("vit-b/16", "100"), ("gpt2", "0"), ("gpt2", "1.5"), ("gpt2", "1 GiB")])
def test_a_length_that_cannot_be_is_refused(name, seq_len):
    with pytest.raises(InputError, match=re.escape(seq_len)):
        command(name, seq_len=seq_len)
