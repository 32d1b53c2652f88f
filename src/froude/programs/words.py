"""The command line of a program, as a shell would write it, as words; and the end of what a program printed."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from froude.errors import InputError

FOR_A_SHELL = frozenset({"|", ">", "<", ">>", "&&", "||", ";", "&"})


def words_of(text: str) -> tuple[str, ...]:
    """The words of a program with its arguments; a program whose name has a brace is not looked for.

    InputError where it needs a shell, or its program is not found.
    """
    try:
        words = tuple(shlex.split(text))
        shell = FOR_A_SHELL & {*shlex.shlex(text, posix=True, punctuation_chars=True)}
    except ValueError as error:
        raise InputError(f"command {text!r} cannot be read ({error}): close its quotes") from None
    if not words:
        raise InputError("a command is empty: give a program and its arguments")
    if shell:
        raise InputError(f"command {text!r} has {min(shell)!r}, which is for a shell: write sh -c '…'")
    if "{" not in words[0] and shutil.which(words[0]) is None:
        if Path(words[0]).is_file():
            raise InputError(f"command {text!r}: {words[0]!r} may not be run: chmod +x it, or name what runs it")
        raise InputError(f"command {text!r}: no program {words[0]!r} is found: check its name or give its path")
    return words


def last_line(printed: bytes) -> str:
    """The last line that is not blank, or that nothing was printed."""
    lines = printed.decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it prints nothing")
