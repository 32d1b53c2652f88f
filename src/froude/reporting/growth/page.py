"""The page of a growth experiment: how time, memory and quality grow with size, where methods cross, what it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from froude.answers import Answer, Table
from froude.answers.growth import CLOSEST_MEANS
from froude.drawing.colours import MARKERS
from froude.drawing.growth import SHADES, growth_chart
from froude.reporting.sheet import both_widths, fill

_MARKS = {
    "o": "M6 1 A5 5 0 1 0 6 11 A5 5 0 1 0 6 1 Z",
    "s": "M1.5 1.5 H10.5 V10.5 H1.5 Z",
    "D": "M6 0 L12 6 L6 12 L0 6 Z",
    "^": "M6 1 L11.5 11 H0.5 Z",
    "v": "M6 11 L11.5 1 H0.5 Z",
    "P": "M4 0.5 H8 V4 H11.5 V8 H8 V11.5 H4 V8 H0.5 V4 H4 Z",
}
"""Markers of the pictures by their letters, drawn in a box of 12."""

HIGHLIGHTS = 4  # methods whose exponents, and crossings whose sizes stand at the top


def growth_page(answer: Answer, about: Mapping[str, str]) -> str:
    """The page of `answer_of_growth` as HTML; `about` is what was measured and where it is kept.

    InputError where a library of `froude[report]` is missing.
    """
    svgs = {
        picture.name: both_widths(
            picture.name, picture.view.y_label, lambda width, view=picture.view: growth_chart(view, width)
        )
        for picture in answer.pictures
    }
    medians, *rest = answer.tables
    measures, claims = rest[: len(svgs)], rest[len(svgs) :]
    facts = {head: list(_texts_under(answer, head)) for head, _ in answer.facts if head}
    return fill(
        "growth.html.j2",
        svgs,
        kind="growth",
        name="",
        answer=answer,
        source=facts.pop("source"),
        expected=facts.pop("expected", []),
        crossings=facts.pop("crossing", []),
        highlights=[*_exponents(answer, measures), *_crossing_sizes(answer)],
        measures=list(zip(answer.pictures, measures, strict=True)),
        sections=list(_sections(answer, bool(claims))),
        shades=SHADES,
        markers=MARKERS,
        marks=_MARKS,
        closest=CLOSEST_MEANS,
        claims=claims,
        medians=medians,
        measured={**about, **{head: "; ".join(texts) for head, texts in facts.items()}},
    )


def _sections(answer: Answer, has_claims: bool) -> Iterator[tuple[str, str]]:
    """The sections of the page, for the list at its top."""
    yield from ((picture.name, picture.title) for picture in answer.pictures)
    if has_claims:
        yield "claims", "What it shows of papers"
    yield "measured", "How it was measured"


def _texts_under(answer: Answer, head: str) -> Iterator[str]:
    """The facts under a head and those that go on with it."""
    current = ""
    for name, text in answer.facts:
        current = name or current
        if current == head:
            yield text


def _exponents(answer: Answer, measures: list[Table]) -> list[tuple[str, str]]:
    """The exponents of time, for the top."""
    tables = [table for picture, table in zip(answer.pictures, measures, strict=True) if picture.name == "time"]
    rows = [row for table in tables for row in table.rows if row[1]]
    return [(f"exponent of time, {row[0]}", row[1]) for row in rows[:HIGHLIGHTS]]


def _crossing_sizes(answer: Answer) -> list[tuple[str, str]]:
    """Where methods cross, for the top."""
    marks = [mark for picture in answer.pictures for mark in picture.view.crossings]
    return [(mark.title, mark.label) for mark in marks[:HIGHLIGHTS]]
