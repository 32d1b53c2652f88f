"""What a class of `transformers` has instead of a head of tokens, by the end of its name."""

from __future__ import annotations

from froude.cost.model.configs.config import Config, Description

TOKENS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForMaskedLM", "ForPreTraining", "ForCausalLMMTP")


def class_of(config: Config) -> str:
    """The class that a file is of: the first of its `architectures`; nothing where it names none."""
    return next(iter(config.get("architectures") or ()), "")


def labels(config: Config) -> int:
    """How many classes a classifier tells: `num_labels`, or as many as have names, or two."""
    named = config.get("id2label")
    return config.get("num_labels") or (len(named) if isinstance(named, dict) and named else 2)


def decoder_head(config: Config) -> Description:
    """The head of a decoder: of tokens where the file names no class, or one that is not told apart."""
    name = class_of(config)
    if name.endswith("ForSequenceClassification"):
        return {"head": "classes", "classes": labels(config), "head_biased": False}
    if name.endswith("ForTokenClassification"):
        return {"head": "classes", "classes": labels(config), "head_biased": True}
    if name.endswith("ForQuestionAnswering"):
        return {"head": "classes", "classes": 2, "head_biased": True}
    if name.endswith("Model") and not name.endswith(TOKENS):
        return {"head": "none"}
    return {}
