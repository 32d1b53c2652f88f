"""Whatever is killed, and whenever: the same command again ends the sweep, nothing lost and nothing done twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

import froude
from swept import COMMAND, run_files

KILLS, PATIENCE_SECONDS = 12, 300
VICTIMS = {"sweep": b"froude\0sweep", "worker": b"froude.engines.worker", "launcher": b"launch.py", "trainer": b"toy_"}
SPACE = "[grid]\nwidth = [16, 24, 32, 40]\nlr = [3e-3, 0.3]\n[derived]\ntokens = '20 * 48 * width**2'\n"


def processes(mark: str) -> dict[int, str]:
    """The processes that bear a mark in their environment, each with what it is."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes()
            if mark.encode() in (folder / "environ").read_bytes() and words:
                # A launcher names the trainer too, which it starts: it is the first that fits.
                kind = next((kind for kind, part in VICTIMS.items() if part in words), "")
                found[int(folder.name)] = kind
    return found


class Sweep:
    """One start of the command, from the outside."""

    def __init__(self, folder: Path, mark: str, seconds: float = 0.6) -> None:
        self.mark = mark
        environment = {**os.environ, "PYTHONPATH": str(Path(froude.__file__).parents[1]), "MARK": mark}
        words = [sys.executable, "-m", "froude", "sweep", "space.toml", "--study", "s", "--workers", "2"]
        command = f"{COMMAND} --seconds {seconds} --starts {folder / 'starts'} --child"
        self.process = subprocess.Popen(
            [*words, "--command", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def kill(self, kind: str) -> bool:
        """Kills one process of this kind; whether there was one."""
        of_kind = (
            [self.process.pid] if kind == "sweep" else sorted(p for p, k in processes(self.mark).items() if k == kind)
        )
        for one in of_kind[:1]:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        return bool(of_kind)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, object]:
    """What the runs of the space give."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "space.toml").write_text(SPACE)
    froude.sweep(folder / "space.toml", COMMAND, study=folder / "s", workers=2)
    return run_files(folder / "s")


@pytest.mark.slow  # real kills of processes at work
def test_kills_at_any_time_lose_nothing_and_repeat_nothing(tmp_path: Path, undisturbed: Mapping[str, object]) -> None:
    (tmp_path / "space.toml").write_text(SPACE)
    rng, mark, first_files, kills = random.Random(3), f"mark-{os.getpid()}", {}, dict.fromkeys(VICTIMS, 0)
    begin = time.monotonic()
    code = -1
    while code != 0:
        assert time.monotonic() - begin < PATIENCE_SECONDS
        sweep = Sweep(tmp_path, mark)
        while sweep.process.poll() is None:
            time.sleep(rng.uniform(0.05, 0.9))
            if sum(kills.values()) < KILLS and sweep.process.poll() is None:
                kind = min(kills, key=lambda kind: (kills[kind], rng.random()))
                kills[kind] += sweep.kill(kind)
            for path in (tmp_path / "s" / "runs").glob("*.jsonl"):
                assert first_files.setdefault(path.name, path.stat().st_ino) == path.stat().st_ino
        sweep.process.communicate()
        code = sweep.process.returncode
    print(f"killed {kills} in {time.monotonic() - begin:.0f} s")
    assert min(kills.values()) >= 2
    assert run_files(tmp_path / "s") == undisturbed
    starts = (tmp_path / "starts").read_text().split("\n")
    assert [line for line in starts if "TWICE" in line] == []  # no run was ever trained by two at once
    assert len(starts) - 1 <= len(undisturbed) + 3 * KILLS
    assert processes(mark) == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["worker", "trainer", "sweep"])
def test_a_trainer_and_its_children_end_with_whoever_is_killed(kind: str, tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text("[grid]\nwidth = 16\nlr = 3e-3\ntokens = 1e6\n")
    sweep = Sweep(tmp_path, mark := f"{kind}-{os.getpid()}", seconds=600)
    wait_until(lambda: [*processes(mark).values()].count("trainer") == 2)  # it and its child
    before = {one for one, what in processes(mark).items() if what in ("trainer", "launcher")}
    assert sweep.kill(kind)
    wait_until(lambda: not before & {*processes(mark)})
    if kind == "worker":  # another has begun the run anew
        assert sweep.kill("sweep")
    sweep.process.communicate()
    assert sweep.process.returncode == (1 if kind == "trainer" else -signal.SIGKILL)
    wait_until(lambda: not processes(mark))


@pytest.mark.slow
def test_two_sweeps_of_one_study_at_once_share_the_runs(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(SPACE)
    sweeps = [Sweep(tmp_path, f"both-{os.getpid()}", seconds=0.1) for _ in range(2)]
    for sweep in sweeps:
        sweep.process.communicate()
    assert [sweep.process.returncode for sweep in sweeps] == [0, 0]
    starts = (tmp_path / "starts").read_text().split()
    assert (len(starts), len(set(zip(starts[::2], starts[1::2], strict=True)))) == (16, 8)


def wait_until(holds: Callable[[], bool]) -> None:
    """Returns once something holds."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
