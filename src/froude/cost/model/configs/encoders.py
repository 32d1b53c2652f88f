"""Encoders of text: from a config.json to a description, with the head that its class has."""

from __future__ import annotations

from collections.abc import Mapping

from froude.cost.model.configs.config import Config, Description, Reader
from froude.cost.model.configs.decoders import gated, sizes
from froude.cost.model.configs.heads import class_of, labels
from froude.cost.model.pattern import text_of_layers

POOLING = ("bert", "roberta", "xlm-roberta", "camembert", "ernie", "albert", "data2vec-text", "xmod", "megatron-bert")
"""Types whose bare model pools one position."""


def bert(config: Config) -> Description:
    """BERT: tables of tokens, positions and segments, norms after each layer."""
    return {
        "family": "encoder",
        **sizes(config),
        "mlp_width": config["intermediate_size"],
        "segments": config.get("type_vocab_size", 2),
        "dropout": config.get("hidden_dropout_prob", 0.1) > 0,
        **_tied(config),
        **head(config),
    }


def _tied(config: Config) -> Description:
    """Whether masked tokens are told by the embedding's weights; if not, the matrix has one more bias of its own."""
    tied = config.get("tie_word_embeddings", True) is not False
    return {"tied": tied, "head_biased": not tied}


def roberta(config: Config) -> Description:
    """RoBERTa: BERT whose positions begin after the padding's row."""
    rows = config["max_position_embeddings"]
    return {**bert(config), "context": max(rows - 2, 1), "position_rows": rows}


def electra(config: Config) -> Description:
    """ELECTRA: BERT with an embedding of a width of its own."""
    width = config.get("embedding_size") or config["hidden_size"]
    own = width != config["hidden_size"]
    return {**bert(config), "embedding_width": width if own else 0, "head_width": width, "head_biased": False}


def albert(config: Config) -> Description:
    """ALBERT: narrow embeddings, and layers that share their weights."""
    width = config["embedding_size"]
    return {**bert(config), "embedding_width": width, "groups": config.get("num_hidden_groups") or 1}


def distilbert(config: Config) -> Description:
    """DistilBERT: BERT without segments and pooling."""
    return {
        "family": "encoder",
        **sizes(config),
        "mlp_width": config["hidden_dim"],
        "segments": 0,
        "dropout": config.get("dropout", 0.1) > 0,
        "tied": config.get("tie_word_embeddings", True) is not False,
        **head(config),
    }


def modernbert(config: Config) -> Description:
    """ModernBERT: gated MLPs, rotary positions, windows; the embedding's norm is the first layer's."""
    name, every = class_of(config), config.get("global_attn_every_n_layers") or 3
    types = config.get("layer_types")
    words = ["full" if kind == "full_attention" else "window" for kind in types or ()]
    biased = bool(config.get("classifier_bias", False))
    told = {"head_transform": True, "head_transform_unbiased": not biased, "head_norm": True}
    count = 1 if name.endswith("ForMultipleChoice") else labels(config)
    classes = {**told, "head": "classes", "classes": count, "head_biased": True}
    masked = {**told, "head_biased": config.get("decoder_bias", True) is not False}
    bare = name.endswith("Model")
    return {
        **gated(config, norm="layer" if config.get("norm_bias", False) else "layer-unbiased"),
        "causal": False,
        "tied": config.get("tie_word_embeddings", True) is not False,
        "mixers": text_of_layers(words) if words else f"full/{every - 1}*window" if every > 1 else "full",
        "window": config.get("local_attention") or config.get("sliding_window") or 128,
        **({"head": "none"} if bare else masked if name.endswith("ForMaskedLM") or not name else classes),
    }


def head(config: Config) -> Description:
    """The head of an encoder by the end of its class's name: of masked tokens where the file names no class."""
    name, classes = class_of(config), labels(config)
    if name.endswith("ForPreTraining"):
        told = {"head": "pretraining", "classes": classes if config.kind == "albert" else 2}
        return {"head": "sentence", "classes": 1} if config.kind == "electra" else told
    if name.endswith("ForMultipleChoice"):
        return {"head": "sentence", "classes": 1}
    if name.endswith("ForSequenceClassification"):
        return {"head": "sentence", "classes": classes}
    if name.endswith("ForNextSentencePrediction"):
        return {"head": "sentence", "classes": 2}
    if name.endswith(("ForTokenClassification", "ForQuestionAnswering")):
        return {"head": "positions", "classes": classes}
    if name.endswith("Model") and not name.endswith("LMHeadModel"):
        return {"head": "pooled" if config.kind in POOLING else "none"}
    return {"head": "masked"}


ENCODERS: Mapping[str, Reader] = {
    "bert": bert,
    "ernie": bert,
    "roberta": roberta,
    "xlm-roberta": roberta,
    "camembert": roberta,
    "data2vec-text": roberta,
    "electra": electra,
    "albert": albert,
    "distilbert": distilbert,
    "modernbert": modernbert,
}
"""Readers by `model_type`."""
