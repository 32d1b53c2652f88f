"""A sweep trains every run of a space once, by any command or function, and says what came of each."""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import froude
from froude import InputError
from froude.runs import read_runs
from froude.sweeps.training import RunFiles
from swept import COMMAND, SPACE, loss_of, one, study_in, train

pytest_plugins = ["door"]


def test_every_run_of_a_space_is_in_the_study_with_its_curve(tmp_path: Path) -> None:
    result = froude.sweep(SPACE, COMMAND, study=tmp_path / "s", workers=2)
    assert [(run.state, run.config["width"], run.attempts) for run in result.runs] == [
        ("finished", width, 1) for width in (16, 32, 64)
    ]
    runs = read_runs(tmp_path / "s")
    by_width = dict(zip(runs["width"], zip(runs["N"], runs["D"], runs["loss"], strict=True), strict=True))
    for width in (16, 32, 64):
        tokens = 20 * 48 * width**2
        assert by_width[width] == (48 * width**2, tokens, pytest.approx(loss_of(width, tokens), rel=1e-12))
    curve = froude.read_curves(tmp_path / "s")[result.runs[0].id]
    assert curve["step"].tolist() == [1, 2, 3, 4, 5]
    assert result.warnings == ()


@pytest.mark.slow
def test_fits_and_reports_read_a_sweep_as_any_study(cli, tmp_path: Path) -> None:
    space = {"grid": {"width": [16, 32, 64], "tokens": [1e6, 4e6], "lr": 0.003}}
    froude.sweep(space, COMMAND, study=tmp_path / "s")
    fit = cli("fit", tmp_path / "s", "--law", "power", "--x", "D", "--draws", "50", "--json")
    assert (fit.code, json.loads(fit.out)["n"]) == (0, 6)
    assert cli("report", tmp_path / "s").code == 0
    assert "width" in (tmp_path / "s" / "report.html").read_text()


def test_what_the_trainer_calls_its_numbers_is_said_by_columns(tmp_path: Path) -> None:
    command = """echo '{"size_of_it": {width}, "score": 2.5, "seen": 7}'"""
    columns = {"N": "size_of_it", "D": "seen", "loss": "score"}
    froude.sweep({"grid": {"width": 9}}, command, study=tmp_path / "s", columns=columns)
    runs = read_runs(tmp_path / "s")
    assert [runs[role][0] for role in ("N", "D", "loss")] == [9, 7, 2.5]


def test_runs_without_parameters_or_tokens_are_warned_of(tmp_path: Path) -> None:
    result = froude.sweep({"grid": {"width": 9}}, """echo '{"loss": {width}}'""", study=tmp_path / "s")
    assert [warning[:13] for warning in result.warnings] == ["no run says N", "no run says D"]


def test_what_is_finished_is_not_run_again_and_a_larger_space_adds_to_it(tmp_path: Path) -> None:
    command = f"{COMMAND} --starts {tmp_path / 'starts'}"
    froude.sweep({**SPACE, "grid": {"width": [16, 32], "lr": 0.003}}, command, study=tmp_path / "s")
    before = {path.name: path.stat().st_ino for path in (tmp_path / "s" / "runs").iterdir()}
    result = froude.sweep(SPACE, command, study=tmp_path / "s")
    assert (tmp_path / "starts").read_text().split("\n") == ["16 0.003", "32 0.003", "64 0.003", ""]
    after = {path.name: path.stat().st_ino for path in (tmp_path / "s" / "runs").iterdir()}
    assert after.items() >= before.items()
    assert [run.loss is not None for run in result.runs] == [True] * 3


def test_diverged_runs_are_kept_and_failed_ones_are_named_with_stderr(cli, tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("width,lr,tokens,die\n16,0.003,1e6,0\n16,0.3,1e6,0\n32,0.003,1e6,2\n")
    words = ("sweep", tmp_path / "runs.csv", "--command", f"{COMMAND} --die-at {{die}}", "--study", tmp_path / "s")
    done = cli(*words, "--json")
    said = json.loads(done.out)
    assert (done.code, said["finished"], said["diverged"], said["failed"]) == (1, 1, 1, 1)
    assert [run["state"] for run in said["runs"]] == ["finished", "diverged", "failed"]
    assert (said["runs"][2]["reason"], said["runs"][2]["stderr"]) == ("ends with exit code 1", ["died on the way"])
    assert "ends with exit code 1" in done.err
    runs = read_runs(tmp_path / "s")
    assert sorted(map(math.isnan, runs["loss"])) == [False, True]
    shown = cli(*words)
    assert shown.code == 1
    assert "died on the way" in shown.out


@pytest.mark.slow
def test_a_run_that_fails_is_tried_again_as_often_as_is_said(tmp_path: Path) -> None:
    command = f"{COMMAND} --starts {tmp_path / 'starts'} --fail-until 2"
    (failed,) = froude.sweep(one(), command, study=tmp_path / "s", retries=1).runs
    assert (failed.state, failed.attempts, failed.stderr) == ("failed", 2, ("a first line", "out of luck"))
    (run,) = froude.sweep(one(), command, study=tmp_path / "s").runs
    assert (run.state, run.attempts) == ("finished", 1)


def test_a_run_past_its_time_is_ended_with_its_children(tmp_path: Path) -> None:
    begin = time.monotonic()
    command = f"{COMMAND} --seconds 600 --steps 2 --child"
    (run,) = froude.sweep(one(), command, study=tmp_path / "s", time_limit="1.5 s", retries=3).runs
    assert (run.state, run.attempts, run.reason) == ("timed out", 1, "its time of 1.5 s is over")
    assert time.monotonic() - begin < 300
    assert processes_at_work(tmp_path / "s") == []


def test_children_that_a_trainer_leaves_end_with_it(tmp_path: Path) -> None:
    (run,) = froude.sweep(one(), f"{COMMAND} --child", study=tmp_path / "s").runs
    assert run.state == "finished"
    assert processes_at_work(tmp_path / "s") == []


def processes_at_work(study: Path) -> list[str]:
    """The processes whose environment says that they belong to a run of the study."""
    mark, found = f"FROUDE_LOG={study.resolve()}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes() and (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_a_run_goes_on_where_the_command_says_how(tmp_path: Path) -> None:
    command, study = f"{COMMAND} --out {{log}} --die-at 3 --steps 6", tmp_path / "s"
    (failed,) = froude.sweep(one(), command, study=study, resume="--resume").runs
    assert failed.reason == "ends with exit code 1"
    (run,) = froude.sweep(one(), command, study=study, resume="--resume").runs
    assert run.state == "finished"
    assert [row["step"] for row in study_in(study).steps(run.id)] == [1, 2, 3, 4, 5, 6]
    logged = (RunFiles(study, run.id).log / "metrics.jsonl").read_text().splitlines()
    assert len(logged) == 6  # each step was trained once


def test_without_that_it_begins_anew(tmp_path: Path) -> None:
    command, study = f"{COMMAND} --out {{log}} --starts {tmp_path / 'starts'} --fail-until 0 --die-at 9", tmp_path / "s"
    (run,) = froude.sweep(one(), command, study=study).runs
    assert [row["step"] for row in study_in(study).steps(run.id)] == [1, 2, 3, 4, 5]


def test_metrics_come_from_a_file_in_the_log_folder(tmp_path: Path) -> None:
    command = f"{COMMAND} --out {{log}}"
    (run,) = froude.sweep(one(), command, study=tmp_path / "s", metrics="metrics.jsonl").runs
    assert run.loss == pytest.approx(loss_of(16, 245760) + 1, rel=1e-12)
    assert len(study_in(tmp_path / "s").steps(run.id)) == 5


LOGS = {
    "table.csv": "open(sys.argv[1] + '/table.csv', 'w').write('step,tokens,loss\\n1,10,4.5\\n2,20,3.5\\n')",
    "runs of a study": (
        "run = froude.log(sys.argv[1] + '/own', {'n': 1}, N=5); run.step(step=1, tokens=10, loss=4.5); "
        "run.step(step=2, tokens=20, loss=3.5); run.finish(loss=3.5, D=20)"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LOGS)
def test_metrics_come_from_any_log_that_is_read(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(froude.__file__).parents[1]))
    (tmp_path / "train.py").write_text(f"import sys\nimport froude\n{LOGS[name]}\n")
    metrics = name if name.endswith(".csv") else "own"
    command = f"{sys.executable} {tmp_path / 'train.py'} {{log}} {{width}}"
    (run,) = froude.sweep({"grid": {"width": 8}}, command, study=tmp_path / "s", metrics=metrics).runs
    assert (run.state, run.loss) == ("finished", 3.5)
    assert [row["loss"] for row in study_in(tmp_path / "s").steps(run.id)] == [4.5, 3.5]
    assert read_runs(tmp_path / "s")["D"].tolist() == [20]


def test_a_function_is_a_trainer_too(tmp_path: Path) -> None:
    result = froude.sweep({"grid": {"width": [6, 9]}}, train, study=tmp_path / "s", workers=2)
    assert [(run.loss, run.state) for run in result.runs] == [(2, "finished"), (3, "finished")]
    assert [row["train_loss"] for row in study_in(tmp_path / "s").steps(result.runs[0].id)] == [6, 3]
    assert read_runs(tmp_path / "s")["N"].tolist() == [100, 100]


SCRIPT = """
import froude

def train(config):
    return config["width"] / 2

if GUARD:
    print(froude.sweep({"grid": {"width": 7}}, train, study="s").runs[0].loss)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("guard", "code"), [('__name__ == "__main__"', 0), ("True", 1)])
def test_a_function_of_a_script_is_found_behind_its_guard(guard: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT.replace("GUARD", guard))
    environment = {**os.environ, "PYTHONPATH": str(Path(froude.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    if not code:
        assert (done.returncode, done.stdout) == (0, "3.5\n")
    else:
        assert (
            'put froude.sweep(…) under if __name__ == "__main__"'
            in (tmp_path / "s").joinpath(next((tmp_path / "s" / "output").glob("*.stderr"))).read_text()
        )


def test_what_no_other_process_can_find_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="define it at the top of a module"):
        froude.sweep({"grid": {"width": 6}}, lambda config: config["width"], study=tmp_path / "s")
    assert not (tmp_path / "s").exists()


# --- refusals --------------------------------------------------------------------------------------------

ONE_RUN = "width,lr,tokens\n16,0.003,1e6\n"
REFUSED = {
    "an unknown place": (ONE_RUN, "echo {widht}", "the command has {widht}, which the space does not set"),
    "no such program": (ONE_RUN, "no-such-trainer {width}", "no program 'no-such-trainer' is found"),
    "a shell's sign": (ONE_RUN, "echo {width} > x", "which is for a shell: write sh -c"),
    "the same command": (ONE_RUN + "32,0.003,1e6\n", "echo {lr}", "runs that differ in width have the same command"),
    "no metrics": (ONE_RUN, "echo {width}", "it said nothing of its run: print lines of JSON"),
    "no loss": (ONE_RUN, 'echo \'{"step": 1, "perplexity": {width}}\'', "it logged no loss, only step, perplexity"),
    "an empty space": ("[grid]\n", "echo {width}", "has no runs: give [grid]"),
    "too large": ("[random]\ndraws = 99999\nw = {uniform=[0,1]}\n[grid]\na=[1,2]\n", "echo {w}", "has 199,998 runs"),
    "a typing error": ("[gird]\nwidth = 1\n", "echo {width}", "a key 'gird' that nothing reads: is it 'grid'?"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_line_with_its_remedy(case: str, cli, tmp_path: Path, monkeypatch) -> None:
    text, command, said = REFUSED[case]
    monkeypatch.chdir(tmp_path)
    name = "runs.csv" if text.startswith("width") else "space.toml"
    (tmp_path / name).write_text(text)
    done = cli("sweep", name, "--command", command, "--study", "s")
    *progress, line = done.err.splitlines()
    assert (done.code, done.out, progress in ([], ["    sweep  1 run"])) == (1, "", True)
    assert line.startswith("froude: ")
    assert said in line


def test_another_command_is_another_study(refused, tmp_path: Path) -> None:
    froude.sweep(one(), COMMAND, study=tmp_path / "s")
    (tmp_path / "one.csv").write_text(ONE_RUN)
    line = refused("sweep", tmp_path / "one.csv", "--command", f"{COMMAND} --steps 7", "--study", tmp_path / "s")
    assert "was made with command" in line
