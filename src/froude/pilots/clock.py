"""When something was written, and how long chapters took."""

import time

from froude.runs import Study


def utc_now() -> str:
    """The time in UTC, "2026-11-21T22:31:47Z"."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def add_seconds(study: Study, chapter: str, seconds: float) -> None:
    """Adds to the wall seconds that a chapter has taken so far, over all sessions."""
    spent = chapter_seconds(study)
    study.write_json("seconds.json", {**spent, chapter: spent.get(chapter, 0.0) + seconds})


def chapter_seconds(study: Study) -> dict[str, float]:
    """Wall seconds by chapter."""
    return study.read_json("seconds.json") if (study.path / "seconds.json").exists() else {}
