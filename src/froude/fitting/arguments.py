"""A law and runs as public functions are given them: by name or path, as a dataframe or a study, in the right order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from froude.bounds import MOST_LAWS
from froude.errors import InputError
from froude.laws import Law, get_law
from froude.provenance import note_data
from froude.runs import Runs, RunsSource, read_runs

AUTO = "auto"
"""Instead of the name of a law: the average of several."""


def read_law_first(verb: str, law: Any, runs: RunsSource) -> Runs:
    """The runs, for a verb that takes the law before them. InputError where they are swapped, or `law` is no law."""
    if not _is_law(law) and (_is_law(runs) or _is_name(runs)):
        raise InputError(
            f"froude.{verb} takes the law first, then the runs: write froude.{verb}({_shown(runs)}, {_shown(law)})"
        )
    if not isinstance(law, str | Law | Iterable) or hasattr(law, "columns"):
        raise InputError(
            f"froude.{verb} takes a law first, by its name or as a Law, and a {type(law).__name__} is none: "
            f"write froude.{verb}('chinchilla', runs)"
        )
    return take_runs(runs)


def read_runs_first(verb: str, runs: RunsSource, after: Any, how: str) -> Runs:
    """The runs, for a verb that takes them before `after`; `how` is the call as it should be, for the InputError."""
    swapped = not isinstance(after, str) and _is_table(after)
    if _is_law(runs) or isinstance(runs, int | float) or (swapped and not _is_table(runs)):
        raise InputError(f"froude.{verb} takes the runs first: write froude.{how}")
    taken = take_runs(runs)
    if _is_name(after) and after not in taken:
        raise InputError(f"{after!r} is a law, and froude.{verb} takes the outcome after the runs: write froude.{how}")
    return taken


def take_runs(runs: RunsSource) -> Runs:
    """The runs, whose hash becomes part of the provenance of what is made of them."""
    taken = read_runs(runs)
    note_data(taken.sha256)
    return taken


def _is_table(value: Any) -> bool:
    return isinstance(value, Runs | Path) or hasattr(value, "columns")


def _is_law(value: Any) -> bool:
    """Whether a value is a law or the name of one, or several of them."""
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_law, value))
    return isinstance(value, Law) or (isinstance(value, str) and _is_name(value))


def _is_name(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return value == AUTO or bool(get_law(value))
    except InputError:
        return False


def _shown(value: Any) -> str:
    """An argument as it would be typed."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, str | Path):
        return repr(str(value))
    return repr(value.name) if isinstance(value, Law) else "runs"


def each_law(laws: Law | str | Iterable[Law | str]) -> list[Law | str]:
    """One law or several as a list, each once. InputError for more than MOST_LAWS."""
    several = [laws] if isinstance(laws, Law | str) else list(dict.fromkeys(laws))
    if len(several) > MOST_LAWS:
        raise InputError(f"{len(several)} laws: give at most {MOST_LAWS} at once")
    return several
