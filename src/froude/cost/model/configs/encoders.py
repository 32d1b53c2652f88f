"""Encoders of text: from a config.json to a description, with the head that its class has."""

from __future__ import annotations

from collections.abc import Mapping

from froude.cost.model.configs.config import Config, Description, Reader
from froude.cost.model.configs.decoders import sizes
from froude.cost.model.configs.heads import class_of, labels

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
}
"""Readers by `model_type`."""
