"""Write a file whole or not at all."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def atomic_write(path: Path, data: bytes | Callable[[BinaryIO], object]) -> None:
    """Write bytes, or what `data(file)` writes, to `path`, so that a reader sees the old file or the new one.

    The new file is written and synced beside the old one under a hidden name, then takes its place; when
    writing fails, the old one stays and the hidden one is removed. Raises OSError, which names the file, and what
    `data` raises.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with naming(path):
        try:
            with open(temporary, "xb") as file:
                data(file) if callable(data) else file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Lets an OSError name the file, which the system does not where a disk is full."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a loss of power, where a folder can be opened (not on Windows)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def set_aside(path: Path) -> None:
    """Give what is damaged another name beside its own, ending in `.damaged`: it is kept, and a whole one can follow.

    Raises OSError.
    """
    with naming(path):
        os.replace(path, path.with_name(f"{path.name}.{secrets.token_hex(4)}.damaged"))
