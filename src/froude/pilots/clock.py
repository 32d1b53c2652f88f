"""How long chapters took."""

from typing import Annotated

from msgspec import Meta

from froude.pilots.events import Watch
from froude.pilots.repair import whole_document
from froude.runs import Study

CLOCK = "seconds.json"
UNKNOWN = {"pilots": None, "target": None}
Seconds = dict[str, Annotated[float, Meta(ge=0, le=1e12)] | None]
"""Wall seconds by chapter; None where they are not known, as the document that had them was damaged."""


def check_clock(study: Study, watch: Watch) -> None:
    """Says where the seconds of earlier sessions are lost, and writes that they are not known."""
    there = (study.path / CLOCK).exists()
    if whole_document(study, CLOCK, Seconds, watch) is None and there:
        study.write_json(CLOCK, UNKNOWN)


def add_seconds(study: Study, chapter: str, seconds: float) -> None:
    """Adds to the wall seconds that a chapter has taken so far, over all sessions."""
    spent = chapter_seconds(study)
    before = spent.get(chapter, 0.0)
    study.write_json(CLOCK, {**spent, chapter: None if before is None else before + seconds})


def chapter_seconds(study: Study) -> Seconds:
    """Wall seconds by chapter."""
    return study.read_json(CLOCK, Seconds) if (study.path / CLOCK).exists() else {}
