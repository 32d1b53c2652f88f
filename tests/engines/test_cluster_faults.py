"""Real faults past one machine: killed workers, raylets and jobs, a full disk, a study's folder that goes for a minute.

Nothing is lost and nothing is done twice: each run is one file, the one it is where nothing fails.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import clusters
import froude
from froude.engines import RunFinished
from froude.runs import Study
from limits import fill, mounted
from swept import COMMAND, run_files
from tiny import environment, wait_until

pytestmark = pytest.mark.engines

AWAY_SECONDS = 60
WIDTHS = [16, 24, 32, 40]
SPACE: dict[str, Any] = {"grid": {"width": WIDTHS, "lr": 0.003}, "derived": {"tokens": "20 * 48 * width**2"}}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, found: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the runs of the space hold, trained here."""
    study = tmp_path_factory.mktemp("undisturbed") / "s"
    froude.sweep(SPACE, COMMAND, study=study, workers=2)
    return run_files(study)


@pytest.fixture(params=["ray", "ray://", "slurm"])
def engine(request: pytest.FixtureRequest, found: pytest.MonkeyPatch) -> str:
    """What `--engine` says for each cluster, which is there."""
    if request.param == "slurm":
        request.getfixturevalue("slurm")
    return request.getfixturevalue("ray_cluster").address if request.param == "ray://" else request.param


class Swept:
    """A study under way, whose trainer leaves a line for each start; `once` is done when the first run has finished."""

    def __init__(self, folder: Path, engine: str, study: Path | None = None) -> None:
        self.study, self.starts, self.engine = study or folder / "s", folder / "starts", engine
        self.once: Callable[[], object] | None = None
        self.first: dict[str, int] = {}

    @property
    def command(self) -> str:
        return f"{COMMAND} --seconds 1 --starts {shlex.quote(str(self.starts))}"

    def run(self) -> froude.SweepResult:
        return froude.sweep(SPACE, self.command, study=self.study, workers=2, engine=self.engine, watch=self.hear)

    def hear(self, event: object) -> None:
        if isinstance(event, RunFinished):
            files = (self.study / "runs").glob("*.jsonl") if self.study.exists() else ()
            self.first |= {path.name: path.stat().st_ino for path in files if path.name not in self.first}
            if self.once is not None:
                once, self.once = self.once, None
                once()

    def trainers(self) -> list[int]:
        """The processes of its trainer."""
        return [
            pid for pid, words in processes() if str(self.starts) in words and "toy_trainer" in words.split(" ")[0:4]
        ]

    def check(self, undisturbed: dict[str, Any], more_starts: int) -> None:
        """Every run is there once, as where nothing fails, and those that were finished before are untouched."""
        study = Study.open(self.study)
        assert run_files(self.study) == undisturbed
        assert len(study.finished_ids()) == len([*(self.study / "runs").iterdir()]) == len(WIDTHS)
        assert {name: (self.study / "runs" / name).stat().st_ino for name in self.first} == self.first
        starts = self.starts.read_text().splitlines()
        assert [line for line in starts if "TWICE" in line] == []  # no run was ever trained by two at once
        assert len(WIDTHS) <= len(starts) <= len(WIDTHS) + more_starts


def processes() -> Iterator[tuple[int, str]]:
    """The processes of this machine: number and words."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue


def parent(pid: int) -> int:
    """The process that started another."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def worker_of(starts: Path) -> int:
    """The process that performs a task: it started the launcher of a trainer at work."""

    def launchers() -> list[int]:
        return [pid for pid, words in processes() if str(starts) in words and "launch.py" in words]

    wait_until(lambda: bool(launchers()))
    return parent(launchers()[0])


def test_a_killed_worker_costs_no_run_and_repeats_none(engine, undisturbed, tmp_path):
    swept, killed = Swept(tmp_path, engine), []

    def kill() -> None:
        killed.append(worker_of(swept.starts))
        os.kill(killed[0], signal.SIGKILL)

    swept.once = kill
    result = swept.run()
    assert ([run.reason for run in result.failed], len(killed)) == ([], 1)
    swept.check(undisturbed, more_starts=1)


def test_a_killed_raylet_costs_no_run_and_repeats_none(ray_cluster: clusters.RayCluster, undisturbed, tmp_path):
    swept, killed = Swept(tmp_path, ray_cluster.address), []

    def kill() -> None:
        killed.append(ray_cluster.raylet())
        os.kill(killed[0], signal.SIGKILL)

    swept.once = kill
    try:
        result = swept.run()
    finally:
        ray_cluster.replace_node()
    assert ([run.reason for run in result.failed], len(killed)) == ([], 1)
    swept.check(undisturbed, more_starts=2)


def test_a_job_that_slurm_kills_is_submitted_again(slurm, undisturbed, tmp_path):
    swept, killed = Swept(tmp_path, "slurm"), []

    def kill() -> None:
        words = ["squeue", "--noheader", "--states", "RUNNING", "--format", "%A"]
        killed.append(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[0])
        subprocess.run(["scancel", "--signal=KILL", "--full", killed[0]], check=True)

    swept.once = kill
    result = swept.run()
    assert ([run.reason for run in result.failed], len(killed)) == ([], 1)
    swept.check(undisturbed, more_starts=1)
    assert [*(swept.study / "jobs").iterdir()] == []


def test_a_full_disk_ends_a_sweep_and_the_same_call_goes_on(engine, undisturbed, tmp_path):
    with mounted(tmp_path / "disk", 20 * 2**20) as disk:
        swept, fillers = Swept(tmp_path, engine, disk / "s"), []
        swept.once = lambda: fillers.append(fill(disk))
        with pytest.raises(OSError, match="No space left on device"):
            swept.run()
        assert len(Study.open(swept.study).finished_ids()) < len(WIDTHS)
        fillers[0].unlink()
        wait_until(lambda: not [words for _, words in processes() if str(swept.starts) in words])
        assert len(swept.run().best) == len(WIDTHS)
        swept.check(undisturbed, more_starts=4)


def test_a_study_that_goes_for_a_minute_is_waited_for(ray_cluster, slurm, undisturbed, tmp_path):
    sweeps: list[tuple[Swept, subprocess.Popen[str]]] = []
    (tmp_path / "space.toml").write_text(
        f"[grid]\nwidth = {WIDTHS}\nlr = 0.003\n[derived]\ntokens = '20 * 48 * width**2'\n"
    )
    for engine in ("local", ray_cluster.address, "slurm"):
        folder = tmp_path / engine.partition(":")[0]
        folder.mkdir()
        swept = Swept(folder, engine)
        words = [sys.executable, "-m", "froude", "sweep", str(tmp_path / "space.toml"), "--study", str(swept.study)]
        words += ["--engine", engine, "--command", swept.command]
        started = subprocess.Popen(
            words, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        sweeps.append((swept, started))
        wait_until(lambda study=swept.study: any((study / "runs").glob("*.jsonl")))
        swept.study.rename(swept.study.with_name("away"))
    time.sleep(AWAY_SECONDS)  # which is what is tried, and no wait for anything
    for swept, _ in sweeps:
        assert not swept.study.exists()  # nobody has made another in its place
        swept.study.with_name("away").rename(swept.study)
    for swept, process in sweeps:
        _, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert "has gone: waiting until it is back" in err
        swept.check(undisturbed, more_starts=3)
