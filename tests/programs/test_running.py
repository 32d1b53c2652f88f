"""A program ends with whoever asked for it, and with what it started; what it used is told."""

import fcntl
import os
import sys
import time
from pathlib import Path

import pytest

from froude import InputError
from froude.programs import last_line, running, words_of

LEAVES_A_CHILD = "import os, time\nif not os.fork(): time.sleep(600)\nprint('done', flush=True)"


def python(code: str) -> list[str]:
    """The words that run this code."""
    return [sys.executable, "-S", "-c", code]


def test_what_a_program_leaves_behind_is_ended() -> None:
    with running(python(LEAVES_A_CHILD)) as program:
        printed, _ = program.process.communicate()  # which waits for the child, as it inherits the pipe
        usage = program.usage()
    assert (printed, usage and usage.code, usage and usage.ending) == (b"done\n", 0, "ends with exit code 0")


def test_a_program_that_is_stopped_says_by_what() -> None:
    with running(python("import time; time.sleep(600)")) as program:
        time.sleep(0.3)
        assert not program.is_over
        program.stop()
        usage = program.usage()
    assert usage is not None
    assert usage.ending == "is ended by SIGTERM"


def test_a_lock_is_held_until_the_program_has_ended(tmp_path: Path) -> None:
    lock, other = (os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(2))
    fcntl.flock(lock, fcntl.LOCK_EX)
    with running(python("print('up', flush=True); import time; time.sleep(600)"), lock=lock) as program:
        assert program.output.readline() == b"up\n"
        os.close(lock)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        program.stop()
        program.usage()
    fcntl.flock(other, fcntl.LOCK_EX)  # waits for the last of them
    os.close(other)


def test_what_cannot_be_started_has_used_nothing() -> None:
    with running(["no-such-program"]) as program:
        _, complaints = program.process.communicate()
        assert program.usage() is None
    assert "No such file" in last_line(complaints)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "is empty"), ("a 'b", "close its quotes"), ("cat a | wc", "for a shell"), ("no-such-program x", "is found")],
)
def test_a_command_line_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        words_of(text)
