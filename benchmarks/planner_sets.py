"""The table of all measured sets: which rows are judged together, and what is held out with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from planner_rows import QUESTIONS, Question
from planner_scores import Judged, Score, ask, judged

HELD_OUT: Mapping[str, Callable[[Question], object]] = {
    "model": lambda question: question.name,
    "GPU": lambda question: question.gpu,
    "release": lambda question: question.release,
}
"""What Megatron-Bridge's rows are held out by, each group in turn."""

KINDS = {"dense": "dense", "mixture": "mixtures", "hybrid": "hybrids", "lora": "adapters"}


def scores() -> dict[str, list[Score]]:
    """Every question asked once, by table."""
    asked = [ask(question) for read in QUESTIONS for question in read()]
    tables = dict.fromkeys(score.question.table for score in asked)
    return {table: [score for score in asked if score.question.table == table] for table in tables}


def judged_sets(tables: Mapping[str, Sequence[Score]]) -> Iterator[Judged]:
    """Megatron-Bridge's kinds with models, GPUs and releases left out, and without a stack; the others as wholes."""
    bridge = tables["megatron-bridge"]
    for kind, word in KINDS.items():
        held = [score for score in bridge if score.question.kind == kind]
        for what, group in HELD_OUT.items():
            yield judged(f"megatron-bridge, {word}, without the {what}", held, bridge, group)
    for kind in ("dense", "mixture"):
        asked = [ask(score.question, named=False) for score in bridge if score.question.kind == kind]
        yield judged(f"megatron-bridge, {KINDS[kind]}, no stack named", asked, bridge, HELD_OUT["model"])
    for table, rows in tables.items():
        if table != "megatron-bridge":
            others = [score for name, apart in tables.items() if name != table for score in apart]
            yield from _parts(table, rows, others)


def _parts(table: str, rows: Sequence[Score], others: Sequence[Score]) -> Iterator[Judged]:
    """A table by the parts that its reader tells apart and by kind, of rows that have a time."""
    timed = [score for score in rows if score.error is not None or score.refusal]
    parts = dict.fromkeys((score.question.release, score.question.kind) for score in timed)
    several = len({release for release, _ in parts}) > 1
    for release, kind in parts:
        held = [score for score in timed if (score.question.release, score.question.kind) == (release, kind)]
        yield judged(f"{table}, {f'{release}, ' if several else ''}{KINDS[kind]}", held, others)
