"""Where a document enters: one value says what it should be, and reads, parses and checks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, final

from froude.documents.bytes_of_files import bytes_of
from froude.documents.checking import as_type
from froude.documents.document_error import DocumentError
from froude.documents.json_text import parse_json
from froude.documents.toml_text import parse_toml
from froude.errors import MOST_LETTERS, InputError, shown

T = TypeVar("T")

_READABLE = "give a plain file that you may read"
_LONGEST_NAME = 120  # characters of a path that a line shows


@final
@dataclass(frozen=True, kw_only=True)
class DocumentKind:
    """What a document should be and what to do where it is none, as the errors of all its methods say it.

    `what` is a noun, "fit file"; `remedy` an imperative, "give a file that froude fit wrote"; `missing` is the remedy
    for a file that is not there, where it is another. Names of documents are paths, or what else tells where it stands.

    Types are those that msgspec converts to: frozen dataclasses, lists, numbers, and Annotated with bounds. A number
    of a document is finite unless `finite` is False. Files of more than `largest` bytes are not read.
    """

    what: str
    remedy: str
    missing: str | None = None
    finite: bool = True
    largest: int = 16 * 2**20

    def read_json(self, path: str | Path, kind: type[T]) -> T:
        """The JSON document in a file, as a value of this type. InputError for any other, or none."""
        return self._checked(str(path), parse_json, self.bytes_of(path), kind)

    def read_toml(self, path: str | Path, kind: type[T]) -> T:
        """The TOML document in a file, as a value of this type. InputError for any other, or none."""
        return self._checked(str(path), parse_toml, self.bytes_of(path), kind)

    def parse_json(self, body: bytes | str, name: str, kind: type[T]) -> T:
        """The JSON document in these bytes, as a value of this type. InputError, which has the name, for any other."""
        return self._checked(name, parse_json, body, kind)

    def parse_toml(self, body: bytes | str, name: str, kind: type[T]) -> T:
        """The TOML document in these bytes, as a value of this type. InputError, which has the name, for any other."""
        return self._checked(name, parse_toml, body, kind)

    def check(self, value: object, name: str, kind: type[T]) -> T:
        """A parsed value as one of this type. InputError, which has the name, for any other."""
        try:
            return as_type(value, kind)
        except DocumentError as fault:
            raise self.wrong(name, str(fault)) from None

    def bytes_of(self, path: str | Path) -> bytes:
        """The bytes of a file. InputError for one that is missing, no plain file, too large or not to be read."""
        try:
            return bytes_of(path, self.largest)
        except FileNotFoundError:
            raise InputError(f"there is no file {_name(str(path))}: {self.missing or self.remedy}") from None
        except (OSError, DocumentError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{_name(str(path))} cannot be read ({reason}): {_READABLE}") from None

    def wrong(self, name: str | Path, fault: str) -> InputError:
        """The error that says what is wrong with a document: "levels is 'x', not a number"."""
        head, tail = f"{_name(str(name))} is no {self.what} (", f"): {self.remedy}"
        most = MOST_LETTERS - len(head) - len(tail)
        return InputError(head + (fault if len(fault) <= most else f"{fault[: most - 3]}...") + tail)

    def _checked(self, name: str, parse: Callable[[bytes | str, bool], Any], body: bytes | str, kind: type[T]) -> T:
        try:
            return as_type(parse(body, self.finite), kind)
        except DocumentError as fault:
            raise self.wrong(name, str(fault)) from None


def _name(name: str) -> str:
    return shown(name, _LONGEST_NAME)
