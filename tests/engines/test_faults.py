"""What goes wrong in a worker reaches its parent once, in a line, and nothing else is printed."""

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from froude.engines import LocalEngine, TaskFailedError
from froude.engines.engine import task_to_json
from limits import file_limit, fill, mounted, remount
from tiny import environment
from toy_tasks import Await, Fail, Square, WriteFile


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find the package under test."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    with mounted(tmp_path / "disk", 65536) as folder:
        yield folder


def test_a_limit_on_files_holds_in_workers_and_is_told_by_name(places, tmp_path, capfd):
    path = tmp_path / "file"
    with file_limit(1000), LocalEngine(1) as engine, pytest.raises(OSError, match="File too large") as caught:
        engine.run([WriteFile(str(path), 1001)])
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ("", "")


def test_a_full_disk_and_one_that_is_only_read_are_told_by_name(places, disk, capfd):
    path, filler = disk / "file", fill(disk)
    with LocalEngine(1) as engine:
        for code in (errno.ENOSPC, errno.EROFS):
            with pytest.raises(OSError, match=os.strerror(code)) as caught, LocalEngine(1) as engine:
                engine.run([WriteFile(str(path), 10_000)])
            assert (caught.value.errno, caught.value.filename) == (code, str(path))
            assert os.listdir(disk) == [filler.name]
            remount(disk, "ro")
    assert capfd.readouterr() == ("", "")


def test_a_task_that_fails_ends_those_that_go_on(places, tmp_path):
    rescue = threading.Timer(60, (tmp_path / "posted").touch)
    rescue.start()
    with LocalEngine(2) as engine, pytest.raises(TaskFailedError, match="second"):
        engine.run([Await(str(tmp_path / "posted")), Fail("second")])
    assert not (tmp_path / "posted").exists()
    rescue.cancel()


def test_a_worker_whose_parent_is_gone_leaves_without_a_word():
    command = [sys.executable, "-m", "froude.engines.worker", json.dumps(sys.path)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, env=environment()) as worker:
        assert worker.stdin
        assert worker.stdout
        assert worker.stderr
        assert "ready" in worker.stdout.readline()
        worker.stdout.close()
        worker.stdin.write(task_to_json(Square(3)) + "\n")
        worker.stdin.flush()
        assert worker.stderr.read() == ""
    assert worker.returncode == 0
