"""A study held by one command at a time, and rid of what killed processes leave in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from froude.errors import InputError
from froude.runs import Study


@contextmanager
def sole_use(study: Study) -> Iterator[None]:
    """Holds the study's lock; InputError where another command holds it."""
    try:
        import filelock
    except ImportError:
        raise InputError("training needs an extra: pip install 'froude[tank]'") from None
    lock = filelock.FileLock(study.path / ".lock")
    try:
        with lock.acquire(timeout=0):
            yield
    except filelock.Timeout:
        raise InputError(f"study {str(study.path)!r} is in use by another command: wait for it or stop it") from None


@contextmanager
def without_leftovers(study: Study) -> Iterator[None]:
    """Removes what processes leave that are killed while they write: those of before, and workers at the end."""
    remove_leftovers(study)
    try:
        yield
    finally:
        with suppress(OSError):  # on a disk that may only be read now
            remove_leftovers(study)


def remove_leftovers(study: Study) -> None:
    """Removes hidden files that never took their places."""
    for leftover in study.path.rglob(".*.tmp"):
        leftover.unlink(missing_ok=True)
