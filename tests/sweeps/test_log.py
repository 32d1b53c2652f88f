"""A run written from any loop: three lines, and what ends the loop loses none of its steps."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import froude
from froude import InputError, Study
from froude.sweeps.logged import RANKS

CONFIG = {"width": 64, "lr": 3e-3}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No launcher has started this process."""
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)


def write_run(study: Path, **facts: float) -> None:
    """One run of two steps."""
    with froude.log(study, CONFIG, **facts) as run:  # pyright: ignore[reportArgumentType]
        for step in (1, 2):
            run.step(step=step, tokens=1000 * step, loss=np.float32(4 / step))
        run.finish(loss=2.5)


def test_a_logged_run_is_one_of_a_study_that_is_read_and_fitted(tmp_path: Path) -> None:
    write_run(tmp_path / "s", N=1e6, D=2000)
    runs = froude.read_runs(tmp_path / "s")
    assert {name: runs[name][0] for name in ("N", "D", "loss", "lr")} == {"N": 1e6, "D": 2000, "loss": 2.5, "lr": 0.003}
    (curve,) = froude.read_curves(tmp_path / "s").values()
    assert curve["loss"].tolist() == [4, 2]


def test_an_error_leaves_the_run_unfinished_and_says_so(tmp_path: Path) -> None:
    def train() -> None:
        with froude.log(tmp_path / "s", CONFIG) as run:
            run.step(step=1, loss=4.0)
            raise KeyError("no such batch")

    with pytest.raises(KeyError) as caught:
        train()
    (note,) = caught.value.__notes__
    assert "is left unfinished after 1 steps" in note
    assert Study.open(tmp_path / "s").finished_ids() == set()
    assert len([*(tmp_path / "s" / "runs").glob("*.jsonl.part")]) == 1


def test_a_loop_that_forgets_to_finish_is_told(tmp_path: Path) -> None:
    with (
        pytest.warns(UserWarning, match=r"call finish\(loss=…\) at its end"),
        froude.log(tmp_path / "s", CONFIG) as run,
    ):
        run.step(step=1, loss=4.0)


KILLED = """
import os, sys, froude
with froude.log(sys.argv[1], {"width": 64}) as run:
    for step in range(1, 1000):
        run.step(step=step, loss=1.0)
        if step == 500:
            os.kill(os.getpid(), 9)
"""


def test_a_killed_loop_leaves_all_its_steps_and_goes_on_from_one(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(froude.__file__).parents[1])}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "s")], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    study = Study.open(tmp_path / "s")
    (part,) = (tmp_path / "s" / "runs").glob("*.part")
    id = part.name.partition(".")[0]
    assert [row["step"] for row in study.steps(id)] == [*range(1, 501)]
    with froude.log(tmp_path / "s", {"width": 64}, keep=400) as run:
        run.step(step=401, loss=0.5)
        run.finish(loss=math.nan)
    assert [row["step"] for row in study.steps(id)] == [*range(1, 402)]
    assert study.runs().diverged().tolist() == [True]


@pytest.mark.parametrize(
    ("name", "value", "writes"), [("RANK", "0", True), ("RANK", "3", False), ("SLURM_PROCID", "1", False)]
)
def test_of_several_processes_only_the_first_writes(name, value, writes, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(name, value)
    write_run(tmp_path / "s")
    assert (tmp_path / "s").exists() == writes


def test_a_finished_run_is_not_written_again(tmp_path: Path) -> None:
    write_run(tmp_path / "s")
    with pytest.raises(InputError, match="is finished already: give it another config, a seed say"):
        froude.log(tmp_path / "s", CONFIG)


def test_what_cannot_be_written_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model = <object.* has no form in JSON"):
        froude.log(tmp_path / "s", {"model": object()})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(InputError, match="holds other files and no study"):
        froude.log(tmp_path / "full", CONFIG)
    with froude.log(tmp_path / "s", CONFIG) as run:
        with pytest.raises(InputError, match=r"lacks the loss, is it 'val_loss'\?: give loss=…"):
            run.finish(val_loss=2.0)
        with pytest.raises(InputError, match="a 'kind' of its own"):
            run.step(kind="eval")
        run.finish(loss=2.0)


def test_two_logs_of_one_study_at_once_both_stand(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(froude.__file__).parents[1])}
    code = "import sys, froude\nwith froude.log('s', {'seed': int(sys.argv[1])}) as run: run.finish(loss=1.0)"
    started = [subprocess.Popen([sys.executable, "-c", code, str(k)], cwd=tmp_path, env=environment) for k in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    assert len(Study.open(tmp_path / "s").finished_ids()) == 4
