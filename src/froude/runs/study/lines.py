"""JSON lines, read so that a line cut short by a dying process harms no other."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import msgspec

from froude.documents.bytes_of_files import bytes_of

_WHOLE = msgspec.json.Decoder()


@final
@dataclass(frozen=True, kw_only=True)
class JsonLines:
    """The objects of a JSONL file in order, and the 1-based numbers of the lines that are no JSON object."""

    objects: tuple[dict[str, Any], ...]
    broken: tuple[int, ...]


def read_json_lines(path: Path) -> JsonLines:
    """Return what a JSONL file holds; blank lines count for nothing, NaN and Infinity are numbers.

    Raises OSError if the file cannot be read, DocumentError if it is no plain file: a pipe would wait for ever.
    """
    body = bytes_of(path)
    with suppress(ValueError, RecursionError):  # most files are whole, and one call reads those
        whole = _WHOLE.decode_lines(body)
        if all(isinstance(value, dict) for value in whole):
            return JsonLines(objects=tuple(whole), broken=())
    lines = [(i, line) for i, line in enumerate(body.split(b"\n"), start=1) if line.strip()]
    parsed = [(i, parse_line(line)) for i, line in lines]
    return JsonLines(
        objects=tuple(value for _, value in parsed if isinstance(value, dict)),
        broken=tuple(i for i, value in parsed if not isinstance(value, dict)),
    )


def json_lines(objects: Iterable[object]) -> bytes:
    """Return the bytes of a JSONL file of these objects. Raises TypeError for what JSON has no form for."""
    return b"".join(json.dumps(o, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for o in objects)


def parse_line(line: bytes) -> object:
    """Return what a line of JSON holds, whose numbers may be NaN; None for one that is no JSON."""
    for parse in (msgspec.json.decode, json.loads):  # the first is six times as fast, the other knows NaN
        try:
            return parse(line)
        except (ValueError, RecursionError):  # also for bytes that are not UTF-8
            continue
    return None
