"""Every reader of load tests, and the points in a file that one of them recognises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from froude.documents.bytes_of_files import bytes_of
from froude.documents.document_error import DocumentError
from froude.errors import InputError
from froude.runs.cells.decoding import COMPRESSED, decoded, unpacked
from froude.runs.load_tests.guidellm import GuidellmReader
from froude.runs.load_tests.point import LoadTestReader, ServingPoint, stem_of
from froude.runs.load_tests.sglang import SglangReader
from froude.runs.load_tests.vllm import VllmReader

LOAD_TEST_READERS: tuple[LoadTestReader, ...] = (GuidellmReader(), SglangReader(), VllmReader())
"""Every reader of load tests, in the order in which they are asked; a new one joins here and in the contract suite."""

ENDINGS = (".json", ".jsonl", ".ndjson", ".txt")
HEAD = 2**14
"""Bytes at the beginning by which a test is told."""

LARGEST_BYTES = 2**32


def find_load_test_reader(path: Path) -> LoadTestReader | None:
    """Return the reader that recognises the file at a path; None if none does, or it cannot be read."""
    plain = path.name.lower().removesuffix(path.suffix.lower()) if path.suffix.lower() in COMPRESSED else path.name
    if not plain.lower().endswith(ENDINGS) or not path.is_file():
        return None
    try:
        head = _head(path)
    except (OSError, InputError, DocumentError):
        return None
    return next((reader for reader in LOAD_TEST_READERS if reader.recognises(head)), None)


def load_test_files(source: Path) -> Iterator[Path]:
    """Yield the files of load tests that a source is, or a folder holds, in the order of their names."""
    try:
        files = sorted(source.iterdir()) if source.is_dir() else [source]
    except OSError:
        return
    yield from (path for path in files if find_load_test_reader(path) is not None)


def load_test_points(path: Path) -> tuple[ServingPoint, ...]:
    """Return the points in a file of a load test. Raises InputError, in one line, for what is damaged or holds none."""
    reader = find_load_test_reader(path)
    if reader is None:
        raise InputError(f"{str(path)!r} is no load test that is known: give one of vLLM, SGLang or guidellm")
    try:
        text, _ = decoded(unpacked(bytes_of(path, LARGEST_BYTES)))
        values, torn = _objects(text)
        points = [point for name, value in _named(values, path) for point in reader.points(value, name)]
    except InputError as error:
        raise InputError(f"{str(path)!r} {error}") from None
    except (OSError, DocumentError) as error:
        raise InputError(f"{str(path)!r} cannot be read ({error}): check the path and its rights") from None
    if not points:
        raise InputError(f"{str(path)!r} holds no measured point: {torn or 'its list of tests is empty'}")
    return tuple(points)


def torn_end(path: Path) -> str | None:
    """A note where the last line of a file is cut short and left out."""
    return _objects(decoded(unpacked(bytes_of(path, LARGEST_BYTES)))[0])[1]


def _head(path: Path) -> str:
    """The beginning of a file, as text."""
    if path.suffix.lower() in COMPRESSED:
        body = unpacked(bytes_of(path, LARGEST_BYTES))
    else:
        with path.open("rb") as file:
            body = file.read(HEAD)
    return body[:HEAD].decode("utf-8", errors="replace")


def _named(values: list[dict[str, Any]], path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    stem = stem_of(path)
    return ((stem if len(values) == 1 else f"{stem} {i}", value) for i, value in enumerate(values, start=1))


def _objects(text: str) -> tuple[list[dict[str, Any]], str | None]:
    """The JSON objects in a text, one after the other, and a note where the last is cut short.

    Raises InputError for a text of which the first is cut short, and for what is no object.
    """
    found: list[dict[str, Any]] = []
    decoder, place = json.JSONDecoder(), 0
    while (place := _next(text, place)) < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            if not found:
                raise InputError("is no whole JSON: it may be cut short, write it again") from None
            if "\n" in text[place:].strip():
                raise InputError(f"is no JSON in its test {len(found) + 1}: correct or remove the line") from None
            return found, f"test {len(found) + 1} is cut short and was left out"
        if not isinstance(value, dict):
            raise InputError("holds no result of a load test: a JSON object is meant")
        found.append(value)
    return found, None


def _next(text: str, place: int) -> int:
    """The place of what is no blank."""
    while place < len(text) and text[place].isspace():
        place += 1
    return place
