"""A program at work: started in a group of processes, which ends with the program and with whoever asked for it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast, final

from froude.programs import launch

_USAGE_BYTES = 4096  # that hold all that a launched program used


@final
@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a program and its children used; a negative `code` is that of the signal that ended it."""

    code: int
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: float

    @property
    def ending(self) -> str:
        """How it ended, in words that go on after its name."""
        return f"ends with exit code {self.code}" if self.code >= 0 else f"is ended by {_signal_name(-self.code)}"


@final
class Running:
    """A program that `running` has started; `output` is what it prints."""

    def __init__(self, process: subprocess.Popen[bytes], asker: socket.socket) -> None:
        self.process = process
        self.output = cast(IO[bytes], process.stdout)  # a pipe
        self._asker = asker

    def stop(self) -> None:
        """Tell the program to end, and end it and what it started a second later."""
        with suppress(OSError):
            self._asker.shutdown(socket.SHUT_WR)

    @property
    def is_over(self) -> bool:
        """Whether the launcher has ended, and with it all that it started."""
        if not select.select([self._asker], [], [], 0)[0]:
            return False
        with suppress(ProcessLookupError, PermissionError):
            # What lives on where the launcher itself was killed; it is not waited for yet, so its number is its own.
            os.killpg(self.process.pid, signal.SIGKILL)
        return True

    def usage(self) -> Usage | None:
        """Wait for the end; what the program used, None where it did not start or was ended with its group."""
        self.process.wait()
        numbers = self._asker.recv(_USAGE_BYTES).split()
        if not numbers:
            return None
        code, cpu, wall, peak = map(float, numbers)
        return Usage(code=int(code), cpu_seconds=cpu, wall_seconds=wall, peak_bytes=peak)


@contextmanager
def running(
    words: Sequence[str],
    *,
    stderr: IO[bytes] | int = subprocess.PIPE,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    lock: int | None = None,
) -> Iterator[Running]:
    """Start a program, nothing on its standard input, its standard output in a pipe.

    The program and what it started end with this process, however that ends, and where the block is left by an error.
    They inherit the descriptor `lock`: what it locks stays locked until all of them have ended.
    """
    mine, theirs = socket.socketpair()
    with mine:
        with theirs:
            held = (theirs.fileno(), *(() if lock is None else (lock,)))
            process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(launch.__file__)), str(theirs.fileno()), *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, cwd=folder, env=environment,
                pass_fds=held, process_group=0,
            )  # fmt: skip
        with process:
            try:
                yield Running(process, mine)
            except BaseException:
                mine.close()  # at which the launcher ends the program
                process.wait()
                raise


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
