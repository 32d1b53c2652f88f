"""Which metrics of a log are the loss, and on which data: told by the words of their names alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, final

Data = Literal["held-out", "test", "training", ""]
"""The data of a loss: held out, the test's, trained on, or "" where the name does not say."""

_HELD_OUT = frozenset(("val", "valid", "validation", "eval", "evaluation", "dev", "heldout", "held"))
_TEST = frozenset(("test", "testing"))
_TRAINING = frozenset(("train", "training"))
_MEASURES = frozenset(("loss", "ce", "nll", "xent"))  # and cross entropy
_PLAIN = frozenset(
    (
        *("lm", "language", "model", "modeling", "cross", "entropy", "token", "metrics", "metric", "losses", "out"),
        *("global", "reduced", "avg", "average", "mean", "learning", "samples", "current", "cur", "last", "final"),
    )
)
"""Words that make no other loss of one: those that trainers put beside it."""
_WEAK = {"epoch": 1, "running": 1, "smoothed": 1, "smooth": 1, "ema": 1, "interval": 1, "step": 2, "total": 3}
"""Words of a loss that is taken only where there is none without them: means, single batches, sums with other terms."""
_NO_LOSS = frozenset(
    (
        *("scale", "ppl", "perplexity", "acc", "accuracy", "bpb", "bpc", "norm", "grad", "weight", "weights", "time"),
        *("best", "min", "max", "std", "var", "vs", "count", "coef", "diff", "spike", "seconds", "runtime", "per"),
    )
)
_OTHER_TERMS = frozenset(
    (
        *("aux", "auxiliary", "z", "zloss", "value", "policy", "kl", "balance", "balancing", "load", "router", "moe"),
        *("actor", "critic", "distill", "kd", "contrastive", "ctc", "recon", "reconstruction", "mtp", "vf", "pg"),
        *("reg", "regularization", "discriminator", "generator", "adversarial", "perceptual", "gradient", "indexer"),
    )
)
OF_REINFORCEMENT = frozenset(("value", "policy", "actor", "critic", "vf", "pg", "clip"))
"""Words of the terms whose sum a trainer of policies calls its loss."""


@final
@dataclass(frozen=True, kw_only=True)
class LossName:
    """What a name says of a loss: on which data, of which set among several ("" of all), and how weak it is."""

    data: Data
    of_set: str = ""
    weak: int = 0


def words_of(name: str) -> list[str]:
    """Return the words of a metric's name in lower case: "eval/lm/CrossEntropyLoss" is eval, lm, cross, entropy, loss.

    >>> words_of("train/CE loss (avg)")
    ['train', 'ce', 'loss', 'avg']
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


@lru_cache(maxsize=65536)
def loss_name(name: str) -> LossName | None:
    """Return what a metric's name says if it is a loss of what is trained; None for all else, terms of a loss too."""
    words = words_of(name)
    known = set(words)
    if not (known & _MEASURES or {"cross", "entropy"} <= known) or known & _NO_LOSS:
        return None
    rest = [w for w in words if w not in _MEASURES | _PLAIN and w not in _WEAK]
    held_out, test, training = (known & kind for kind in (_HELD_OUT, _TEST, _TRAINING))
    extra = [w for w in rest if w not in _HELD_OUT | _TEST | _TRAINING and w != "out"]
    if {*extra} & _OTHER_TERMS or (training and (held_out or test)):
        return None
    if extra and not (held_out or test):
        return None
    weak = sum(_WEAK.get(word, 0) for word in words)
    data: Data = "held-out" if held_out else "test" if test else "training" if training else ""
    return LossName(data=data, of_set=" ".join(extra), weak=weak)


def is_of_reinforcement(name: str) -> bool:
    """Whether a metric is a term of the loss of a policy: "train/value_loss"."""
    words = set(words_of(name))
    return "loss" in words | {w.removesuffix("es") for w in words} and bool(words & OF_REINFORCEMENT)


def is_learning_rate(name: str) -> bool:
    """Whether a metric is the learning rate of a step: "lr", "train/learning_rate", "lr-AdamW/pg1"."""
    words = words_of(name)
    named = "lr" in words or ("learning" in words and "rate" in words)
    return named and not {"ratio", "scale", "multiplier", "lrm", "min", "factor"} & {*words}
