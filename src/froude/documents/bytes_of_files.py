"""The bytes of plain files: a pipe, which could wait for ever, and a device, which need not end, are refused."""

import os
import stat
from pathlib import Path

from froude.documents.document_error import DocumentError

LARGEST_BYTES = 256 * 2**20

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def bytes_of(path: str | Path, most: int = LARGEST_BYTES) -> bytes:
    """The bytes of a plain file. OSError where it cannot be read; DocumentError for a larger one and what is none."""
    # Opened first and looked at then, so that it is the same file; a pipe that nobody writes to would wait at the open.
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  (closed below)
    except ValueError:
        raise DocumentError("its name holds a character that no name of a file can") from None
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError(f"it is {_KINDS.get(stat.S_IFMT(status.st_mode), 'no plain file')}")
        if status.st_size > most:
            raise DocumentError(f"it has {status.st_size / 2**20:.0f} MiB, at most {most / 2**20:.0f} are read")
        return file.read()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
