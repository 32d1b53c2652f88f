"""What Froude shows of each paper: a pure function of the evidence that its checks left when they ran.

A row *works* where a check that runs in the project shows its own sentence, is *modelled* where the paper's law, lever
or cost term exists and its number is reproduced or a good part of its sentence is shown, and otherwise *recorded*.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, final

from froude.atlas.records import atlas_records
from froude.atlas.schema import Record
from froude.result import Result

Level = Literal["recorded", "modelled", "works"]
LEVELS: tuple[Level, ...] = ("recorded", "modelled", "works")


@final
@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One check of one row: the test that ran, what it shows, at which commit and date, and whether it passed.

    `found` is what it measured, in words; None where the check does not report it.
    """

    row: str
    check: str
    shows: Level
    commit: str
    date: str
    passed: bool
    found: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"found": self.found or ""}


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Status(Result):
    """How far a row has come, and the evidence for it."""

    record: Record
    level: Level
    evidence: tuple[Evidence, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.record.id, "status": self.level, "evidence": [one.to_dict() for one in self.evidence]}


def atlas_status(
    records: Iterable[Record] | None = None, evidence: Iterable[Evidence] | None = None
) -> tuple[Status, ...]:
    """The status of each record: the most that its checks show of it, where all of them pass.

    Records are those of the atlas by default, evidence that which ships with the package.
    """
    by_row: dict[str, list[Evidence]] = {}
    for one in shipped_evidence() if evidence is None else evidence:
        by_row.setdefault(one.row, []).append(one)
    judged = atlas_records() if records is None else records
    return tuple(_status(record, tuple(by_row.get(record.id, ()))) for record in judged)


def count_levels(rows: Iterable[Status]) -> Mapping[str, Mapping[str, int]]:
    """How many rows stand where, over all, by role and by priority."""
    listed = list(rows)
    kinds = {"all": lambda row: "all", "role": lambda row: row.record.role, "priority": lambda row: row.record.priority}
    return {
        f"{kind} {key}" if kind != "all" else "all": dict(Counter(row.level for row in listed if of(row) == key))
        for kind, of in kinds.items()
        for key in sorted({of(row) for row in listed})
    }


@cache
def shipped_evidence() -> tuple[Evidence, ...]:
    """The evidence that ships with the package, written by `pytest -m atlas --atlas-evidence`."""
    text = (files("froude.atlas") / "evidence.json").read_text(encoding="utf-8")
    return tuple(Evidence(**row | {"found": row["found"] or None}) for row in json.loads(text))


def _status(record: Record, evidence: tuple[Evidence, ...]) -> Status:
    shown = [LEVELS.index(one.shows) for one in evidence] if all(one.passed for one in evidence) else []
    return Status(record=record, level=LEVELS[max(shown, default=0)], evidence=evidence)
