"""From the bytes of a file to text: compression, byte-order marks, and encodings other than UTF-8."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Mapping

from froude.errors import InputError

COMPRESSED = (".gz", ".bz2", ".xz")
"""Endings of compressed files, after that of what is in them."""

_UNPACK: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
}
_NO_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a zip archive: save the sheet as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"PAR1": "Parquet: give it a name that ends in .parquet",
    b"\x28\xb5\x2f\xfd": "compressed with zstandard: unpack it first",
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def unpacked(body: bytes) -> bytes:
    """Return what a compressed body holds, and any other body as it is. InputError for one that is damaged."""
    for magic, unpack in _UNPACK.items():
        if body.startswith(magic):
            try:
                return unpack(body)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
                raise InputError(f"cannot be unpacked ({error}): it may be cut short, copy it again") from None
    return body


def decoded(body: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the text of a file and a note of its encoding where that had to be guessed.

    UTF-8 and what bears a byte-order mark need no note. Raises InputError, which ends a sentence that names the file,
    for what is no text.
    """
    for magic, what in _NO_TEXT.items():
        if body.startswith(magic):
            raise InputError(f"is {what}")
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return _strictly(body[len(mark) :], encoding), ()
    if b"\x00" in body:
        encoding = "utf-16-le" if body[1::2].count(0) >= body[::2].count(0) else "utf-16-be"
        return _strictly(body, encoding), (f"it is read as {encoding.upper()}, without a byte-order mark",)
    try:
        return _text(body.decode()), ()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        byte = body[error.start]
    text = _text(body.decode("cp1252", errors="replace"))
    shown = text.split("\n")[line - 1].strip()[:40]
    return text, (f"it is no UTF-8 (byte 0x{byte:02x} in line {line}) and is read as Windows-1252: {shown!r}",)


def _strictly(body: bytes, encoding: str) -> str:
    try:
        return _text(body.decode(encoding))
    except UnicodeDecodeError as error:
        raise InputError(f"is no {encoding.upper()} text from byte {error.start} on: save it as UTF-8") from None


def _text(text: str) -> str:
    """The text itself. InputError if it has control characters, as what is no text has."""
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InputError(f"is no text (character 0x{ord(found.group()):02x} in line {line}): give a table as text")
    return text
