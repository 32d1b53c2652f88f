"""What a user reads when a command cannot go on: one line, and an exit code."""

import errno
import os
import sys
from typing import Any

from froude.errors import InputError, one_line

DONE_IS_KEPT = "give the same command again, nothing finished is lost"


def exit_code_of(error: BaseException) -> int:
    """Prints an error that the user can put right and returns the exit code; raises any other again."""
    if isinstance(error, BrokenPipeError):
        silence_stdout()
        return 1
    # Wrong usage; the classes of these errors, alone in having this method, move between versions of typer.
    if hasattr(error, "format_message"):
        tell(usage_of(error))
        return 2
    if isinstance(error, KeyboardInterrupt):
        tell(f"stopped: {str(error) or DONE_IS_KEPT}")
        return 130
    sentence = what_to_do(error)
    if sentence is None:
        raise error
    tell(sentence)
    return 1


def what_to_do(error: BaseException) -> str | None:
    """What went wrong and what to do; None for a bug, which the user cannot put right."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" for {str(error.filename)!r}" if error.filename else ""
        return f"the disk is full: free some space{place} and {DONE_IS_KEPT}"
    if isinstance(error, OSError) and error.filename:
        return f"{str(error.filename)!r}: {error.strerror}; put that right and {DONE_IS_KEPT}"
    return f"a training failed ({error}): {DONE_IS_KEPT}" if is_failed_task(error) else None


def is_failed_task(error: BaseException) -> bool:
    """Whether a worker of an engine failed; imports its module only once something has gone wrong."""
    from froude.engines import TaskFailedError

    return isinstance(error, TaskFailedError)


def usage_of(error: BaseException) -> str:
    """What is wrong with the words given, and where to read how they should be."""
    complaint = one_line(getattr(error, "format_message")()).rstrip(".")  # noqa: B009
    if (value := refused_value(error)) is not None and repr(value) not in complaint:
        complaint += f", not {value!r}"
    command = getattr(getattr(error, "ctx", None), "command_path", "froude")
    return f"{complaint} (see {command} --help)"


def refused_value(error: BaseException) -> object | None:
    """What an option was given, where a version of typer that checks with pydantic does not name it."""
    details: Any = getattr(error.__cause__, "errors", None)
    return details()[0].get("input") if callable(details) else None


def tell(message: str) -> None:
    """One line on stderr, of fewer than 400 letters."""
    print("froude: " + one_line(message), file=sys.stderr)


def silence_stdout() -> None:
    """Sends what is still to be written on stdout nowhere: its reader, `head` say, has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
