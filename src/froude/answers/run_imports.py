"""What is said of an import of logs: how many runs, how they stand, and what was taken for which role."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import count
from froude.quantity import format_quantity
from froude.runs import RunImport
from froude.runs.logs.role_summary import RoleSource

_CHANGES = {"new": "new", "grown": "grown and written again", "same": "as they were", "kept": "kept as they were"}


def answer_of_run_import(done: RunImport) -> Answer:
    """The runs in a sentence, what became of them, and a row for each place where a role was found."""
    running = done.states.get("running", 0)
    return Answer(
        headline=f"{count(done.n_runs, 'run')} of {count(len(done.sources), 'source')} in study {str(done.study)!r}",
        facts=tuple(_facts(done)),
        tables=(_roles(done),) if done.roles else (),
        notes=done.notes,
        warnings=tuple(_missing(done)),
        next_steps=(f"froude fit {shlex.quote(str(done.study))}",) if done.n_runs > running else (),
        data={
            "study": str(done.study),
            "sources": list(done.sources),
            "runs": done.n_runs,
            "states": dict(done.states),
            "changes": dict(done.changes),
            "roles": [
                {"role": r.role, "source": r.source, "runs": r.runs, "least": r.least, "largest": r.largest}
                for r in done.roles
            ],
            "notes": list(done.notes),
            **done.origin,
        },
    )


def _facts(done: RunImport) -> Iterator[Fact]:
    changes = [f"{n} {_CHANGES[change]}" for change, n in done.changes.items() if n]
    yield Fact("files", ", ".join(changes))
    states = ", ".join(f"{n} {state}" for state, n in sorted(done.states.items()))
    yield Fact("runs", states.replace("unknown", "whose end their log does not tell"))
    if done.states.get("running"):
        yield Fact("", "those running count once they have ended: import them again then")


def _missing(done: RunImport) -> Iterator[str]:
    """What no run, or not every run, says of what a law asks."""
    for role in ("N", "D", "loss"):
        having = sum(each.runs for each in done.roles if each.role == role)
        if having < done.n_runs:
            yield f"{done.n_runs - having} of {done.n_runs} runs do not say {role}: name it with --columns {role}=NAME"


def _roles(done: RunImport) -> Table:
    return Table(
        title="What was taken for what",
        columns=("role", "values", "runs", "from"),
        rows=tuple((each.role, _range(each), str(each.runs), each.source) for each in done.roles),
        left=(0, 3),
    )


def _range(each: RoleSource) -> str:
    if each.least is None or each.largest is None:
        return "diverged"
    low, high = format_quantity(each.least, 4), format_quantity(each.largest, 4)
    return low if low == high else f"{low} to {high}"
