"""Bad input, wrong usage, interrupts and closed pipes: one line, an exit code, no traceback."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import froude
import froude.engines.local as local_engine
from froude import InputError
from froude.engines import TaskFailedError, WorkerDiedError
from froude.runs import Study
from planted import QUICK, planted, write_csv

pytest_plugins = ["door"]

AGAIN = "give the same command again, nothing finished is lost"


def test_a_missing_file_is_refused(refused):
    assert refused("fit", "nix.csv") == "no file or folder 'nix.csv': check the path"


def test_an_empty_file_is_refused(refused, tmp_path):
    (tmp_path / "runs.csv").write_text("")
    assert f"{str(tmp_path / 'runs.csv')!r} is empty: give a table" in refused("fit", tmp_path / "runs.csv")
    (tmp_path / "runs.csv").write_text("N,D,loss\n")
    assert "holds no runs: give a table" in refused("fit", tmp_path / "runs.csv")


def test_a_folder_that_is_no_study_is_refused(refused, tmp_path):
    expected = f"{str(tmp_path)!r} is no study: give a folder with a study.json, or one of logs that are known"
    assert refused("fit", tmp_path) == expected
    assert refused("report", tmp_path) == expected


def test_a_study_without_runs_is_refused_by_report(refused, tmp_path):
    Study.create(tmp_path / "study", {})
    assert "has no finished run" in refused("report", tmp_path / "study")


def test_an_unknown_kind_of_file_is_refused(refused, tmp_path):
    (tmp_path / "runs.npz").write_text("x")
    line = refused("fit", tmp_path / "runs.npz")
    assert "is of a type not read: give JSON of load tests" in line
    assert "logs of trackers and trainers, .csv" in line


def test_a_wrong_column_name_is_refused_and_the_nearest_suggested(refused, table):
    for words in (("--columns", "N=los"), ("--y", "los"), ("--where", "los < 3")):
        assert "no column 'los': did you mean 'loss'?" in refused("fit", table, *words)
    assert "no column 'Loss': did you mean 'loss'?" in refused("backtest", table, "--hold-out", "Loss > 3")


@pytest.mark.parametrize("columns", ["N", "N=", "=a", "N=a,", "N=a,N=b", "Q=loss"])
def test_a_mapping_that_is_none_is_refused(refused, table, columns):
    line = refused("fit", table, "--columns", columns)
    assert "--columns" in line
    assert repr(columns) in line or repr(columns[0]) in line


@pytest.mark.parametrize("value", ["many", "-7", "0", "inf"])
@pytest.mark.parametrize("role", ["N", "D"])
def test_sizes_that_are_not_positive_are_refused_with_row_and_value(refused, tmp_path, role, value):
    columns: dict[str, Any] = planted()
    columns[role] = [*columns[role][:4], value, *columns[role][5:]]
    line = refused("fit", write_csv(tmp_path / "runs.csv", columns))
    assert f"column {role!r}, row 5: " in line
    assert value.lstrip("-") in line


def test_fewer_runs_than_parameters_are_refused(refused, table):
    assert refused("fit", table, "--where", "N < 2e8 AND D < 4e9") == (
        "chinchilla has 5 parameters and there are only 1 runs with a finite loss: "
        "add runs or choose a law with fewer parameters"
    )


def test_a_condition_that_leaves_no_run_is_refused(refused, table):
    assert refused("fit", table, "--where", "N < 0") == ("--where 'N < 0' leaves none of 36 runs: loosen the condition")


def test_one_distinct_size_is_refused(refused, tmp_path):
    columns = planted() | {"N": np.full(36, 1e9)}
    assert refused("fit", write_csv(tmp_path / "runs.csv", columns)) == (
        "N has one value, 1e+09: chinchilla needs runs that differ in N; add some, or choose a law without N"
    )


def test_losses_that_are_all_equal_are_refused(refused, tmp_path):
    columns = planted() | {"loss": np.full(36, 2.5)}
    assert refused("fit", write_csv(tmp_path / "runs.csv", columns)) == (
        "every run has the same loss, 2.5: there is nothing to fit; check the column loss"
    )


def test_a_loss_that_has_no_logarithm_is_refused_naming_the_row(refused, tmp_path):
    columns: dict[str, Any] = planted() | {"name": [f"r{i}" for i in range(36)]}
    columns["loss"][9] = -1.5
    assert refused("fit", write_csv(tmp_path / "runs.csv", columns)) == (
        "row 10 (r9) has loss = -1.5: chinchilla is fitted to logarithms and needs loss > 0; "
        "leave the row out with --where"
    )


def test_a_broken_line_before_the_last_is_refused(refused, tmp_path):
    (tmp_path / "runs.jsonl").write_text('{"N": 1}\n{"N": \n{"N": 2}\n')
    assert "line 2 is no JSON object" in refused("fit", tmp_path / "runs.jsonl")


def test_an_unknown_law_is_refused_and_the_nearest_suggested(refused, table):
    expected = "no law is called 'chincila': did you mean chinchilla?"
    assert refused("laws", "chincila") == expected
    assert refused("fit", table, "--law", "chincila") == expected
    assert refused("backtest", table, "--law", "power,chincila", "--hold-out", "C > 1e21") == expected
    assert refused("laws", "zzz") == "no law is called 'zzz': froude laws lists them"


def test_a_law_over_an_input_it_has_not_is_refused(refused, table):
    assert refused("fit", table, "--law", "power", "--x", "Z").startswith("power is no law of Z alone")
    assert refused("fit", table, "--x", "N").startswith("chinchilla is no law of N alone")


@pytest.mark.parametrize("condition", ["C <", "C < 1e21 AND", "N > 7B", "loss", "1 < 2", "", "N = 'a"])
def test_what_is_no_condition_is_refused(refused, table, condition):
    assert repr(condition) in refused("fit", table, "--where", condition)
    assert repr(condition) in refused("backtest", table, "--hold-out", condition)


def test_a_condition_is_never_run_as_code(refused, table, tmp_path):
    trap = tmp_path / "trap"
    refused("fit", table, "--where", f"__import__('pathlib').Path('{trap}').touch()")
    assert not trap.exists()


def test_holding_out_nothing_or_everything_is_refused(refused, table):
    assert "holds out no run" in refused("backtest", table, "--hold-out", "N < 0")
    assert "holds out every run" in refused("backtest", table, "--hold-out", "N > 0")


def assert_wrong_usage(line: str, option: str, value: object) -> None:
    """Asserts that a line names an option and its value; versions of typer put it in words of their own."""
    assert line.startswith(f"Invalid value for '{option}': ")
    assert str(value) in line


def test_options_out_of_range_are_refused(refused, table):
    for option, value in (("--starts", 0), ("--draws", 3), ("--draws", 10**12), ("--seed", -1), ("--seed", 10**30)):
        assert_wrong_usage(refused("fit", table, option, value, code=2), option, value)


def test_a_file_that_cannot_be_written_is_refused(refused, table, tmp_path):
    line = refused("fit", table, *QUICK, "--out", tmp_path / "no" / "fit.json")
    remedy = "make its folder or name another file"
    assert line == f"cannot write {str(tmp_path / 'no' / 'fit.json')!r} (No such file or directory): {remedy}"


def test_what_is_no_fit_is_refused(refused, tmp_path, table):
    assert "there is no file" in refused("predict", tmp_path / "nix.json", "--at", "N=1,D=1")
    assert "is no JSON" in refused("predict", table, "--at", "N=1,D=1")
    (tmp_path / "other.json").write_text('{"a": 1}')
    assert "is no fit file (format is None, not 'froude-fit'): give a file" in refused(
        "predict", tmp_path / "other.json", "--at", "N=1,D=1"
    )


def test_a_fit_of_another_version_is_refused(refused, saved):
    saved.write_text(json.dumps(json.loads(saved.read_text()) | {"version": 99}))
    line = refused("predict", saved, "--at", "N=1B,D=1B")
    assert line.startswith(f"{str(saved)!r} is a fit of version 99 and this Froude reads 2 to 3: ")


@pytest.mark.parametrize(
    ("at", "line"),
    [
        ("N=70B", "chinchilla needs D to predict: give N and D"),
        ("N=1B,D=1B,C=1", "chinchilla takes no C: give N and D"),
        ("N=-1,D=1B", "N = -1: chinchilla needs N > 0 and finite"),
        ("70B", "'70B' in '70B' is no assignment: write name=value, as in N=70B,D=1.4T"),
        ("N=70 apples,D=1", "'70 apples' has an unknown unit 'apples'"),
        ("N=1,N=2,D=3", "'N' is given twice"),
        ("", "'' in '' is no assignment"),
    ],
)
def test_places_that_are_none_are_refused(refused, saved, at, line):
    assert refused("predict", saved, "--at", at).startswith(line)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus just large enough to be taken."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(80):
        (folder / f"{i}.txt").write_bytes(rng.integers(32, 127, 4000, dtype=np.uint8).tobytes())
    return folder


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes any task of the engine fail the test."""

    def perform(*_: object) -> None:
        raise AssertionError("the engine was given a task")

    monkeypatch.setattr(local_engine.LocalEngine, "perform", perform)


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf"])
def test_minutes_that_are_none_are_refused(refused, tmp_path, monkeypatch, minutes):
    monkeypatch.chdir(tmp_path)
    assert refused("pilot", "--minutes", minutes) == f"minutes = {minutes}: give a number above 0 and at most 527040"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_engine_and_a_negative_seed_are_refused(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = "'local', 'ray', 'slurm' and 'ray://HOST:PORT'"
    assert refused("pilot", "--engine", "lsf") == f"no engine 'lsf': this version has {known}"
    assert_wrong_usage(refused("pilot", "--seed", "-1", code=2), "--seed", -1)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_device_is_refused(refused, tmp_path, no_training):
    assert refused("pilot", "--device", "tpu", "--study", tmp_path / "s") == ("no device 'tpu': give auto, cpu or cuda")


@pytest.mark.parametrize("library", ["torch", "filelock"])
def test_a_missing_extra_is_refused_with_the_line_that_installs_it(refused, tmp_path, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    assert refused("pilot", "--study", tmp_path / "s").endswith(": pip install 'froude[tank]'")


def test_a_study_folder_that_cannot_be_made_is_refused(refused, table):
    line = refused("pilot", "--study", table / "study")
    assert line.startswith(f"study folder {str(table / 'study')!r} cannot be written (")
    assert line.endswith("choose another with --study")


def test_a_folder_with_other_files_is_refused(refused, corpus):
    assert "holds other files and no study" in refused("pilot", "--study", corpus)


def test_a_study_made_by_other_settings_is_refused(refused, tmp_path):
    settings = {"kind": "pilot", "minutes": 3.0, "seed": 0, "corpus": None, "plan": None}
    Study.create(tmp_path / "s", settings | {"device": "auto", "engine": "local"})
    assert refused("pilot", "--study", tmp_path / "s", "--minutes", 4) == (
        f"study {str(tmp_path / 's')!r} was made with minutes = 3.0, now 4.0: choose another folder with --study"
    )


def test_a_corpus_that_is_missing_is_refused(refused, tmp_path, no_training):
    words = ("pilot", "--device", "cpu", "--study", tmp_path / "s", "--corpus")
    line = refused(*words, tmp_path / "nix")
    assert str(tmp_path / "nix") in line
    assert line.endswith("name a folder or a file that exists")


def test_a_corpus_that_is_too_small_is_refused(cli, tmp_path, no_training):
    (tmp_path / "small.txt").write_text("a few words")
    done = cli("pilot", "--device", "cpu", "--study", tmp_path / "s", "--corpus", tmp_path / "small.txt")
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("froude: the corpus at ")
    assert "keeps 11 bytes after deduplication: it needs " in done.err
    assert "Traceback" not in done.err


def test_a_plan_that_is_missing_is_refused(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused("pilot", "--plan", "nix.json") == (
        "plan 'nix.json' cannot be read (No such file or directory): give a plan.json of a study"
    )


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"format": 1, "design": {"pilots": [1]}}'])
def test_a_file_that_is_no_plan_is_refused(cli, tmp_path, corpus, no_training, text):
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    words = ("--device", "cpu", "--study", tmp_path / "s", "--corpus", corpus, "--plan", plan)
    done = cli("pilot", *words)
    assert done.code == 1
    line = done.err.splitlines()[-1]
    assert line.startswith(f"froude: {str(plan)!r} is no plan (")
    assert line.endswith("): give a plan.json of a study")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("fit",), "Missing argument 'TABLE' (see froude fit --help)"),
        (("predict", "fit.json"), "Missing option '--at' (see froude predict --help)"),
        (("backtest", "runs.csv"), "Missing option '--hold-out' (see froude backtest --help)"),
        (("report",), "Missing argument 'STUDY|TABLE|FIT' (see froude report --help)"),
    ],
)
def test_what_is_missing_is_named(refused, words, line):
    assert refused(*words, code=2) == line


@pytest.mark.parametrize(
    ("words", "pieces"),
    [
        (("fut",), ["'fut'", "Did you mean 'fit'?", "(see froude --help)"]),
        (("fit", "a.csv", "--lw", "power"), ["--lw", "--law", "(see froude fit --help)"]),
        (("fit", "a.csv", "b.csv"), ["b.csv", "(see froude fit --help)"]),
        (("fit", "a.csv", "--draws", "many"), ["--draws", "(see froude fit --help)"]),
        (("predict", "f", "--at", "N=1", "--of", "all"), ["--of", "'all'", "run", "mean"]),
        (("pilot", "--minutes", "five"), ["--minutes", "(see froude pilot --help)"]),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(refused, words, pieces):
    line = refused(*words, code=2)
    for piece in pieces:
        assert piece in line


def test_no_words_ask_for_help_and_help_names_every_command(cli):
    bare, asked = cli(), cli("--help")
    assert bare == asked
    assert asked.code == 0
    for command in ("pilot", "report", "fit", "predict", "backtest", "laws"):
        assert f"\n  {command} " in asked.out
        assert cli(command, "--help").out.strip()


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Makes `froude report` end with this error."""

    def write_report(study: Study) -> Path:
        raise error

    monkeypatch.setattr("froude.reporting.write_report", write_report)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, f"stopped: {AGAIN}"),
        (OSError(28, "No space left on device"), 1, f"the disk is full: free some space and {AGAIN}"),
        (
            OSError(28, "No space", "a b/s/runs/1"),
            1,
            f"the disk is full: free some space for 'a b/s/runs/1' and {AGAIN}",
        ),
        (PermissionError(13, "Not yours", "runs/a"), 1, f"'runs/a': Not yours; put that right and {AGAIN}"),
        (
            FileNotFoundError(2, "No such file", "gone/runs/a"),
            1,
            "'gone/runs/a' has no folder any more: put that back and give the same command again",
        ),
        (
            OSError(27, "File too large", "runs/a"),
            1,
            f"'runs/a' may not grow as large: raise the limit (ulimit -f) and {AGAIN}",
        ),
        (
            TaskFailedError("odd\nindeed"),
            1,
            "a training failed (odd indeed), and would again: nothing finished is lost, please report this line",
        ),
        (
            WorkerDiedError("code -9"),
            1,
            f"a training was stopped (code -9): close what else needs memory and {AGAIN}",
        ),
        (InputError("no"), 1, "no"),
    ],
)
def test_what_goes_wrong_later_is_one_line(refused, tmp_path, monkeypatch, error, code, line):
    Study.create(tmp_path / "s", {})
    failing(monkeypatch, error)
    assert refused("report", tmp_path / "s", code=code) == line


def test_a_bug_is_raised_and_not_hidden(cli, tmp_path, monkeypatch):
    Study.create(tmp_path / "s", {})
    failing(monkeypatch, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        cli("report", tmp_path / "s")


def process(*words: object, **options: Any) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "froude", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **{**pipes, **options})


def test_the_module_runs_as_a_program(table):
    version = process("--version")
    assert version.communicate() == (f"{froude.__version__}\n", "")
    assert version.returncode == 0
    bad = process("fit", "nix.csv")
    assert bad.communicate() == ("", "froude: no file or folder 'nix.csv': check the path\n")
    assert bad.returncode == 1
    wrong = process("fit")
    assert wrong.communicate() == ("", "froude: Missing argument 'TABLE' (see froude fit --help)\n")
    assert wrong.returncode == 2


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_early_ends_the_command_quietly(unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    done = process("laws", stdout=writer, env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    os.close(writer)
    assert done.communicate()[1] == ""


def test_an_interrupt_from_outside_is_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "g.py").write_text(f"open({str(tmp_path / 'pipe')!r}).read()")
    done = process("grow", tmp_path / "g.py", start_new_session=True)
    with open(tmp_path / "pipe", "wb"):  # which waits until the command has opened it too, and waits for us
        done.send_signal(signal.SIGINT)
        out, err = done.communicate(timeout=60)
    assert (done.returncode, out) == (130, "")
    assert err == "froude: stopped: give the same command again, nothing finished is lost\n"
