"""What roles were found in many runs, said once for those that are logged alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from froude.errors import InputError
from froude.runs.logs.evidence import RoleValue, names_in
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.run_roles import RUN_ROLES
from froude.runs.missing_columns import unknown_column
from froude.runs.roles import ROLES

MOST_NOTES = 5


@final
@dataclass(frozen=True, kw_only=True)
class RoleSource:
    """Where a role was found in `runs` runs, and the least and largest of its finite values, None without any."""

    role: str
    source: str
    runs: int
    least: float | None
    largest: float | None


def summarize_roles(found: Iterable[Mapping[str, RoleValue]]) -> tuple[RoleSource, ...]:
    """Return the sources of each role, those of most runs first."""
    values: dict[tuple[str, str], list[float]] = {}
    for roles in found:
        for role, value in roles.items():
            values.setdefault((role, value.source), []).append(value.value)
    order = [*RUN_ROLES, *sorted({role for role, _ in values} - {*RUN_ROLES})]
    sources = (_source(role, source, each) for (role, source), each in values.items())
    return tuple(sorted(sources, key=lambda each: (order.index(each.role), -each.runs)))


def _source(role: str, source: str, values: Sequence[float]) -> RoleSource:
    finite = [value for value in values if math.isfinite(value)]
    least, largest = (min(finite), max(finite)) if finite else (None, None)
    return RoleSource(role=role, source=source, runs=len(values), least=least, largest=largest)


def role_notes(sources: Iterable[RoleSource], n_runs: int) -> Iterator[str]:
    """Yield a sentence on N, D and loss where they do not bear their own names, and of how many runs it holds."""
    for each in sources:
        own = f"{each.role!r}"
        plain = (f"the last of {own}", f"the count {own}", f"the tokens counted in {own}")
        if each.role in ("N", "D", "loss") and each.source.split(", whose name")[0] not in plain:
            yield f"{each.role} is {each.source}" + ("" if each.runs == n_runs else f" in {each.runs} of {n_runs} runs")


def run_notes(runs: Iterable[LoggedRun]) -> tuple[str, ...]:
    """Return what was cut short or left out of runs, a few of many."""
    notes = [f"{run.name}: {note}" for run in runs for note in run.notes]
    more = len(notes) - MOST_NOTES
    return (*notes[:MOST_NOTES], f"and {more} more such notes") if more > 0 else tuple(notes)


def check_columns(columns: Mapping[str, str], runs: Iterable[LoggedRun]) -> None:
    """Raise InputError for what is no role, and for a name that no run has."""
    unknown = next((role for role in columns if role not in ROLES), None)
    if unknown is not None:
        raise InputError(f"{unknown!r} in --columns is no role: roles are {', '.join(ROLES)}, as in N=params")
    left = {*columns.values()}
    names: set[str] = set()
    for run in runs:
        if not left:
            return
        here = names_in(run)
        left, names = left - here, names | here
    if left:
        raise unknown_column(min(left), sorted(names))
