"""What an address asks for: the part behind the question mark, which is all the state that a page has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final
from urllib.parse import urlencode

from froude.errors import InputError, shown
from froude.quantity import parse_quantity

LONGEST = 2000
"""Letters of one value, at most."""


@final
@dataclass(frozen=True)
class AddressQuery:
    """Names with their values, in the order in which they were given; what is empty counts as not given."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> AddressQuery:
        """The query with these pairs. InputError for a value that is longer than any can be, or holds NUL."""
        kept = tuple((name, value.strip()) for name, value in pairs if value.strip())
        for name, value in kept:
            if len(value) > LONGEST or "\0" in value:
                raise InputError(f"{shown(name, 40)}={shown(value, 40)} is no value: give at most {LONGEST} letters")
        return cls(kept)

    def one(self, name: str, default: str = "") -> str:
        """The last value of a name."""
        return next((value for key, value in reversed(self.pairs) if key == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """The values of a name, each once."""
        return tuple(dict.fromkeys(value for key, value in self.pairs if key == name))

    def without(self, *names: str) -> AddressQuery:
        """The query without these names."""
        return AddressQuery(tuple((key, value) for key, value in self.pairs if key not in names))

    def with_values(self, values: Mapping[str, object]) -> AddressQuery:
        """The query with these in place of what the names were; None and "" leave them out."""
        new = tuple((key, str(value)) for key, value in values.items() if value not in (None, ""))
        return AddressQuery((*self.without(*values).pairs, *new))

    def only(self, names: Iterable[str]) -> AddressQuery:
        """The query with these names alone."""
        kept = {*names}
        return AddressQuery(tuple((key, value) for key, value in self.pairs if key in kept))

    def whole(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`. InputError for anything else."""
        text = self.one(name, str(default))
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:12]) <= most:
            raise InputError(f"{name}={shown(text, 40)} is no whole number: give one from 1 to {most}")
        return int(text)

    def amount(self, name: str, expect: str | None = None) -> float | None:
        """A quantity, None where it is not given. InputError where it does not parse."""
        text = self.one(name)
        if not text:
            return None
        try:
            return parse_quantity(text, expect=expect)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None

    def __str__(self) -> str:
        return urlencode(self.pairs)
