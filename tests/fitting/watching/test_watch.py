"""Verdicts on trainings that run: of real ones cut short, how they ended; and that their logs stay as they are."""

import hashlib
import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import froude
from froude import InputError
from froude.fitting.watching.course import Course
from froude.fitting.watching.ends import forecast_end, t_below, t_quantile
from froude.fitting.watching.process import EndProcess
from watched_trainings import FINISHED, kept_trainings, write_training, write_trainings

pytest_plugins = ["door"]


def course(run: dict) -> Course:
    """A kept training as its course."""
    at, loss = np.array(run["step"], float), np.array(run["loss"])
    settings = {name: float(run[name]) for name in ("lr", "lr_embedding", "decay_share")}
    return Course(name="run", at=at, loss=loss, end=at[-1], settings=settings)


def test_real_trainings_end_near_their_forecast_and_in_its_interval() -> None:
    courses = [course(run) for run in kept_trainings()]
    others, judged = courses[:30], courses[30:40]
    inside, errors = [], []
    for each in judged:
        cut = each.until(0.5)
        assert cut is not None
        forecast = forecast_end(cut, others)
        low, high = forecast.interval()
        inside.append(low <= each.loss[-1] <= high)
        errors.append(abs(forecast.loss / each.loss[-1] - 1))
    last = np.mean([abs(each.loss[15] / each.loss[-1] - 1) for each in judged])
    assert sum(inside) >= 7  # of 10, at 90%: fewer come by chance in one of a hundred
    assert np.mean(errors) < 0.5 * last


def test_a_forecast_goes_by_nothing_later_than_the_share() -> None:
    run = course(kept_trainings()[0])
    others = [course(each) for each in kept_trainings()[1:9]]
    cut = run.until(0.25)
    assert cut is not None
    later = Course(name="x", at=run.at, loss=np.where(run.at > 64, 9.0, run.loss), end=run.end, settings=run.settings)
    assert forecast_end(cut, others) == forecast_end(later.until(0.25) or run, others)


def test_verdicts_name_what_will_miss_a_goal_and_change_no_log(tmp_path: Path) -> None:
    runs = write_trainings(tmp_path)
    before = digests(tmp_path)
    result = froude.watch(tmp_path, goal=2.6)
    assert digests(tmp_path) == before
    assert result.finished == FINISHED
    by_name = {run.name: run for run in result.runs}
    for k in range(FINISHED, len(runs)):
        run = by_name[f"r{k}"]
        assert run.forecast is not None
        assert run.interval is not None
        assert run.interval[0] < run.forecast < run.interval[1]
        if run.says == "stop":
            assert runs[k]["loss"][-1] > 2.6
    assert {run.says for run in result.runs} >= {"stop", "on course", "finished"}


def test_a_spike_and_a_growing_gradient_are_told(tmp_path: Path) -> None:
    run = json.loads(json.dumps(kept_trainings()[5]))
    run["train_loss"][23] *= 1.5
    run["grad_norm"][20:24] = [8.0, 9.0, 9.0, 9.0]
    write_training(tmp_path / "bad", run, 24)
    signs = froude.watch(tmp_path).runs[0].signs
    assert any(sign.startswith("spike of") and "step 192" in sign for sign in signs)
    assert any(sign.startswith("gradient norm ×") for sign in signs)


def test_a_rate_from_which_others_diverge_is_told(tmp_path: Path) -> None:
    runs = [json.loads(json.dumps(run)) for run in kept_trainings()[:3]]
    for run, rate in zip(runs, (0.01, 0.1, 0.2), strict=True):
        run["lr"], run["rate"] = rate, [1.0] * 32
    runs[1]["loss"][-1] = math.inf
    for name, run, points in zip("abc", runs, (32, 32, 16), strict=True):
        write_training(tmp_path / name, run, points)
    by_name = {run.name: run for run in froude.watch(tmp_path).runs}
    assert by_name["b"].says == "diverged"
    assert any("learning rate 0.2" in sign for sign in by_name["c"].signs)


def test_logs_of_other_kinds_that_are_left_out_are_said(tmp_path: Path) -> None:
    write_training(tmp_path, kept_trainings()[0], 16)
    (tmp_path / "metrics.csv").write_text("epoch,step,train_loss\n0,9,3.1\n0,19,2.9\n")
    (note,) = [note for note in froude.watch(tmp_path).notes if "left out" in note]
    assert "CSV" in note


def test_the_command_leaves_with_3_and_calls_for_each_to_stop(cli, tmp_path: Path) -> None:
    write_trainings(tmp_path / "logs")
    called = f"{sys.executable} -c \"open('{tmp_path}/called', 'a').write('{{name}} ')\""
    done = cli("watch", tmp_path / "logs", "--goal", "2.6", "--json", "--on-stop", called)
    assert done.code == 3
    stop = json.loads(done.out.splitlines()[-1])["stop"]
    assert (tmp_path / "called").read_text().split() == stop != []


def test_what_is_no_log_is_refused_in_one_line(cli, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"nothing")
    done = cli("watch", tmp_path / "x.bin")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    with pytest.raises(InputError, match="goal"):
        froude.watch(write_and_name(tmp_path), goal=-1.0)


def write_and_name(folder: Path) -> Path:
    """A folder of trainings."""
    write_trainings(folder / "some")
    return folder / "some"


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder with its hash."""
    paths = [Path(place) / name for place, _, names in os.walk(folder) for name in names]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.parametrize("freedom", [4.0, 7.5, 30.0])
def test_the_t_distribution_agrees_with_scipy(freedom: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    for value in (-6.0, -2.0, -0.3, 0.7, 3.0):
        assert t_below(value, freedom) == pytest.approx(stats.t.cdf(value, freedom), abs=2e-3)
    assert t_quantile(0.95, freedom) == pytest.approx(stats.t.ppf(0.95, freedom), rel=0.02)


def test_errors_left_out_are_those_of_a_process_fitted_without() -> None:
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    whole = EndProcess.fit(z, y)
    inner, noise = whole.kernel, whole.kernel.noise
    scaled, values = whole.features, (y - whole.mean) / whole.spread
    keep = np.arange(12) != 3
    weights = np.linalg.solve(inner.between(scaled[keep], scaled[keep]) + noise * np.eye(11), values[keep])
    forecast = inner.between(scaled[3:4], scaled[keep]) @ weights
    assert whole.left_out[3] == pytest.approx(whole.spread * (values[3] - forecast[0]), abs=1e-6)
