"""What a study says on its page, while its pilot runs, and in JSON: one number for one thing."""

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from froude.answers.studies import answer_of_study, read_study_record
from froude.cli.story import StoryTeller
from froude.pilots import PilotResult
from froude.pilots.events import ForecastReady, PilotFinished
from froude.reporting import write_report
from froude.runs import Study
from paths import ROOT
from shown import unmatched

STUDY = ROOT / "tests" / "fixtures" / "study_0_1_0"
FORECAST, RESULT = (json.loads((STUDY / f"{name}.json").read_text()) for name in ("forecast", "result"))
ALL_SECONDS = RESULT["pilot_seconds"] + RESULT["target_seconds"]


def result_of(values: dict[str, Any]) -> PilotResult:
    """The result that its JSON tells of."""
    derived = ("level", "rel_error", "inside", "study", "report")
    fields = {name: value for name, value in values.items() if name not in derived}
    return PilotResult(**fields, study=Path("study"), report=Path("study/report.html"))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """The study in a folder of its own: reading it leaves a cache there."""
    return Study.open(shutil.copytree(STUDY, tmp_path / "study"))


@pytest.fixture(scope="module")
def story() -> str:
    """What the terminal shows of forecast and result, in one line."""
    out = io.StringIO()
    with StoryTeller(check=True, console=Console(file=out, width=80)) as teller:
        teller.hear(ForecastReady(document=FORECAST))
        teller.hear(PilotFinished(result=result_of(RESULT)))
    return " ".join(out.getvalue().split())


def test_the_result_of_a_study_of_0_1_0_is_that_of_today():
    written = {**RESULT, "study": "study", "report": "study/report.html"}
    assert result_of(RESULT).to_dict() == written


def test_headline_facts_and_laws_show_the_numbers_of_the_json(study):
    answer = answer_of_study(read_study_record(study))
    assert answer.to_dict().items() >= RESULT.items()
    laws = answer.table("Laws tried").rows
    texts = [answer.headline, *(fact.text for fact in answer.facts), *(cell for row in laws for cell in row)]
    assert unmatched(texts, [RESULT, FORECAST, ALL_SECONDS]) == []
    assert unmatched(texts, [FORECAST]) != []  # which knows nothing of what was measured


def test_the_terminal_shows_the_numbers_of_the_json(story):
    assert unmatched([story], [RESULT, FORECAST]) == []


def test_the_page_shows_forecast_and_verdict_as_the_terminal(study, story):
    page = write_report(study).read_text()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    for words in ("2.039", "1.922 to 2.163", "1.355", "50.46% off, outside the interval", "1.8%", "0.5%"):
        assert words in text
        assert words in story
