import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest

from froude import InputError, PilotResult, Study, registered_forecasts
from froude.engines import ENGINES, LocalEngine, Progress, RunFinished
from froude.pilots import PilotEvent, pilot
from froude.pilots.events import TrainingStarted
from froude.pilots.tank.settings import PilotSettings
from froude.tank import Corpus, Design
from in_process import InProcess
from tiny import environment, outcome, trunk, write_corpus, write_plan

DIVERGING = trunk(8, (40,), seed=2, lr=1e6, lr_embedding=1e6)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A corpus, and a plan with a pilot that diverges."""
    folder = tmp_path_factory.mktemp("given")
    plan = write_plan(folder / "plan.json")
    design = Design.from_dict(json.loads(plan.read_text())["design"])
    design = replace(design, pilots=(*design.pilots, DIVERGING))
    plan.write_text(json.dumps({"format": 1, "design": design.to_dict()}))
    return {"corpus": write_corpus(folder / "corpus"), "plan": plan}


def is_target(event: PilotEvent) -> bool:
    """Whether the target's training begins."""
    return isinstance(event, TrainingStarted) and event.chapter == "target"


class Story:
    """A pilot run without a check, then with it, then once more, and what was there after each."""

    def __init__(self, folder: Path, given: Mapping[str, Any]) -> None:
        self.given, self.folder = given, folder
        self.results: list[PilotResult] = []
        self.events: list[list[PilotEvent]] = []
        self.losses: list[dict[str, Any]] = []
        self.forecast_before_target: list[bool] = []
        for check in (False, True, True):
            self.tell(check)

    def tell(self, check: bool) -> None:
        heard: list[PilotEvent] = []

        def watch(event: PilotEvent) -> None:
            heard.append(event)
            if is_target(event):
                design = Study.open(self.folder).read_json("plan.json")["design"]
                target = Design.from_dict(design).target
                files = {path.name for path in (self.folder / "runs").iterdir()}
                written = (self.folder / "forecast.json").exists()
                trained = any(name.startswith(target.run_id(target.tokens[-1])) for name in files)
                self.forecast_before_target.append(written and not trained)

        self.results.append(pilot(study=self.folder, check=check, watch=watch, **self.given))
        self.events.append(heard)
        self.losses.append(outcome(self.folder))

    def document(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    @property
    def design(self) -> Design:
        return Design.from_dict(self.document("plan.json")["design"])


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, given: dict[str, Any]) -> Story:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
        return Story(tmp_path_factory.mktemp("studies") / "s", given)


UNCHECKED = {"measured", "rel_error", "inside", "target_seconds", "validation_halving"}


def test_without_a_check_nothing_of_the_target_is_told_or_trained(story: Story) -> None:
    unchecked, checked = (result.to_dict() for result in story.results[:2])
    assert checked.keys() - unchecked.keys() == UNCHECKED
    assert story.design.target.run_id(story.design.target.tokens[-1]) not in story.losses[0]
    assert not any(map(is_target, story.events[0]))
    assert any(map(is_target, story.events[1]))


def test_a_later_check_keeps_the_forecast_and_trains_the_target_alone(story: Story) -> None:
    first, checked = story.results[:2]
    assert (checked.predicted, checked.interval, checked.pilots) == (
        first.predicted,
        first.interval,
        first.pilots,
    )
    target = story.design.target.run_id(story.design.target.tokens[-1])
    assert story.losses[1].keys() - story.losses[0].keys() == {target}
    assert {id: story.losses[1][id] for id in story.losses[0]} == story.losses[0]


def test_the_forecast_is_written_before_the_target_runs(story: Story) -> None:
    assert story.forecast_before_target[0]
    target = story.design.target.run_id(story.design.target.tokens[-1])
    written = (story.folder / "forecast.json").stat().st_mtime_ns
    assert written < (story.folder / "runs" / f"{target}.jsonl").stat().st_mtime_ns


def test_the_forecast_is_on_record_and_scored_by_the_target(story: Story) -> None:
    (found,), result = registered_forecasts(story.folder), story.results[1]
    assert found.forecast.sha256 == story.document("forecast.json")["sha256"]
    assert (found.measured, found.inside) == (result.measured, result.inside)
    assert found.error is not None
    assert abs(found.error) == pytest.approx(result.rel_error)


def test_the_same_again_trains_nothing_and_says_the_same(story: Story) -> None:
    assert not any(isinstance(event, Progress | RunFinished) for event in story.events[2])
    assert any(isinstance(event, RunFinished) for event in story.events[1])
    assert story.losses[2] == story.losses[1]
    assert story.results[2].to_dict() == story.results[1].to_dict()


def test_the_result_is_what_the_documents_say(story: Story) -> None:
    result, forecast, design = story.results[1], story.document("forecast.json"), story.design
    values = result.to_dict()
    assert story.document("result.json") == values
    assert values["predicted"] == forecast["predicted"]
    assert values["interval"] == forecast["interval"]
    assert values["interval"][0] < values["predicted"] < values["interval"][1]
    target = story.losses[1][design.target.run_id(design.target.tokens[-1])]["result"]
    assert values["measured"] == float(target["loss"])
    assert values["target"] == {"N": 12 * 32**2, "D": 320 * 64, "C": float(target["C"])}
    assert values["rel_error"] == pytest.approx(abs(values["predicted"] / values["measured"] - 1))
    assert values["inside"] == (values["interval"][0] <= values["measured"] <= values["interval"][1])
    assert values["params_ratio"] == pytest.approx(4.0)
    costliest = max(float(run["result"]["C"]) for run in story.losses[0].values())
    assert values["compute_ratio"] == pytest.approx(float(target["C"]) / costliest)
    assert values["pilot_seconds"] > 0
    assert values["target_seconds"] > 0


def test_the_documents_of_a_study_are_all_there(story: Story) -> None:
    names = {path.name for path in story.folder.iterdir() if not path.name.startswith(".")}
    documents = {"study", "plan", "environment", "seconds", "fit", "forecast", "result"}
    assert {f"{name}.json" for name in documents} | {"report.html", "corpus", "validation"} <= names
    planned = {t.run_id(n) for t in (*story.design.pilots, story.design.target) for n in t.tokens}
    assert {path.name for path in (story.folder / "runs").iterdir()} == {f"{id}.jsonl" for id in planned}
    assert list((story.folder / "trunks").iterdir()) == []
    environment = story.document("environment.json")
    assert {"froude", "python", "torch", "processor", "device"} <= environment.keys()
    assert str(story.given["corpus"]) in story.document("plan.json")["command"]
    assert story.results[1].report.stat().st_size > 10_000


def test_a_diverged_pilot_is_counted_and_told_of_but_not_fitted(story: Story) -> None:
    result, (fell,) = story.results[1], DIVERGING.tokens
    diverged = {key: value for key, value in story.losses[0].items() if value["result"]["diverged"] == "True"}
    assert [json.loads(run["config"]["config"].replace("'", '"'))["D"] for run in diverged.values()] == [fell]
    assert (result.pilots, result.diverged) == (12, 1)
    assert any("diverged" in warning for warning in story.document("forecast.json")["warnings"])
    assert "diverged" in result.report.read_text()


def test_half_the_validation_set_gives_the_loss_of_the_kept_windows(story: Story) -> None:
    halving, design = story.document("result.json")["validation_halving"], story.design
    largest = design.pilots[0]
    losses = [
        np.load(story.folder / "validation" / f"{each.run_id(each.tokens[-1])}.npy")
        for each in (design.target, largest)
    ]
    ratio = losses[0] / losses[0].mean() - losses[1] / losses[1].mean()  # log ratio, to first order
    expected = 1.96 * ratio.std() / math.sqrt(len(ratio))
    # A half drawn without replacement is as far from the whole as the whole from the truth. Of 1000 halves.
    assert halving["ratio_change"] == pytest.approx(expected, rel=0.15)
    lo, hi = story.results[1].interval
    assert halving["quarter_half_width"] == pytest.approx((hi - lo) / 2 / story.results[1].predicted / 4)


def test_a_given_plan_is_followed_on_the_corpus_that_is_here(story: Story) -> None:
    corpus = Corpus.load(story.folder / "corpus")
    given = Design.from_dict(json.loads(story.given["plan"].read_text())["design"])
    assert {t.corpus for t in (*story.design.pilots, story.design.target)} == {corpus.hash}
    assert corpus.hash != given.target.corpus
    assert [t.tokens for t in story.design.pilots] == [t.tokens for t in given.pilots]
    assert [t.decoder for t in story.design.pilots] == [t.decoder for t in given.pilots]


@pytest.mark.slow  # a second study
def test_an_engine_added_to_the_registry_trains_the_same_pilots(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "here", InProcess)
    result = pilot(study=tmp_path / "s", check=False, engine="here", **story.given)
    assert outcome(tmp_path / "s") == story.losses[0]
    assert result.predicted == story.results[0].predicted
    with pytest.raises(InputError, match="no engine 'lsf': this version has 'local', 'ray', 'slurm', 'here'"):
        pilot(study=tmp_path / "t", engine="lsf", **story.given)


def test_a_study_made_by_other_settings_is_refused(story: Story) -> None:
    before = sorted(path.stat().st_mtime_ns for path in story.folder.rglob("*"))
    with pytest.raises(InputError, match="made with seed = 0, now 1: choose another folder"):
        pilot(study=story.folder, seed=1, **story.given)
    assert sorted(path.stat().st_mtime_ns for path in story.folder.rglob("*")) == before


def test_two_commands_at_once_in_a_study_are_refused(story: Story) -> None:
    held = filelock.FileLock(story.folder / ".lock")
    with held, pytest.raises(InputError, match="in use by another command"):
        pilot(study=story.folder, **story.given)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        ("{", "is no plan"),
        ("[]", "is no plan"),
        ('{"format": 1}', "is no plan"),
        ('{"format": 1, "design": {"pilots": [{}]}}', "is no plan"),
        ('{"format": 2}', "has format 2, not 1"),
    ],
)
def test_what_is_no_plan_is_refused_in_one_line(
    tmp_path: Path, given: dict[str, Any], content: str | None, says: str, no_workers: None
) -> None:
    path = tmp_path / "plan.json"
    if content:
        path.write_text(content)
    with pytest.raises(InputError, match=says) as caught:
        pilot(study=tmp_path / "s", corpus=given["corpus"], plan=path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"minutes": 0}, "minutes = 0: give a number above 0"),
        ({"minutes": math.nan}, "minutes = nan"),
        ({"seed": -1}, "seed = -1: give a whole number from 0"),
        ({"engine": "lsf"}, "no engine 'lsf'"),
        ({"device": "tpu"}, "no device 'tpu': give auto, cpu or cuda"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, settings: dict[str, Any], says: str, no_workers: None
) -> None:
    with pytest.raises(InputError, match=says):
        pilot(study=tmp_path / "s", **settings)


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker processes: what is refused is refused before they have anything to do."""
    monkeypatch.setattr(LocalEngine, "__init__", lambda self, workers, placement=None: setattr(self, "workers", []))


def test_studies_of_different_settings_are_different() -> None:
    changes: list[dict[str, Any]] = [{}, {"minutes": 1.0}, {"seed": 1}, {"corpus": "."}, {"device": "cpu"}]
    settings = [json.dumps(PilotSettings(**change).to_dict()) for change in changes]
    assert len(set(settings)) == len(settings)
