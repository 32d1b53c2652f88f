"""How the tables that an answer rests on were read, where that is not plain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from froude.answers.answer import Answer
from froude.runs import Runs


def with_readings(answer: Answer, tables: Sequence[Runs]) -> Answer:
    """The answer with the notes and warnings of these tables behind its own; of several each is named."""
    notes = tuple(_named(tables, [table.notes for table in tables]))
    known = {sentence for warning in answer.warnings for sentence in (warning, warning.partition(": ")[2])}
    found = _named(tables, [[each for each in table.warnings if each not in known] for table in tables])
    warnings = (*answer.warnings, *found)
    data = {**answer.data, "notes": list(notes), "warnings": list(warnings)}
    return replace(answer, notes=(*answer.notes, *notes), warnings=warnings, data=data)


def _named(tables: Sequence[Runs], sentences: Sequence[Sequence[str]]) -> Iterator[str]:
    """The sentences on each table, once where they are the same of all, else after its name."""
    if len({*map(tuple, sentences)}) == 1:
        yield from sentences[0]
        return
    for table, own in zip(tables, sentences, strict=True):
        yield from (f"{table.name}: {sentence}" for sentence in own)
