"""Files written whole or not at all: the one place where Froude writes what it makes."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from froude.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where a disk, or what a user may keep on it, is full."""

_REMEDIES = {
    errno.ENOSPC: "free some space or name another place",
    errno.EDQUOT: "free some space or name another place",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.ENOENT: "make its folder or name another file",
    errno.EPIPE: "its reader has left; start that again",
}


def write_outputs(files: Mapping[Path, bytes], *, make_folders: bool = False) -> None:
    """Write files that a user has named, path to bytes: all of them whole or none, as `write_files` does.

    A link stays one: what it points to is replaced. What is no regular file, such as a device or a FIFO, is written
    into as it is, and so is a file that stdout or stderr goes to. With `make_folders` folders that lack are made.

    InputError, naming the file, where that cannot be; then no new folder is left either.
    """
    made: list[Path] = []
    try:
        if make_folders:
            for folder in dict.fromkeys(path.parent for path in files):
                made += _make_folder(folder)
        write_files(dict(_regular(files)))
    except OSError as error:
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        raise InputError(f"cannot write {error.filename!r} ({error.strerror}): {remedy_of(error)}") from error


def remedy_of(error: OSError) -> str:
    """What to do where something cannot be written."""
    return _REMEDIES.get(error.errno or 0, "name another file")


def write_file(path: Path, data: bytes) -> None:
    """Write one file, as `write_files` does."""
    write_files({path: data})


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write files, path to bytes: a reader sees the old file or the new one, and all are new or none is.

    Each is written and synced under a hidden name beside the file whose place it takes, and they take their places once
    all are there; when writing fails, the old ones stay and the hidden ones are removed. A new file has the mode and
    the owner of the one it replaces. Raises OSError, which names the file; one for a file that must not be written.
    """
    hidden = {path: path.with_name(f".{secrets.token_hex(8)}.tmp") for path in files}
    try:
        for path, new in hidden.items():
            with naming(path):
                _write_new(new, files[path], path)
        for path, new in hidden.items():
            with naming(path):
                os.replace(new, path)
    except BaseException:
        for new in hidden.values():
            with suppress(OSError):
                new.unlink(missing_ok=True)
        raise
    for folder in {path.parent for path in files}:
        sync_folder(folder)


def set_aside(path: Path) -> None:
    """Give what is damaged another name beside its own, ending in `.damaged`: it is kept, and a whole one can follow.

    Raises OSError.
    """
    with naming(path):
        os.replace(path, path.with_name(f"{path.name}.{secrets.token_hex(4)}.damaged"))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Lets an OSError name the file that is meant: the system names none on a full disk, and else a hidden one."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a loss of power, where a folder can be opened (not on Windows)."""
    if os.name != "posix":
        return
    with naming(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns what was not there, outermost first."""
    lacking = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return lacking[::-1]


def _regular(files: Mapping[Path, bytes]) -> Iterator[tuple[Path, bytes]]:
    """Files to be replaced, by their own paths behind links; what is no such file is written into."""
    for path, data in files.items():
        with naming(path):
            stream = _stream(path)
            if stream is not None:
                with open(stream, "wb") as file:
                    file.write(data)
            else:
                yield (Path(os.path.realpath(path)) if path.is_symlink() else path), data


def is_stream(path: Path) -> bool:
    """Whether a path names a device, a FIFO or where stdout or stderr goes, which is written into as it is."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)) or _standard(found) is not None


def _standard(found: os.stat_result) -> int | None:
    """Which of stdout and stderr goes to what was found, None for neither."""
    for standard in (1, 2):
        with suppress(OSError):
            if os.path.samestat(found, os.fstat(standard)):
                return standard
    return None


def _stream(path: Path) -> int | None:
    """A descriptor to write into, where `path` names a device, a FIFO or where stdout goes; None for other files."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if (standard := _standard(found)) is not None:
        if sys.stdout:
            sys.stdout.flush()  # what was said before comes first
        return os.dup(standard)
    return None if stat.S_ISREG(found.st_mode) else os.open(path, os.O_WRONLY)


def _write_new(new: Path, data: bytes, path: Path) -> None:
    """Write a file under a hidden name, with mode and owner of the one at `path` if there is one."""
    with open(new, "xb") as file:
        with suppress(FileNotFoundError):
            _take_rights(file.fileno(), path)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _take_rights(descriptor: int, path: Path) -> None:
    """Give an open file the mode of the one at `path`, and its owner where the system lets that be."""
    found = os.stat(path)
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if os.name == "posix":
        with suppress(PermissionError):
            os.fchown(descriptor, found.st_uid, found.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
