"""The one error a user can cause, and how a value stands in its line."""

import reprlib

LONGEST = 80
"""Characters of a value that a line shows at most."""
_MOST_BITS = 512  # of an integer that is written out; Python refuses to write those of more than 4300 digits


class InputError(ValueError):
    """Bad input. Its text is one line that names the offending value and the remedy."""


def shown(value: object, most: int = LONGEST) -> str:
    """A value as a line shows it: its repr, control characters escaped, the middle left out where it is long."""
    text = _Brief(most).repr(value)
    head = (most - 3) * 2 // 3
    return text if len(text) <= most else f"{text[:head]}...{text[head + 3 - most :]}"


class _Brief(reprlib.Repr):
    """The repr of anything, without the work that one of a large or deep value would take."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxtuple, self.maxdict = 3, 4, 4, 4
        self.maxstring = self.maxother = most

    def repr_int(self, x: int, level: int) -> str:
        """An integer, or how many digits it has."""
        return repr(x) if x.bit_length() <= _MOST_BITS else f"an integer of about {_digits(x)} digits"


def _digits(number: int) -> int:
    return round(number.bit_length() * 0.30103)
