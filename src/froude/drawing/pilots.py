"""The picture of a pilot: its runs, the law and its forecast of the target, with what was measured there."""

from __future__ import annotations

from typing import Any

from froude.answers.studies import StudyRecord, read_study_record
from froude.drawing.axes import Panel
from froude.drawing.charts import draw_view
from froude.drawing.studies import curves_view, tokens_view
from froude.runs import Study


def panels_of_pilot(result: Any) -> tuple[Panel, ...]:
    """A `PilotResult` by the study that it keeps. InputError where that folder is gone."""
    return panels_of_study(Study.open(result.study))


def panels_of_study(study: Study) -> tuple[Panel, ...]:
    """A study of pilots: loss against tokens, with law and forecast as soon as there are, else its curves."""
    record: StudyRecord = read_study_record(study)
    view = tokens_view(record) if record.fit else curves_view(record)
    return (lambda axes, look: draw_view(axes, view, look),)
