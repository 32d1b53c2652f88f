"""What is said where a table lacks a column: the columns that are near, or those that it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from froude.errors import InputError, close_names
from froude.runs.headers import normal
from froude.runs.roles import ROLES

_WORDS = {
    "N": re.compile(r"param|(^|_)n($|_)|model_?size|embed"),
    "D": re.compile(r"token|(^|_)d($|_)|data|(^|_)tok"),
    "C": re.compile(r"flop|flos|compute|(^|_)c($|_)|budget"),
    "loss": re.compile(r"loss|nll|entropy|perplexity|(^|_)(bpb|bpc|ppl|ce)($|_)"),
    "S": re.compile(r"step|iter|update"),
    "B": re.compile(r"batch"),
    "lr": re.compile(r"(^|_)lr|learning_rate"),
}
_NOT = re.compile(r"(^|_)per($|_)|(^|_)(s|sec)$|throughput|mfu|util|(^|_)(min|max)$|label|name")
_MOST = 8
_PERPLEXITY = re.compile(r"perplexity|(^|_)ppl($|_)")
_CHART = re.compile(r".+__(MIN|MAX)$")


def unknown_column(name: str, names: Iterable[str]) -> InputError:
    """Return the error that says there is no column `name`, with the nearest one, or the columns that there are."""
    names = list(names)
    if name in ROLES and (near := near_columns(name, names)):
        return InputError(f"no column is {name} by its name: {_is_it(name, near)}")
    same = [n for n in names if normal(n) == normal(name)]
    near = same or close_names(name, names, n=3, cutoff=0.5)
    if near:
        return InputError(f"no column {name!r}: did you mean {' or '.join(map(repr, near))}?")
    return InputError(f"no column {name!r}: columns are {list_names(names, _MOST)}")


def missing_role(role: str, names: Sequence[str], who_needs: str, table: str = "") -> InputError:
    """Return the error that says which role is missing in a table; `who_needs` begins it, as in "power needs"."""
    of = f" ({ROLES[role].meaning})" if role in ROLES else ""
    needed = f"{who_needs} a column {role} and there is none" + (f" in {table}" if table else "")
    if any(map(_CHART.fullmatch, names)):
        return InputError(
            f"{needed}: this is a chart's export, with curves of one quantity in its columns "
            f"({list_names(names, 4)}) and no N, D, C or loss; export the table of runs, a row for each run"
        )
    if near := near_columns(role, names):
        return InputError(f"{needed} by its name: {_is_it(role, near)}")
    return InputError(f"{needed} among {list_names(names, _MOST)}: name it with --columns {role}=COLUMN{of}")


def near_columns(role: str, names: Iterable[str]) -> list[str]:
    """Return the columns whose names have a word of the role, those that are roles or rates left out."""
    words = _WORDS.get(role)
    found = [n for n in names if n not in ROLES and words and words.search(normal(n)) and not _NOT.search(normal(n))]
    return sorted(found, key=len)[:3]


def list_names(names: Sequence[str], most: int) -> str:
    """Return the names, comma separated, the first `most` of them if there are more."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _is_it(role: str, near: Sequence[str]) -> str:
    shown = " or ".join(map(repr, near))
    if all(_PERPLEXITY.search(normal(name)) for name in near):
        return f"the logarithm of {shown} is one, add it as a column {role}"
    return f"is it {shown}? Name it with --columns {role}={quoted(near[0])}"


def quoted(column: str) -> str:
    """Return a column's name as it is typed after --columns ROLE=, in quotes where a shell needs them."""
    return column if re.fullmatch(r"[\w./:+-]+", column) else f"'{column}'"
