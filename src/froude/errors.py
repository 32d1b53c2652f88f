"""The one error a user can cause, how its line is kept short and harmless, and what stands in it."""

import difflib
import math
import re
import reprlib
from collections.abc import Iterable

LONGEST = 80
"""Characters of a value that a line shows at most."""
MOST_LETTERS = 390
"""Letters of an error's line; the command line puts its own name before it."""

_MOST_BITS = 512  # of an integer that is written out
_MOST_READABLE_BITS = 14_000  # Python refuses to write integers of more than 4300 digits
_ECHO = 40  # letters that stay of a text that a line quotes, and of a word without blanks
_QUOTED = re.compile(r"(?<!\w)(['\"])((?:(?!\1).){61,})\1(?!\w)")
_WORD = re.compile(r"\S{81,}")


class InputError(ValueError):
    """Bad input. Its text is one line that names the offending value and the remedy, and at most 390 letters long."""

    def __init__(self, text: object = "") -> None:
        super().__init__(one_line(str(text)))


def one_line(text: str) -> str:
    """Return a text in one line: blanks for its breaks, escapes for what is no letter, and what it quotes cut short.

    A line that is too long loses the end of long quotations and words, then its middle: what went wrong stands first,
    the remedy last.
    """
    line = visible(" ".join(text.split()))
    if len(line) > MOST_LETTERS:
        line = _QUOTED.sub(lambda found: f"{found[1]}{found[2][:_ECHO]}…{found[1]}", line)
    if len(line) > MOST_LETTERS:
        line = _WORD.sub(lambda found: f"{found[0][:_ECHO]}…", line)
    if len(line) > MOST_LETTERS:
        half = MOST_LETTERS // 2
        line = f"{line[:half].rstrip()} … {line[3 - half :].lstrip()}"
    return line


def visible(text: str) -> str:
    """Return a text with escapes such as \\x1b for what a terminal would obey or not show."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shown(value: object, most: int = LONGEST) -> str:
    """A value as a line shows it: its repr, control characters escaped, the middle left out where it is long."""
    text = _Brief(most).repr(value)
    head = (most - 3) * 2 // 3
    return text if len(text) <= most else f"{text[:head]}...{text[head + 3 - most :]}"


def close_names(name: str, known: Iterable[str], n: int = 1, cutoff: float = 0.6) -> list[str]:
    """The known names that are spelled most like another one, of which the beginning counts: at most n, alike enough.

    `cutoff` is the share of letters in common from which they are.
    """
    return difflib.get_close_matches(name[:LONGEST], [*known], n=n, cutoff=cutoff)


class _Brief(reprlib.Repr):
    """The repr of anything, without the work that one of a large or deep value would take."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxtuple, self.maxdict = 3, 4, 4, 4
        self.maxstring = self.maxother = most

    def repr_int(self, x: int, level: int) -> str:
        """An integer, or how many digits it has."""
        if x.bit_length() <= _MOST_BITS:
            return repr(x)
        is_readable = x.bit_length() < _MOST_READABLE_BITS
        digits = len(str(abs(x))) if is_readable else f"about {x.bit_length() * math.log10(2):.0f}"
        return f"an integer of {digits} digits"
