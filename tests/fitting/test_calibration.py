"""Calibration: what is learned from published studies, and how it is judged."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from froude import InputError, get_law, get_published
from froude.fitting.calibration import (
    Case,
    as_unseen,
    best_in_hindsight,
    constant_half_width,
    coverage_of,
    judge,
    learn,
    leave_one_out,
    mean_over_studies,
    read_cases,
)
from froude.fitting.coverage import summarise
from froude.fitting.extrapolation import Extrapolation, read_learned, shipped
from froude.fitting.outcomes import LAWS
from judged import judged_case, studies
from mutants import outcome, toml_mutants
from paths import ROOT

pytest_plugins = ["door"]
CASES = ROOT / "benchmarks" / "calibration_cases.toml"
TRUTH = get_law("chinchilla").published["besiroglu-2024"]


def test_intervals_learned_from_some_studies_hold_on_others() -> None:
    others = leave_one_out(studies())
    for level in (0.5, 0.8, 0.9):
        coverage = mean_over_studies(
            studies(), lambda each, level=level: coverage_of(each, others[each.case.study], level)
        )
        # One in twelve studies more is asked for than the level, as the next one may be the worst.
        assert level - 0.02 < coverage < level + 0.1


def test_a_planted_drift_is_learned() -> None:
    found = learn(studies()).other
    assert found.drift == pytest.approx(0.02, rel=0.1)
    # 13/12 of 90% is asked for: a normal reaches 2.24 deviations there, 1.36 times those of 90%.
    assert found.stretch[0.9] == pytest.approx(1.36, rel=0.1)


def test_a_study_of_many_cases_teaches_no_more_than_one_of_few() -> None:
    calm = [judged_case("calm", drift=0.01, seed=k) for k in range(9)]
    wild = [judged_case("wild", drift=0.03, seed=100)]
    both = learn([*calm, *wild]).other.drift
    assert both == pytest.approx(learn([*calm[:1], *wild]).other.drift, rel=0.1)
    assert both > 0.019


def test_a_planted_bias_is_learned_and_taken_out_of_other_studies() -> None:
    cases = [judged_case(f"study {k}", drift=0.005, seed=k, bias=0.01) for k in range(6)]
    assert np.mean([each.signed_error for each in cases]) == pytest.approx(0.0175, abs=0.002)
    others = leave_one_out(cases)
    assert all(each.average.bias["a"] == pytest.approx(0.01, abs=5e-4) for each in others.values())
    unseen = as_unseen(cases, others)
    assert np.mean([each.signed_error for each in unseen]) == pytest.approx(0.0, abs=0.001)
    assert mean_over_studies(unseen, lambda each: coverage_of(each, others[each.case.study], 0.9)) > 0.85
    # What is left grows by the drift alone; where no bias is taken out, by both.
    found = learn(cases)
    assert found.average.drift == pytest.approx(0.005, rel=0.1)
    assert found.other.drift == pytest.approx(np.hypot(0.005, 0.01), rel=0.1)


def test_the_hold_outs_of_a_case_move_the_bias_that_is_taken_out_of_it() -> None:
    case = judged_case("one", drift=0.0, seed=0, bias=0.01)
    assert case.with_bias({"a": 0.01}).weighed.bias == pytest.approx(0.01, rel=1e-6)
    assert 0.0 < case.with_bias({"a": 0.0}).weighed.bias < 0.002  # two cuts beside the weight of twenty
    right = judged_case("one", drift=0.0, seed=0, bias=0.0)
    assert right.with_bias({"a": 0.01}).weighed.bias == 0.0


def test_a_constant_half_width_holds_the_share_that_it_should() -> None:
    cases = studies()
    half = constant_half_width(cases, 0.9)
    inside = [np.mean(np.abs(each.errors) <= half) for each in cases]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.002)


def test_the_best_law_over_all_studies_is_that_of_hindsight() -> None:
    cases = studies()
    expected = np.mean([np.mean(np.abs(np.expm1(each.errors))) for each in cases])
    assert best_in_hindsight(cases) == pytest.approx(expected)
    assert summarise(cases)["hindsight"] == pytest.approx(expected)


def test_what_is_learned_survives_its_file() -> None:
    found = learn(studies())
    assert read_learned(json.loads(json.dumps(found.to_dict()))) == found


def test_the_stretch_between_levels_lies_between_theirs() -> None:
    found = Extrapolation(bias={}, drift=0.02, farthest=5.0, stretch={0.5: 1.0, 0.9: 2.0}, studies=())
    assert found.stretch_at(0.7) == pytest.approx(1.5)
    assert (found.stretch_at(0.1), found.stretch_at(0.99)) == (1.0, 2.0)


def test_what_ships_was_learned_from_registered_studies() -> None:
    for each in (shipped().average, shipped().other):
        assert len(each.studies) >= 6
        assert [get_published(study).id for study in each.studies] == list(each.studies)
        assert 0.005 < each.drift < 0.05
    assert {*shipped().average.bias} == {*LAWS["loss"][0]}


def test_the_cases_that_judge_are_of_registered_tables_and_enough() -> None:
    cases = read_cases(CASES)
    assert len(cases) >= 18
    assert {each.study for each in cases} == {*shipped().average.studies}
    for each in cases:
        assert get_published(each.study).file(each.file)


def chinchilla_like(seed: int, noise: float = 0.004) -> str:
    rng = np.random.default_rng(seed)
    N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e8, 3e9, 6), np.geomspace(2e9, 6e10, 6)))
    loss = get_law("chinchilla")(N=N, D=D, **TRUTH) * np.exp(noise * rng.standard_normal(N.size))
    rows = zip(N, D, 6 * N * D, loss, strict=True)
    return "N,D,C,loss\n" + "".join(",".join(map(repr, map(float, row))) + "\n" for row in rows)


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two planted tables under the names of published ones, and a file of cases."""
    for study, file, seed in (("chinchilla_epoch", "chinchilla_fig4.csv", 1), ("datablations", "runs.csv", 2)):
        (tmp_path / study).mkdir()
        (tmp_path / study / file).write_text(chinchilla_like(seed))
    case = '[[case]]\nname = "{0}"\nstudy = "{0}"\nhold_out = "C > 1e20"\n'
    (tmp_path / "cases.toml").write_text(case.format("chinchilla_epoch") + case.format("datablations"))
    monkeypatch.setenv("FROUDE_PUBLISHED", str(tmp_path))
    return tmp_path


def test_a_case_is_forecast_from_its_smaller_runs_only(tables: Path) -> None:
    (case, _) = read_cases(tables / "cases.toml")
    found = judge(case)
    assert found.n_fit + found.errors.size == 36
    assert found.errors.size == (case.runs()["C"] > 1e20).sum()
    assert np.all(found.reaches >= 0)
    assert found.mean_error < 0.02  # noise of 0.4%, a short way, and a bias taken out that planted runs do not have


@pytest.mark.slow
def test_calibrate_writes_document_picture_and_what_was_learned(cli, tables: Path) -> None:
    out, found = tables / "docs" / "calibration.md", tables / "learned.json"
    done = cli("calibrate", tables / "cases.toml", "--out", out, "--learned", found, "--json")
    assert done.code == 0
    said = json.loads(done.out.splitlines()[-1])
    assert said["summary"]["cases"] == 2
    assert json.loads(found.read_text()) == said["learned"]
    assert out.with_suffix(".svg").read_bytes().startswith(b"<?xml")
    text = out.read_text()
    assert f"{said['summary']['mean_error']:.2%}" in text
    assert f"{said['learned']['average']['drift']:.2%}" in text


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ("", "it has no [[case]]"),
        ("x = [", "is no TOML"),
        ('[[case]]\nname = "a"\nstudy = "chinchilla_epoch"\n', "has no hold_out: add it"),
        ('[[case]]\nname = "a"\nstudy = "b"\nhold_out = "C > 1"\ncut = 3\n', "has 'cut', which means nothing"),
        ('[[case]]\nname = "a"\nstudy = "chinchila"\nhold_out = "C > 1"\n', "no published table is called 'chinchila'"),
        ('[[case]]\nname = "a"\nstudy = "chinchilla_epoch"\nhold_out = "C > 1"\n', "holds out 36 of 36 runs"),
        ('[[case]]\nname = "a"\nstudy = "chinchilla_epoch"\nhold_out = "C > 1e20"\n', "all of chinchilla_epoch"),
    ],
)
def test_cases_that_make_no_sense_are_refused_and_nothing_is_written(refused, tables: Path, cases: str, said: str):
    (tables / "bad.toml").write_text(cases)
    out = tables / "docs" / "calibration.md"
    assert said in refused("calibrate", tables / "bad.toml", "--out", out)
    assert not out.exists()


def test_a_missing_file_of_cases_is_refused(refused, tmp_path: Path) -> None:
    assert "give a file of calibration cases" in refused("calibrate", tmp_path / "none.toml")


def test_a_case_keeps_the_best_of_equal_runs(tables: Path) -> None:
    path = tables / "chinchilla_epoch" / "chinchilla_fig4.csv"
    worse = "\n".join(line.rsplit(",", 1)[0] + ",9.9" for line in path.read_text().splitlines()[1:])
    path.write_text(path.read_text() + worse + "\n")
    case = Case(name="a", study="chinchilla_epoch", hold_out="C > 1e20", best=("N", "D"))
    assert len(case.runs()) == 36
    assert case.runs()["loss"].max() < 9
    with pytest.raises(InputError, match="no column 'M'"):
        Case(name="a", study="chinchilla_epoch", hold_out="C > 1", best=("M",)).runs()


CASE_FILE = {
    "case": [
        {
            "name": "large", "study": "chinchilla_epoch", "file": "chinchilla_fig4.csv", "columns": {"loss": "loss"},
            "where": "D > 3e9", "why": "tried", "hold_out": "C > 1e20", "best": ["N", "D"], "x": "C", "curve": False,
        },
        {"name": "b", "study": "datablations", "hold_out": "C > 1e20"},
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"[[case]]\nname='\xff'\n", "it is not UTF-8: byte 16 is 0xff"),
        (b"case = 3\n", "case is 3, not a list"),
        (b"case = [3]\n", "case[0] is 3, not a table of keys and values"),
        (b"[[case]]\nname = 3\nstudy = 'a'\nhold_out = 'C > 1'\n", "case[0].name is 3, not a text"),
        (b"[[case]]\nname = 'a'\nstudy = 'a'\nhold_out = 'C > 1'\nbest = 'N'\n", "case[0].best is 'N', not a list"),
        (
            b"[[case]]\nname = 'a'\nstudy = 'a'\nhold_out = 'C > 1'\ncolumns = { loss = 3 }\n",
            "case[0].columns.loss is 3",
        ),
    ],
)
def test_a_file_of_cases_with_a_wrong_value_is_refused(tmp_path: Path, body: bytes, fault: str) -> None:
    (tmp_path / "cases.toml").write_bytes(body)
    with pytest.raises(InputError) as caught:
        read_cases(tmp_path / "cases.toml")
    assert f"cases.toml' is no file of calibration cases ({fault}" in str(caught.value)


def test_cases_that_forecast_no_larger_run_teach_nothing() -> None:
    judged = judged_case("calm", drift=0.01, seed=1)
    with pytest.raises(InputError, match="'calm 1' hold out no run larger than all others"):
        learn([replace(judged, reaches=0 * judged.reaches)])


def split(path: Path) -> None:
    """What is asked of cases before anything is fitted."""
    for case in read_cases(path):
        case.runs().mask(case.hold_out)


def test_a_mutated_file_of_cases_is_refused_in_a_line_or_splits_runs(tables: Path) -> None:
    lines = []
    for body in toml_mutants(CASE_FILE, 0, 80):
        (tables / "cases.toml").write_bytes(body)
        lines.append(outcome(lambda: split(tables / "cases.toml")))
    assert None in lines
    assert len([line for line in lines if line]) > 30
