"""What a column means: the roles N, D, C and loss, and the names under which each is found."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Role:
    """A meaning that laws know; `dimension` is the unit of its values, `synonyms` are normalised names."""

    name: str
    meaning: str
    dimension: str
    synonyms: tuple[str, ...]


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
                *("param_count", "parameter_count", "total_params", "model_size", "model_params"),
                *("params_non_embedding", "n_params_non_embedding", "parameters_excluding_embeddings"),
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
    )
}
"""The roles, by name. A single letter is a role in upper case only: tables have depths `d` and counts `n`."""


def find_roles(names: Sequence[str], columns: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return {role: column} for the column names of a table.

    `columns` (role to column) comes first, then a column that bears the role's exact name, then a single
    synonym, whatever its case and separators ("Train Tokens", "train/tokens").

    Raises InputError for an unknown role or column in `columns`, a column mapped to two roles, or two
    synonyms of one role.
    """
    found = _mapped(names, columns or {})
    for role in ROLES.values():
        if role.name not in found and role.name in names and role.name not in found.values():
            found[role.name] = role.name
    for role in ROLES.values():
        if role.name not in found:
            candidates = [n for n in names if _normal(n) in role.synonyms and n not in found.values()]
            if len(candidates) > 1:
                shown = " or ".join(repr(c) for c in candidates)
                raise InputError(
                    f"{shown} may be {role.name} ({role.meaning}): choose with --columns {role.name}={candidates[0]}"
                )
            if candidates:
                found[role.name] = candidates[0]
    return found


def unknown_column(name: str, names: Iterable[str]) -> InputError:
    """Return the error that says there is no column `name`, with the nearest one and all that there are."""
    names = list(names)
    same = [n for n in names if _normal(n) == _normal(name)]
    near = same or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"no column {name!r}: {hint}columns are {shown_names(names)}")


def shown_names(names: Sequence[str], most: int = 20) -> str:
    """Return the names, comma separated, the first `most` of them if there are more."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _mapped(names: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for role, column in columns.items():
        if role not in ROLES:
            raise InputError(f"{role!r} in --columns is no role: roles are {', '.join(ROLES)}, as in N=params")
        if column not in names:
            raise unknown_column(column, names)
        if column in found.values():
            raise InputError(f"column {column!r} is mapped to two roles in --columns: map it to one")
        found[role] = column
    return found


def _normal(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
