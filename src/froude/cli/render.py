"""What goes to stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from froude.answers.strict_json import strict
from froude.errors import InputError


def say(text: str, end: str = "\n") -> None:
    """Text on stdout; what is no text, in the name of a file say, as escapes."""
    with to_stdout():
        print(text.encode("utf-8", "backslashreplace").decode(), end=end)


@contextmanager
def to_stdout() -> Iterator[None]:
    """Lets an InputError say that stdout cannot be written; BrokenPipeError, where its reader has left, stays."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"cannot write stdout ({error.strerror}): send it to another place") from error


def print_json(value: Any) -> None:
    """One line of strict JSON on stdout."""
    say(json.dumps(strict(value), allow_nan=False))
