"""What a user is told when a command cannot go on: one line, and an exit code."""

import errno
import sys

import typer
from typer.exceptions import TyperException

from froude.errors import InputError


def exit_code_of(error: BaseException) -> int:
    """Tells the user of an error that is theirs to mend and returns the exit code; raises any other error again."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        tell("stopped; the same command goes on from here")
        return 130
    if isinstance(error, InputError):
        tell(str(error))
        return 1
    if isinstance(error, TyperException):
        message = getattr(error, "format_message", lambda: str(error))()
        if message:
            tell(f"{' '.join(message.split())} (see froude --help)")
        return 2
    if isinstance(error, BrokenPipeError):
        return 1
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        tell("the disk is full: free some space and give the same command again, nothing finished is lost")
        return 1
    raise error


def tell(message: str) -> None:
    """One line on stderr."""
    print("froude: " + " ".join(message.split()), file=sys.stderr)
