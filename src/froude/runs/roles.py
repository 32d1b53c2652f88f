"""What a column means: the roles that laws know, and the names under which each is found."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Role:
    """A meaning that laws know; `dimension` is the unit of its values, `synonyms` are normalised names.

    An `optional` role is looked for only when a law takes it: few laws do, and tables use its name, or its synonyms,
    for other things.
    """

    name: str
    meaning: str
    dimension: str
    synonyms: tuple[str, ...]
    optional: bool = False


def _with_counts(*words: str) -> tuple[str, ...]:
    return tuple(prefix + word for word in words for prefix in ("", "n_", "num_"))


def _losses(*splits: str) -> tuple[str, ...]:
    """The names of losses on these parts of the data: "val_loss", "loss_val", "val_cross_entropy"."""
    measures = ("loss", "cross_entropy", "cross_entropy_loss", "ce_loss", "nll")
    names = [(f"{split}_{each}", f"{each}_{split}") for each in measures for split in splits]
    return (*(before for before, _ in names), *(behind for _, behind in names))


HELD_OUT_LOSSES = _losses("val", "valid", "validation", "eval", "evaluation", "heldout", "held_out", "dev", "test")
"""Losses on data that were not trained on, as synonyms are written: taken before any other."""
PLAIN_LOSSES = ("loss", "cross_entropy", "cross_entropy_loss", "ce_loss", "nll", "nll_loss")
"""Losses of which the name does not say on which data."""
TRAINING_LOSSES = _losses("train", "training")
"""Losses on the data that were trained on: taken where there is no other."""
OF_A_LOSS = frozenset(("final", "last", "best", "min", "mean", "avg", "average", "epoch", "lm"))
"""Words that make no other loss of one: "final_val_loss" is a val_loss."""

ROLES: Mapping[str, Role] = {
    role.name: role
    for role in (
        Role(
            name="N",
            meaning="parameters",
            dimension="count",
            synonyms=(
                *_with_counts("params", "parameters", "nonembed", "non_embed", "no_embed"),
                *_with_counts("nonembedding", "non_embedding", "nonembedding_params", "non_embedding_params"),
                *_with_counts("nonembed_params", "no_embed_params", "params_nonembed", "params_no_embed"),
                *_with_counts("params_nonembedding", "params_non_embedding", "non_embedding_parameters"),
                *_with_counts("params_without_embeddings", "params_excluding_embeddings"),
                *("parameters_excluding_embeddings", "parameters_without_embeddings"),
                *_with_counts("total_params", "total_parameters", "params_total", "parameters_total"),
                *_with_counts("params_with_embeddings", "params_including_embeddings"),
                *_with_counts("active_params", "active_parameters", "params_active"),
                *("n_total", "n_active", "param_count", "parameter_count", "model_size", "model_params"),
                *("nparams", "numparams", "model_parameters", "trainable_params", "trainable_parameters"),
                *("n_trainable_params", "num_trainable_params", "params_count", "parameters_count"),
            ),
        ),
        Role(
            name="D",
            meaning="training tokens",
            dimension="count",
            synonyms=(
                *_with_counts("tokens", "train_tokens", "training_tokens", "tokens_seen", "tokens_trained"),
                *("token_count", "total_tokens", "train_tokens_total", "tokens_total", "total_train_tokens"),
                *("total_training_tokens", "num_input_tokens_seen", "input_tokens_seen", "ntokens"),
                *("consumed_tokens", "tokens_consumed", "tokens_processed", "consumed_train_tokens"),
                *("training_set_tokens", "n_tokens_seen_total", "data_tokens"),
            ),
        ),
        Role(
            name="C",
            meaning="training FLOPs",
            dimension="FLOP",
            synonyms=(
                *_with_counts("flop", "flops", "train_flop", "train_flops", "training_flop", "training_flops"),
                *(
                    "compute",
                    "train_compute",
                    "training_compute",
                    "total_flops",
                    "total_flop",
                    "compute_flops",
                    "total_compute",
                    *("flos", "total_flos", "train_flos", "training_flos", "total_train_flops", "flops_total"),
                    *("total_training_flops", "compute_total", "flop_count", "flops_count", "model_flops_total"),
                ),
            ),
        ),
        Role(
            name="loss",
            meaning="loss",
            dimension="nats per token",
            synonyms=(*HELD_OUT_LOSSES, *PLAIN_LOSSES, *TRAINING_LOSSES),
        ),
        Role(
            name="S",
            meaning="optimizer steps",
            dimension="count",
            synonyms=_with_counts(
                *("steps", "optimizer_steps", "train_steps", "training_steps", "total_steps"),
                *("step", "iterations", "train_iterations", "updates"),
            ),
            optional=True,
        ),
        Role(
            name="B",
            meaning="tokens in a batch",
            dimension="count",
            synonyms=(
                *_with_counts("batch_tokens", "tokens_per_batch", "tokens_per_step", "global_batch_tokens"),
                *("batch_size_tokens", "batch_size_in_tokens", "global_batch_size_tokens"),
            ),
            optional=True,
        ),
        Role(
            name="M",
            meaning="tokens per parameter",
            dimension="count",
            synonyms=(
                *("tokens_per_param", "tokens_per_parameter", "tokens_over_params"),
                *("d_over_n", "d_n", "token_multiplier"),
            ),
            optional=True,
        ),
        Role(
            name="U",
            meaning="unique tokens",
            dimension="count",
            synonyms=(
                *_with_counts("unique_tokens", "tokens_unique", "unique_train_tokens"),
                *("dataset_tokens", "unique_data"),
            ),
            optional=True,
        ),
        Role(
            name="P",
            meaning="parallel streams",
            dimension="count",
            synonyms=_with_counts("parallel_streams", "streams"),
            optional=True,
        ),
        Role(
            name="lr",
            meaning="learning rate",
            dimension="count",
            synonyms=(
                *("learning_rate", "peak_lr", "max_lr", "lr_peak", "lr_max"),
                *("peak_learning_rate", "max_learning_rate"),
            ),
            optional=True,
        ),
    )
}
"""The roles, by name. A single letter is a role in upper case only: tables have depths `d` and counts `n`."""


def parse_roles(columns: str | None) -> dict[str, str] | None:
    """The mapping role → column that `--columns` writes. InputError where it does not parse."""
    if columns is None:
        return None
    roles: dict[str, str] = {}
    for pair in re.split(r",(?=\s*\w+\s*=)", columns):  # a column's name may hold commas: D (tokens, bn)
        role, _, column = (part.strip() for part in pair.partition("="))
        if not role or not column or column.endswith(","):
            raise InputError(f"--columns {columns!r} does not parse: write role=column, as in N=params,D=tokens")
        if role in roles:
            raise InputError(f"--columns {columns!r} gives {role} twice: give it once")
        roles[role] = column
    return roles
