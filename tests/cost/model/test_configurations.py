"""Configurations of Hugging Face: counts of the real classes, parts, aliases, and what cannot be read."""

import csv
import json
from pathlib import Path

import pytest

from froude.cost.model.catalogue import get_model
from froude.cost.model.huggingface import KINDS
from froude.errors import InputError
from paths import TABLES

COUNTS = json.loads((Path(__file__).parents[2] / "fixtures" / "architectures.json").read_text())
"""By `model_type`: a small configuration, and rows of class, parameters and the keys that differ.

Parameters are those of the class of transformers 5.24 on torch's meta device, without what is no parameter of it. A key
that a row does not have is "absent".
"""
ARCHITECTURES = TABLES.parent / "field" / "architectures"
MISTRAL = {
    "model_type": "mistral", "architectures": ["MistralForCausalLM"], "vocab_size": 32000, "hidden_size": 4096,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "max_position_embeddings": 32768, "sliding_window": 4096, "tie_word_embeddings": False,
}  # fmt: skip
QUIRKS = {
    "a model without a head": ({"architectures": ["MistralModel"]}, 7_110_660_096),
    "a reward model": (
        {"model_type": "llama", "architectures": ["LlamaForSequenceClassification"], "num_labels": 1},
        7_110_664_192,
    ),
    "no heads of keys": ({"head_dim": None, "num_key_value_heads": None}, 8_047_038_464),
    "quantised": ({"model_type": "llama", "quantization_config": {"quant_method": "fp8"}}, 7_241_732_096),
    "a class under another name": ({"model_type": "mine", "architectures": ["MistralForCausalLM"]}, 7_241_732_096),
    "no type but a class": ({"model_type": None}, 7_241_732_096),
}
"""Counts of the class of transformers on torch's meta device, of configurations as people have them."""


def counted(config: dict, folder: Path) -> int:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return int(get_model(str(path)).n_params)


@pytest.mark.parametrize("kind", COUNTS)
def test_a_configuration_has_the_parameters_of_its_class(kind: str, tmp_path: Path) -> None:
    for class_name, parameters, keys in COUNTS[kind]["rows"]:
        config = {"model_type": kind, "architectures": [class_name], **COUNTS[kind]["base"], **keys}
        config = {key: value for key, value in config.items() if value != "absent"}
        assert counted(config, tmp_path) == parameters, (class_name, keys)


def test_nearly_every_type_that_is_read_has_counts() -> None:
    assert set(KINDS) - set(COUNTS) <= {
        "dbrx",
        "helium",
        "kimi_k2",
        "lfm2_moe",
        "siglip_text_model",
    }  # their classes refuse


@pytest.mark.skipif(not ARCHITECTURES.is_dir(), reason="configurations not found beside the published tables")
def test_large_configurations_have_the_parameters_of_their_classes() -> None:
    with (ARCHITECTURES / "counts.tsv").open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    counts = {row["folder"]: int(get_model(str(ARCHITECTURES / row["folder"])).n_params) for row in rows}
    assert counts == {row["folder"]: int(row["parameters"]) for row in rows}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_configuration_with_a_quirk_has_the_parameters_of_its_class(quirk: str, tmp_path: Path) -> None:
    changes, parameters = QUIRKS[quirk]
    assert counted(MISTRAL | changes, tmp_path) == parameters


def test_metas_own_file_is_read(tmp_path: Path) -> None:
    params = {"dim": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256, "multiple_of": 1024,
              "ffn_dim_multiplier": 1.3, "norm_eps": 1e-05, "rope_theta": 500000.0}  # fmt: skip
    assert counted(params, tmp_path) == 8_030_261_248  # meta-llama/Meta-Llama-3-8B on Hugging Face


def test_the_text_model_of_an_unknown_whole_is_counted_and_said(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    text = {**MISTRAL, "architectures": None}
    whole = {"model_type": "seer", "architectures": ["SeerForConditionalGeneration"], "text_config": text}
    path.write_text(json.dumps(whole))
    model = get_model(str(path))
    assert model.n_params == 7_241_732_096
    assert model.assumed == ("model: the text_config of 'seer' alone is counted, not its other parts",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "mistrel", "architectures": None}, ("'mistrel'", "near to it mistral", "layers=")),
        ({"hidden_size": "4096"}, ("hidden_size is '4096', not a whole number",)),
        ({"vocab_size": 32000.5}, ("vocab_size is 32000.5, not a whole number",)),
        ({"sliding_window": -1}, ("sliding_window is -1, not a whole number of at least 0",)),
        ({"layer_types": "full_attention"}, ("layer_types is 'full_attention', not a list",)),
        ({"architectures": "Mistral"}, ("architectures is 'Mistral', not a list",)),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_line(changes: dict, words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        counted(MISTRAL | changes, tmp_path)
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in words)


def test_a_wrong_value_of_a_part_is_said_with_its_place(tmp_path: Path) -> None:
    text = {**MISTRAL, "hidden_size": "wide"}
    with pytest.raises(InputError, match=r"text_config\.hidden_size is 'wide', not a whole number"):
        counted({"model_type": "llava", "text_config": text, "vision_config": {}}, tmp_path)
