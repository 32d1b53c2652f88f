"""The commands that need no training: what they print, on a terminal and as JSON."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from froude import all_laws, get_law
from froude.answers.strict_json import strict
from froude.runs import Study
from planted import CHINCHILLA, QUICK, planted, write_csv

pytest_plugins = ["door"]


def test_fit_prints_the_planted_law_with_intervals_around_it(cli, table):
    answer = json.loads(cli("fit", table, *QUICK, "--json").out)
    assert list(answer) == [
        *("law", "n", "diverged", "params", "intervals", "level"),
        *("residual", "objective", "gradient", "starts", "warnings"),
        *("error", "drift", "bias", "hold_outs", "provenance", "kind", "derived", "notes", "rows"),
    ]
    assert (answer["law"], answer["n"], answer["diverged"], answer["residual"]) == ("chinchilla", 36, 0, "log")
    assert answer["starts"] == {"tried": 27, "agree": 27}
    for name in ("alpha", "beta", "E"):
        lo, hi = answer["intervals"][name]
        assert lo < answer["params"][name] < hi
        assert answer["params"][name] == pytest.approx(CHINCHILLA[name], rel=0.1)


def test_fit_shows_law_numbers_agreement_error_and_the_next_step(cli, table, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = cli("fit", table, *QUICK, "--out", tmp_path / "f.json")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "chinchilla: loss = E + A·N^-alpha + B·D^-beta"
    assert [line.split()[0] for line in lines[4:9]] == ["E", "A", "alpha", "B", "beta"]
    assert "36 runs fitted; the law is off by " in done.out
    assert "all 27 random starts end at these numbers" in done.out
    assert "C = 6·N·D, derived" in done.out
    assert lines[-1] == f"saved: froude predict {tmp_path / 'f.json'} --at N=…,D=…"
    assert all(len(line) <= 80 for line in lines[:-1])


def test_the_published_points_give_the_known_objective(cli, published):
    points = published("chinchilla_epoch/chinchilla_fig4.csv")
    answer = json.loads(cli("fit", points, *QUICK, "--json").out)
    assert answer["n"] == 245
    assert answer["starts"] == {"tried": 27, "agree": 27}
    assert answer["objective"] == pytest.approx(0.00182601052, rel=1e-6)


def test_runs_without_noise_give_the_objective_zero(cli, tmp_path):
    answer = json.loads(cli("fit", write_csv(tmp_path / "runs.csv", planted(noise=0.0)), *QUICK, "--json").out)
    assert answer["objective"] < 1e-12
    assert answer["params"] == pytest.approx(CHINCHILLA, rel=1e-4)


def test_where_may_name_mapped_roles_and_derived_columns(cli, tmp_path):
    columns = planted()
    path = write_csv(
        tmp_path / "runs.csv",
        {"size": columns["N"], "seen": columns["D"], "outcome": columns["loss"], "tag": ["a", "b"] * 18},
    )
    mapping = ("--columns", "N=size, D=seen,loss=outcome")
    answer = json.loads(cli("fit", path, *mapping, "--where", "C < 1e21 AND tag = 'a'", *QUICK, "--json").out)
    compute = 6 * columns["N"] * columns["D"]
    assert answer["n"] == int(np.sum(compute[::2] < 1e21))
    assert "N is the column 'size'; D is the column 'seen'" in cli("fit", path, *mapping, *QUICK).out


def test_a_power_law_is_fitted_over_the_input_asked_for(cli, tmp_path):
    N = np.geomspace(1e6, 1e9, 12)
    path = write_csv(tmp_path / "runs.csv", {"N": N, "loss": 20 * N**-0.1})
    done = cli("fit", path, "--law", "power", "--x", "N", *QUICK)
    assert done.out.startswith("power: loss = A·N^-alpha\n")
    answer = json.loads(cli("fit", path, "--law", "power", "--x", "N", *QUICK, "--json").out)
    assert answer["params"] == pytest.approx({"A": 20, "alpha": 0.1}, rel=1e-6)


def test_another_outcome_is_fitted_when_it_is_named(cli, tmp_path):
    columns = planted()
    path = write_csv(tmp_path / "runs.csv", columns | {"loss": np.ones(36), "perplexity": columns["loss"]})
    answer = json.loads(cli("fit", path, "--y", "perplexity", *QUICK, "--json").out)
    assert answer["params"]["E"] == pytest.approx(CHINCHILLA["E"], rel=0.1)


def test_diverged_runs_are_counted_and_not_fitted(cli, tmp_path):
    columns = planted()
    columns["loss"][[3, 7]] = np.nan, np.inf
    done = cli("fit", write_csv(tmp_path / "runs.csv", columns), *QUICK, "--json")
    answer = json.loads(done.out)
    assert (done.code, answer["n"], answer["diverged"]) == (0, 34, 2)
    assert "2 runs diverged and were left out: row 4, row 8" in answer["warnings"]


def test_a_study_folder_is_a_table(cli, tmp_path):
    study = Study.create(tmp_path / "study", {"kind": "planted"})
    columns = planted()
    for i in range(36):
        with study.writer({"i": i, "N": columns["N"][i], "D": columns["D"][i]}) as writer:
            writer.finish(loss=columns["loss"][i])
    answer = json.loads(cli("fit", study.path, *QUICK, "--json").out)
    assert answer["n"] == 36
    assert answer["params"]["alpha"] == pytest.approx(CHINCHILLA["alpha"], rel=0.1)


def test_a_last_line_cut_short_is_left_out_and_told_in_the_answer(cli, tmp_path):
    rows = [dict(zip("NDL", map(float, row), strict=True)) for row in zip(*planted().values(), strict=True)]
    text = "\n".join(json.dumps({"N": r["N"], "D": r["D"], "loss": r["L"]}) for r in rows)
    (tmp_path / "runs.jsonl").write_text(text[:-9])
    done = cli("fit", tmp_path / "runs.jsonl", *QUICK, "--json")
    assert (done.code, json.loads(done.out)["n"]) == (0, 35)
    assert json.loads(done.out)["notes"] == ["the last line is cut short and was left out"]
    assert "the last line is cut short and was left out" in cli("fit", tmp_path / "runs.jsonl", *QUICK).out


def test_the_same_seed_gives_the_same_output(cli, table):
    first, again, other = (cli("fit", table, *QUICK, "--seed", seed, "--json").out for seed in (1, 1, 2))
    assert first == again != other


def test_predict_gives_the_planted_loss_far_out_within_its_interval(cli, saved):
    (one,) = json.loads(cli("predict", saved, "--at", "N=70B,D=1.4T", "--json").out)
    assert list(one) == [
        *("at", "mean", "interval", "level", "beyond", "distance", "taken_out", "checked_to", "warnings"),
        "provenance",
    ]
    assert (one["at"], one["level"]) == ({"N": 70e9, "D": 1.4e12}, 0.9)
    truth = get_law("chinchilla")(N=70e9, D=1.4e12, **CHINCHILLA)
    assert one["interval"][0] < truth < one["interval"][1]


def test_predict_says_how_probable_a_goal_is(cli, saved):
    at = ("--at", "N=70B,D=1.4T", "--at", "N=1B,D=20B", "--below", "2.0")
    first, second = json.loads(cli("predict", saved, *at, "--json").out)
    assert first["below"]["goal"] == 2.0
    assert 0.2 < first["below"]["probability"] < 0.8
    assert second["below"]["probability"] < 1e-6
    lines = cli("predict", saved, *at).out.splitlines()
    assert "below 2" in lines[2]
    assert ("%" in lines[4], "under 1%" in lines[5]) == (True, True)


def test_quantities_may_be_written_in_any_customary_way(cli, saved):
    several = [
        word for at in ("N=70B,D=1.4T", "N=7e10,D=1400 billion", "D=1.4e12,N=70,000,000,000") for word in ("--at", at)
    ]
    first, *rest = json.loads(cli("predict", saved, *several, "--json").out)
    assert rest == [first, first]


def test_the_mean_of_many_runs_is_surer_than_one_run(cli, saved):
    width = {}
    for of in ("run", "mean"):
        (one,) = json.loads(cli("predict", saved, "--at", "N=1B,D=20B", "--of", of, "--json").out)
        width[of] = one["interval"][1] - one["interval"][0]
    assert width["mean"] < width["run"]


def test_predict_prints_a_row_for_each_place(cli, saved):
    done = cli("predict", saved, "--at", "N=70B,D=1.4T", "--at", "N=7e9,D=300B")
    lines = done.out.splitlines()
    assert lines[0] == "loss of one run, by chinchilla"
    assert lines[2].split() == ["N", "D", "forecast", "90%", "interval", "beyond", "the", "runs"]
    assert [line.split()[:2] for line in lines[4:6]] == [["70B", "1.4T"], ["7B", "300B"]]


def test_backtest_predicts_planted_runs_and_a_wrong_law_does_worse(cli, table):
    words = ("backtest", table, "--law", "chinchilla, power", "--hold-out", "C > 1e21", *QUICK)
    right, wrong = json.loads(cli(*words, "--json").out)["laws"]
    assert list(right) == [
        *("law", "hold_out", "mean_abs_rel_error", "worst_abs_rel_error", "coverage"),
        *("mean_half_width", "level", "n_fit", "n_held_out", "warnings", "provenance"),
    ]
    columns = planted()
    n_held_out = int(np.sum(6 * columns["N"] * columns["D"] > 1e21))
    assert (right["n_held_out"], right["n_fit"], right["level"]) == (n_held_out, 36 - n_held_out, 0.9)
    assert right["mean_abs_rel_error"] < 0.01 < wrong["mean_abs_rel_error"]
    shown = cli(*words).out
    assert shown.startswith(f"{n_held_out} runs held out (C > 1e21), predicted from {36 - n_held_out}\n")
    assert [line.split()[0] for line in shown.splitlines()[4:6]] == ["chinchilla", "power"]
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_backtest_takes_power_laws_over_the_input_asked_for(cli, table):
    words = ("backtest", table, "--law", "power", "--hold-out", "N > 5e9", *QUICK, "--json")
    errors = {x: json.loads(cli(*words, "--x", x).out)["laws"][0]["mean_abs_rel_error"] for x in ("N", "D")}
    assert errors["N"] != errors["D"]


def test_laws_are_listed_by_family_within_the_width_of_a_terminal(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli("laws").out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    heads = [head[1] for line in lines if (head := re.match(r"([\w-]+): ", line))]
    assert heads == [*dict.fromkeys(law.family for law in all_laws())]
    listed = [line.split()[0] for line in lines if re.match(r"  \S", line)]
    assert [name for name in listed if name in {law.name for law in all_laws()}] == [law.name for law in all_laws()]
    words = " ".join(" ".join(lines).split())
    assert all(law.about in words for law in all_laws())


def test_one_family_of_laws_is_listed(cli):
    lines = cli("laws", "--family", "kaplan").out.splitlines()
    assert lines[0] == "6 laws, by family"
    assert lines[2].startswith("kaplan: Kaplan's joint laws")
    assert {law.name for law in all_laws("kaplan")} <= {line.split()[0] for line in lines if re.match(r"  \S", line)}
    names = [law["name"] for law in json.loads(cli("laws", "--family", "kaplan", "--json").out)]
    assert names == [law.name for law in all_laws("kaplan")]


def test_a_law_shows_domain_claims_constants_warnings_and_tests(cli):
    shown = " ".join(cli("laws", "chinchilla").out.split())
    for piece in (
        *("E + A·N^-alpha + B·D^-beta", "arXiv:2203.15556", "482.01", "wrong when", "alpha exponent"),
        *("N in parameters, measured from 40M to 20B", "falls with N and D", "whatever the parameters"),
        "hoffmann-2022: E = 1.69, A = 406.4, alpha = 0.34, B = 410.7, beta = 0.28 (rounded in the paper:",
        "1.93665 at N = 70B, D = 1.4T under hoffmann-2022",
    ):
        assert piece in shown


def test_a_law_of_one_input_is_shown_with_the_constants_of_each_input(cli):
    shown = " ".join(cli("laws", "power").out.split())
    assert "kaplan-2020 over N: A = 11.4757, alpha = 0.076" in shown
    assert "hestness-2017-word-lm over D: A = 11.9, alpha = 0.066" in shown
    assert "C in FLOP, measured from 10¹⁷ to 10²³; or N in parameters" in shown
    (law,) = json.loads(cli("laws", "power", "--json").out)
    assert set(law["over"]) == {"N", "D", "C"}
    assert law["published"] == law["over"]["C"]


def test_a_lever_says_what_it_replaces_and_how_to_write_that(cli):
    for lever in (law for law in all_laws() if law.is_lever):
        shown = " ".join(cli("laws", lever.name).out.split())
        assert f"predicts effective {lever.unit}" in shown
        (composed,) = re.findall(r"as in (\S+\])", shown)
        done = cli("laws", composed)
        assert (done.code, done.out.startswith(f"{composed}: ")) == (0, True)
        assert "no constants of its own; those of its parts serve" in " ".join(done.out.split())


def test_an_average_of_laws_is_shown_with_its_members(cli):
    name = "chinchilla 60% + kaplan-floor 40%"
    assert "chinchilla.alpha exponent" in " ".join(cli("laws", name).out.split())
    (law,) = json.loads(cli("laws", name, "--json").out)
    assert law["members"] == {"chinchilla": 0.6, "kaplan-floor": 0.4}


def test_a_law_as_json_carries_all_that_is_said_of_it(cli):
    (law,) = json.loads(cli("laws", "chinchilla", "--json").out)
    assert (law["family"], law["domain"]["N"]) == ("chinchilla", [4e7, 2e10])
    assert law["claims"] == {"N": "falls", "D": "falls"}
    assert law["parameters"]["E"] == "floor"
    assert law["published"]["hoffmann-2022"]["A"] == 406.4
    assert law["examples"][0] == {"constants": "hoffmann-2022", "at": {"N": 70e9, "D": 1.4e12}, "gives": 1.93665}
    levers = {law["name"] for law in json.loads(cli("laws", "--json").out) if law["lever"]}
    assert levers == {law.name for law in all_laws() if law.is_lever}


def test_the_document_on_laws_is_written_where_it_is_wanted(cli, tmp_path, monkeypatch):
    few = (get_law("chinchilla"), get_law("power"))
    monkeypatch.setattr("froude.laws.all_laws", lambda family=None: few)
    done = cli("laws", "--docs", tmp_path / "new")
    assert (done.code, done.err) == (0, "")
    assert (
        " ".join(done.out.split()) == f"written: {tmp_path / 'new/laws.md'} and 2 pictures in {tmp_path / 'new/laws'}"
    )
    assert "### chinchilla\n" in (tmp_path / "new/laws.md").read_text()
    answer = json.loads(cli("laws", "--docs", tmp_path / "new", "--json").out)
    assert answer["document"] == str(tmp_path / "new/laws.md")
    assert all(Path(path).stat().st_size for path in answer["pictures"])


@pytest.mark.slow
def test_what_cannot_be_listed_or_written_is_refused_in_one_line(cli, refused, tmp_path):
    line = refused("laws", "--family", "kapln")
    assert line.startswith("no family of laws is called 'kapln': there are power, ")
    assert refused("laws", "chinchilla", "--family", "kaplan") == (
        "a NAME, --family, --search and --docs exclude one another: give one of them"
    )
    (tmp_path / "file").touch()
    assert str(tmp_path / "file" / "laws") in refused("laws", "--docs", tmp_path / "file")


def test_report_writes_the_page_and_prints_where(cli, tmp_path, monkeypatch):
    study = Study.create(tmp_path / "study", {"kind": "planted"})
    page = study.path / "report.html"
    monkeypatch.setattr("froude.reporting.write_report", lambda study: study.path / "report.html")
    assert cli("report", study.path) == (0, f"{page}\n", "")
    done = cli("report", study.path, "--json")
    assert (done.code, json.loads(done.out)["report"], done.err) == (0, str(page), "")


def test_json_has_no_nan_and_keeps_every_number_that_is_there():
    value = {
        "a": float("nan"),
        "b": [float("inf"), 0.0, -1.5, 0],
        "c": (1, "x"),
        "d": False,
        "e": np.float64(2),
    }
    assert strict(value) == {"a": None, "b": [None, 0.0, -1.5, 0], "c": [1, "x"], "d": False, "e": 2.0}


def test_a_condition_leaves_rows_out_before_any_is_refused(cli, refused, tmp_path):
    columns: dict[str, Any] = planted()
    columns["tag"] = ["a"] * 35 + ["b"]
    columns["N"] = [*columns["N"][:35], "many"]
    path = write_csv(tmp_path / "runs.csv", columns)
    assert "row 36: 'many' is not a number of parameters" in refused("fit", path)
    done = cli("fit", path, "--where", "tag = 'a'", *QUICK, "--json")
    assert (done.code, json.loads(done.out)["n"]) == (0, 35)


def test_a_row_without_a_loss_is_counted_apart_from_one_that_diverged(cli, tmp_path):
    columns: dict[str, Any] = planted()
    columns["State"] = ["finished", "crashed", "failed", *["finished"] * 33]
    columns["loss"] = [*columns["loss"][:1], "", "NaN", *columns["loss"][3:]]
    warnings = json.loads(cli("fit", write_csv(tmp_path / "runs.csv", columns), *QUICK, "--json").out)["warnings"]
    assert "1 run diverged and was left out: row 3" in warnings
    assert "1 row has no loss and was left out: row 2 (crashed)" in warnings


def test_a_columns_name_may_hold_a_comma(cli, tmp_path):
    columns = planted()
    path = write_csv(
        tmp_path / "runs.csv", {"Size": columns["N"], '"D (tokens, bn)"': columns["D"] / 1e9, "loss": columns["loss"]}
    )
    answer = json.loads(cli("fit", path, *QUICK, "--columns", "N=Size,D=D (tokens, bn)", "--json").out)
    assert "D is the column 'D (tokens, bn)' times 1e9, the unit in its name" in answer["notes"]


def test_a_row_that_lacks_an_input_of_the_law_is_left_out_and_said(cli, tmp_path):
    columns: dict[str, Any] = planted()
    columns["D"] = ["", *columns["D"][1:]]
    path = write_csv(tmp_path / "runs.csv", columns)
    answer = json.loads(cli("fit", path, *QUICK, "--json").out)
    assert (answer["n"], "1 row has no D and was left out: row 1" in answer["warnings"]) == (35, True)
    assert json.loads(cli("fit", path, "--law", "power", "--x", "N", "--draws", "20", "--json").out)["n"] == 36
