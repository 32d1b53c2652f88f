"""What a user reads when a command cannot go on: one line, and an exit code."""

import errno
import os
import sys
from contextlib import suppress

from froude.errors import InputError, one_line
from froude.files import FULL

DONE_IS_KEPT = "give the same command again, nothing finished is lost"


def exit_code_of(error: BaseException) -> int:
    """Prints an error that the user can put right and returns the exit code; raises any other again."""
    if isinstance(error, BrokenPipeError) and error.filename is None:  # the reader of stdout, `head` say, has left
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
    if isinstance(error, OSError) and error.errno:
        return what_to_do_about_a_file(error)
    return what_of_a_task(error)


def what_to_do_about_a_file(error: OSError) -> str:
    """What the system refused, for which file if that is known, and what to do."""
    file = repr(str(error.filename)) if error.filename else ""
    if error.errno in FULL:
        return f"the disk is full: free some space{file and f' for {file}'} and {DONE_IS_KEPT}"
    if error.errno == errno.EFBIG:
        return f"{file or 'a file'} may not grow as large: raise the limit (ulimit -f) and {DONE_IS_KEPT}"
    if error.errno == errno.ENOENT and file and not os.path.isdir(os.path.dirname(str(error.filename)) or "."):
        return f"{file} has no folder any more: put that back and give the same command again"
    return f"{file or 'the system'}: {error.strerror}; put that right and {DONE_IS_KEPT}"


def what_of_a_task(error: BaseException) -> str | None:
    """What to do where a worker of an engine failed; its module is imported only once something has gone wrong."""
    from froude.engines import TaskFailedError, WorkerDiedError

    if isinstance(error, WorkerDiedError):
        return f"a training was stopped ({error}): close what else needs memory and {DONE_IS_KEPT}"
    if isinstance(error, TaskFailedError):
        return f"a training failed ({error}), and would again: nothing finished is lost, please report this line"
    return None


def usage_of(error: BaseException) -> str:
    """What is wrong with the words given, and where to read how they should be."""
    complaint = one_line(getattr(error, "format_message")()).rstrip(".")  # noqa: B009
    if (value := refused_value(error)) is not None and repr(value) not in complaint:
        complaint += f", not {value!r}"
    command = getattr(getattr(error, "ctx", None), "command_path", "froude")
    return f"{complaint} (see {command} --help)"


def refused_value(error: BaseException) -> object | None:
    """What an option was given, where a version of typer that checks with pydantic does not name it."""
    details = getattr(error.__cause__, "errors", list)()
    return details[0].get("input") if details else None


def tell(message: str) -> None:
    """One line on stderr, of fewer than 400 letters; nobody can be told that stderr cannot be written."""
    with suppress(OSError):
        print("froude: " + one_line(message), file=sys.stderr)


def silence_stdout() -> None:
    """Sends what is still to be written on stdout nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
