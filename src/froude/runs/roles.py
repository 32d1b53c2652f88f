"""What a column means: the roles that laws know, and the names under which each is found."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
            ),
        ),
        Role(
            name="D",
            meaning="training tokens",
            dimension="count",
            synonyms=(
                *_with_counts("tokens", "train_tokens", "training_tokens", "tokens_seen", "tokens_trained"),
                *("token_count", "total_tokens", "train_tokens_total"),
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
                ),
            ),
        ),
        Role(
            name="loss",
            meaning="loss",
            dimension="nats per token",
            synonyms=(
                *(
                    "loss",
                    "val_loss",
                    "valid_loss",
                    "validation_loss",
                    "eval_loss",
                    "test_loss",
                    "heldout_loss",
                ),
                *("final_loss", "final_val_loss", "final_validation_loss", "loss_val", "loss_eval"),
                *("cross_entropy", "cross_entropy_loss", "ce_loss"),
            ),
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


def find_roles(
    names: Sequence[str], columns: Mapping[str, str] | None, is_numeric: Callable[[str], bool]
) -> dict[str, str]:
    """Return {role: column} for the column names of a table; `is_numeric` says whether a column holds numbers.

    `columns` (role to column) comes first, then a column that bears the role's exact name, then a single
    synonym that holds numbers, whatever its case and separators ("Train Tokens", "train/tokens"). An optional
    role is taken from `columns` only.

    Raises InputError for an unknown role or column in `columns`, a column mapped to two roles, or two
    synonyms of one role.
    """
    roles = _check_mapping(names, columns or {})
    always = [role for role in ROLES.values() if not role.optional]
    for role in always:
        if role.name not in roles and role.name in names and role.name not in roles.values():
            roles[role.name] = role.name
    for role in always:
        if role.name not in roles:
            column = synonym_of(role, [name for name in names if name not in roles.values()], is_numeric)
            roles |= {role.name: column} if column else {}
    return roles


def synonym_of(role: Role, names: Iterable[str], is_numeric: Callable[[str], bool]) -> str | None:
    """Return the one column of numbers that a role is found in, None if there is none. InputError if there are two."""
    candidates = [name for name in names if normal(name) in role.synonyms and is_numeric(name)]
    if len(candidates) > 1:
        shown = " or ".join(repr(c) for c in candidates)
        raise InputError(
            f"{shown} may be {role.name} ({role.meaning}): choose with --columns {role.name}={candidates[0]}"
        )
    return candidates[0] if candidates else None


def normal(name: str) -> str:
    """Return a column's name in lower case, its words joined by underscores, as synonyms are written."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def unknown_column(name: str, names: Iterable[str]) -> InputError:
    """Return the error that says there is no column `name`, with the nearest one and all that there are."""
    names = list(names)
    same = [n for n in names if normal(n) == normal(name)]
    near = same or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"no column {name!r}: {hint}columns are {list_names(names)}")


def list_names(names: Sequence[str], most: int = 20) -> str:
    """Return the names, comma separated, the first `most` of them if there are more."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _check_mapping(names: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for role, column in columns.items():
        if role not in ROLES:
            raise InputError(f"{role!r} in --columns is no role: roles are {', '.join(ROLES)}, as in N=params")
        if column not in names:
            raise unknown_column(column, names)
        if column in roles.values():
            raise InputError(f"column {column!r} is mapped to two roles in --columns: map it to one")
        roles[role] = column
    return roles
