"""Places where writing fails: a limit on the size of files, a file system that is full or may only be read."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def file_limit(n_bytes: int) -> Iterator[None]:
    """Files of this process may not grow beyond so many bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def mounted(folder: Path, n_bytes: int) -> Iterator[Path]:
    """A folder that is a disk of its own, of so many bytes; skips the test where nothing can be mounted."""
    folder.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(made, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("this system has no mount")
    if done.returncode:
        pytest.skip("a disk can be mounted here by nobody but its administrator")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, *options: str) -> None:
    """Changes a mounted disk: "ro" to one that may only be read, "size=4m" to a larger one."""
    subprocess.run(["mount", "-o", ",".join(["remount", *options]), str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all that is left of a disk."""
    path = folder / "filler"
    with open(path, "wb", buffering=0) as file:
        free = os.statvfs(folder)
        file.write(bytes(free.f_bavail * free.f_frsize))
    return path
