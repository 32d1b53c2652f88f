"""A study that many processes write, on machines whose file system may lose sight of it for a while."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from froude.errors import InputError
from froude.runs.study.documents import SETTINGS

AWAY_SECONDS = 300.0
"""How long a study that has gone is waited for; then whoever needs it fails."""
LOOK_SECONDS = 0.5
T = TypeVar("T")


@contextmanager
def held(path: Path, waits: Callable[[], object]) -> Iterator[int]:
    """Hold the lock of a file, made where it is not there; gives the descriptor, which children may inherit.

    `waits` is called before a wait for another process that holds it. Whoever holds it, and has no children that do,
    may remove the file. OSError where the file system has no locks.
    """
    descriptor = _lock(path, waits)
    while not _is_still(path, descriptor):  # removed by the one that held it before
        os.close(descriptor)
        descriptor = _lock(path, waits)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(path: Path, waits: Callable[[], object]) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one of this path."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def is_there(study: Path) -> bool:
    """Whether a folder is a study now."""
    return (study / SETTINGS).exists()


def back_again(study: Path, notify: Callable[[str], object]) -> bool:
    """Wait until a study that has gone is back; False where it is not after AWAY_SECONDS."""
    notify(f"{str(study)!r} has gone: waiting until it is back")
    last = time.monotonic() + AWAY_SECONDS
    while not is_there(study):
        if time.monotonic() > last:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def while_there(study: Path, work: Callable[[], T], notify: Callable[[str], object]) -> T:
    """Return what work on a study that was made gives; where it fails as the study is away, it is done again.

    Work must find what of it is done. Its error is raised where the study is there, or stays away.
    """
    while True:
        try:
            return work()
        except (OSError, InputError):
            if is_there(study) or not back_again(study, notify):
                raise
