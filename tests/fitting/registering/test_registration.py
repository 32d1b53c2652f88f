"""Forecasts on record: what is written stays so, and is scored by what was measured."""

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from froude import Fit, InputError, fit, register_forecast, score_forecast
from froude.fitting.registering.documents import hash_of
from froude.fitting.registering.registration import interval_score, read_registration
from froude.runs import Runs
from paths import ROOT
from planted import planted

pytest_plugins = ["door"]

AT: dict[str, Any] = {"N": 7e9, "D": 1.4e11}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a fit."""
    path = tmp_path_factory.mktemp("saved") / "fit.json"
    fit("chinchilla", Runs.from_columns(planted()), draws=50).save(path)
    return path


def change(path: Path, old: str, new: str) -> Path:
    """A copy of a file with one text changed."""
    text = path.read_text()
    assert old in text
    copy = path.with_name("changed.json")
    copy.write_text(text.replace(old, new))
    return copy


def test_a_command_writes_what_predict_forecasts(cli: Callable, saved: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = json.loads(cli("register", saved, "--at", "N=7B,D=140B", "--due", "2027-03", "--json").out)
    (path,) = tmp_path.glob("forecast-*.json")
    written, forecast = json.loads(path.read_text()), Fit.load(saved).predict(**AT)
    assert path.name == f"forecast-{written['sha256'][:12]}.json"
    assert (written["predicted"], written["interval"]) == (forecast.mean, [forecast.lo, forecast.hi])
    assert (written["at"], written["level"], written["due"]) == (AT, 0.9, "2027-03")
    provenance = Fit.load(saved).provenance
    assert provenance is not None
    assert tuple(written["provenance"]["data_sha256"]) == provenance.data_sha256
    assert written["provenance"]["command"].startswith("froude register ")
    assert answer["sha256"] == written["sha256"]


def test_whatever_is_changed_the_hash_shows_it(saved: Path, tmp_path: Path, refused: Callable) -> None:
    path = tmp_path / "forecast.json"
    register_forecast(saved, path, **AT)
    predicted = json.loads(path.read_text())["predicted"]
    for old, new in (
        (f'"predicted": {predicted}', f'"predicted": {predicted + 0.01}'),
        ('"level": 0.9', '"level": 0.8'),
        ('"due": null', '"due": "2027-03"'),
        ('"written": "20', '"written": "19'),
        ('"version": "', '"version": "9.'),
    ):
        line = refused("register", "score", change(path, old, new), "--measured", "2")
        assert line.endswith("was changed after it was written, as its hash is another: restore it from a copy")
    change(path, "{\n", "{\n\n").replace(path)  # blanks say nothing
    assert score_forecast(path, predicted).error == 0


def test_a_registered_forecast_is_not_overwritten(saved: Path, tmp_path: Path, refused: Callable) -> None:
    path = tmp_path / "forecast.json"
    before = register_forecast(saved, path, **AT)
    line = refused("register", saved, "--at", "N=8B,D=140B", "--out", path)
    assert line == f"{str(path)!r} is there, and a registered forecast is not overwritten: name another file"
    assert read_registration(path).forecast == before.forecast


def test_another_measurement_is_refused_unless_asked_for(saved: Path, tmp_path: Path, cli, refused) -> None:
    path = tmp_path / "forecast.json"
    register_forecast(saved, path, **AT)
    assert cli("register", "score", path, "--measured", "2.1").code == 0
    whole = path.read_bytes()
    assert cli("register", "score", path, "--measured", "2.1").code == 0
    line = refused("register", "score", path, "--measured", "2.2")
    assert line.startswith(f"{str(path)!r} was scored by 2.1, not 2.2: score it again only if that was wrong")
    assert read_registration(path).measured == 2.1
    assert cli("register", "score", path, "--measured", "2.2", "--again").code == 0
    assert read_registration(path).measured == 2.2
    assert path.read_bytes() == whole, "the forecast itself never changes"


def test_the_interval_score_is_that_of_gneiting_and_raftery() -> None:
    # Their eq. 43 with α = 0.1: 20 times the miss is added to the width.
    assert interval_score((1.8, 2.1), 0.9, 2.0) == pytest.approx(0.3 / 2.0)
    assert interval_score((1.8, 2.1), 0.9, 2.2) == pytest.approx((0.3 + 20 * 0.1) / 2.2)
    assert interval_score((1.8, 2.1), 0.5, 1.7) == pytest.approx((0.3 + 4 * 0.1) / 1.7)
    assert interval_score((-0.5, 0.5), 0.9, -1.0) == pytest.approx(1 + 20 * 0.5)


def test_a_folder_says_what_came_of_its_forecasts(saved: Path, tmp_path: Path, cli, refused) -> None:
    predicted = register_forecast(saved, tmp_path / "a.json", **AT).forecast.predicted
    register_forecast(saved, tmp_path / "b.json", **AT)
    register_forecast(saved, tmp_path / "c.json", due="2020-01", **AT)
    (tmp_path / "other.json").write_text("{}")
    score_forecast(tmp_path / "a.json", predicted / 1.0001)
    score_forecast(tmp_path / "b.json", predicted / 0.5)
    answer = json.loads(cli("register", "list", tmp_path, "--json").out)
    assert [Path(each["file"]).name for each in answer["forecasts"]] == ["a.json", "b.json", "c.json"]
    assert answer["summary"]["mean_error"] == pytest.approx((0.0001 - 0.5) / 2)
    assert answer["summary"]["mean_abs_error"] == pytest.approx((0.0001 + 0.5) / 2)
    assert (answer["summary"]["scored"], answer["summary"]["inside"]) == (2, 1)
    text = " ".join(cli("register", "list", tmp_path).out.split())
    assert "3 registered forecasts, 2 of them scored" in text
    assert "overdue 2020-01" in text
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refused("register", "list", empty).startswith(f"no registered forecast in {str(empty)!r}: froude register")


def test_a_month_is_overdue_when_it_is_over(saved: Path, tmp_path: Path) -> None:
    monthly = register_forecast(saved, tmp_path / "month.json", due="2027-03", **AT)
    daily = register_forecast(saved, tmp_path / "day.json", due="2027-03-10", **AT)
    days = [date(2027, 3, 10), date(2027, 3, 11), date(2027, 4, 1)]
    assert [monthly.is_overdue(day) for day in days] == [False, False, True]
    assert [daily.is_overdue(day) for day in days] == [False, True, True]


def test_bad_input_is_refused_in_a_line(saved: Path, tmp_path: Path, refused: Callable) -> None:
    path = tmp_path / "forecast.json"
    with pytest.raises(InputError, match="due = '2027-13': give a month or a day"):
        register_forecast(saved, path, due="2027-13", **AT)
    with pytest.raises(InputError, match="2 places: register one forecast at a time"):
        register_forecast(saved, path, N=[1e9, 2e9], D=1e11)
    assert not path.exists()
    register_forecast(saved, path, **AT)
    for measured in ("nan", "inf", "0"):
        assert refused("register", "score", path, "--measured", measured).endswith("measured, other than 0")
    score_forecast(path, 2.0)
    path.with_name("forecast.score.json").write_text("{}")
    assert "is no score of a forecast (format is missing)" in refused("register", "list", tmp_path)
    old = ROOT / "tests" / "fixtures" / "study_0_1_0" / "forecast.json"
    assert refused("register", "score", old, "--measured", "2").endswith("froude register fit.json --at …")


def test_a_pipe_gets_the_document_and_is_no_file_that_is_there(saved: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    made = register_forecast(saved, pipe, **AT)
    document = json.loads(os.read(descriptor, 1 << 16))
    os.close(descriptor)
    assert document["sha256"] == made.forecast.sha256 == hash_of(document)
