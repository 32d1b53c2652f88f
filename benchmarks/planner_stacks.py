"""Calibrates a software stack on its measured steps: the constants of mixtures and formats, and factors of the others.

Dense rows move the constants that all trainings share, as factors that stay near one, and those of narrow formats; then
mixtures of experts move their own. Constants of `constants.toml` that older tables gave stay as they are, so that what
is said of those tables does not change. A group of rows is predicted by constants from which it, and every row that
measures the same again, was left out.
Command: FROUDE_PUBLISHED=… python benchmarks/planner_stacks.py
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from froude.cost.machine.constants import Constants, constants, entries
from froude.cost.stack.stack import Uncertainty
from froude.errors import InputError
from planner_calibration import fitted, log_errors
from planner_rows import Question, Row
from planner_rows.megatron_bridge import megatron_bridge
from planner_scores import answer
from planner_sets import HELD_OUT
from record import record

SHARED: Mapping[str, float] = {
    "matmul": 1.08, "matmul_memory": 1.4, "bandwidth": 1.1, "attention": 1.3, "launch": 2.0, "beside": 1.5,
    "collective": 1.15,
}  # fmt: skip
"""Constants that a stack may have otherwise than the trainings that they were calibrated on, and by which factor: one
standard deviation of its logarithm."""

FORMATS, MIXTURES = ("block_scaled", "fp4"), ("grouped", "expert_launch")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """A question with what is predicted of it: its row."""

    question: Question
    row: Row

    @property
    def is_mixture(self) -> bool:
        """Whether its model has experts."""
        return float(np.max(self.row.model.experts)) > 1


def asked_rows() -> list[Asked]:
    """Megatron-Bridge's dense rows and mixtures as the public interface completes them, with plain constants."""
    found = []
    for question in megatron_bridge():
        if question.kind not in ("dense", "mixture"):
            continue
        try:
            cost = answer(question)
        except InputError as refusal:
            print(f"refused: {question.name} on {question.machine}: {refusal}")
            continue
        row = Row(
            table=question.table, name=question.name, model=cost.model, machine=cost.machine, layout=cost.layout,
            seconds=question.seconds or 0.0,
        )  # fmt: skip
        found.append(Asked(question=question, row=row))
    return found


def calibrate_stack(rows: Sequence[Asked]) -> Constants:
    """The constants under the stack: shared ones and formats from dense rows, those of experts from mixtures."""
    found = calibrate_dense(tuple(one for one in rows if not one.is_mixture))
    mixtures = [one.row for one in rows if one.is_mixture]
    spreads = {name: float(entries()[name]["spread"]) for name in MIXTURES}
    return fitted(mixtures, found, Uncertainty.of_spreads(spreads)) if mixtures else found


@functools.cache
def calibrate_dense(rows: tuple[Asked, ...]) -> Constants:
    """Shared constants and those of formats from dense rows, those of experts as physics suggests; made once a set."""
    start = replace(constants(), **{name: float(entries()[name]["prior"]) for name in (*FORMATS, *MIXTURES)})
    spreads = {name: float(entries()[name]["spread"]) for name in FORMATS} | dict(SHARED)
    return fitted([one.row for one in rows], start, Uncertainty.of_spreads(spreads)) if rows else start


def held_out(
    rows: Sequence[Asked], group: Callable[[Question], object]
) -> Iterator[tuple[Sequence[Asked], np.ndarray]]:
    """Each group of rows with its log errors, by constants that neither it nor its twins moved."""
    for value in dict.fromkeys(group(one.question) for one in rows):
        mine = [one for one in rows if group(one.question) == value]
        twins = {one.question.twin for one in mine}
        others = [one for one in rows if group(one.question) != value and one.question.twin not in twins]
        errors = log_errors([one.row for one in mine], calibrate_stack(others))
        print(f"without {value}: {100 * float(np.mean(abs(np.expm1(errors)))):.1f}%", flush=True)
        yield mine, errors


def main() -> None:
    """Calibrates on all rows, prints the constants, and records what groups that were left out are off by."""
    rows = asked_rows()
    found = calibrate_stack(rows)
    print({name: round(getattr(found, name) / getattr(constants(), name), 3) for name in SHARED})
    print({name: round(getattr(found, name), 5) for name in (*FORMATS, *MIXTURES)})
    table = []
    for what, group in HELD_OUT.items():
        judged = [
            (one, error) for mine, errors in held_out(rows, group) for one, error in zip(mine, errors, strict=True)
        ]
        for kind, word in (("dense", "dense"), ("mixture", "mixtures")):
            errors = np.array([error for one, error in judged if one.question.kind == kind])
            table.append(
                {
                    "Megatron-Bridge's rows": f"{word}, without the {what}",
                    "rows": str(len(errors)),
                    "mean error": f"{100 * float(np.mean(abs(np.expm1(errors)))):.1f}%",
                    "median": f"{100 * float(np.median(abs(np.expm1(errors)))):.1f}%",
                    "signed": f"{100 * float(np.mean(np.expm1(errors))):+.1f}%",
                    "90% are within": f"{100 * float(np.expm1(np.quantile(abs(errors), 0.9))):.0f}%",
                }
            )
    record("planner_stacks", "FROUDE_PUBLISHED=… python benchmarks/planner_stacks.py", table)
    print(*table, sep="\n")


if __name__ == "__main__":
    main()
