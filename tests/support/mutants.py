"""Documents with one thing wrong: a node replaced, taken out or added, or bytes cut and flipped; by seed."""

from __future__ import annotations

import copy
import json
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from froude.errors import InputError

LONGEST_LINE = 400


def deep(depth: int) -> Any:
    """A list in a list, and so on."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def wrong_values(rng: random.Random) -> list[Any]:
    """What may stand where something else belongs, or the same with another value."""
    numbers = [
        0,
        -1,
        1,
        2,
        3.5,
        -0.5,
        1e-300,
        1e300,
        10**18,
        10**30,
        10**400,
        float("nan"),
        float("inf"),
        -float("inf"),
    ]
    texts = [
        "",
        "x",
        "512",
        "a" * 5000,
        "\x1b[31m",
        "\u202e",
        "nan",
        "1e999",
        "70B",
        "power",
        "\n",
        "é",
        "../..",
        "a.b",
    ]
    return [*numbers, *texts, None, True, False, [], {}, [1], ["x"], {"a": 1}, [[]], deep(30), deep(300), rng.random()]


def places(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document but the whole, few of a long list."""
    inner = list(document.items() if isinstance(document, dict) else enumerate(document)) if _holds(document) else []
    for key, value in inner if isinstance(document, dict) else inner[:3]:
        yield (*place, key)
        yield from places(value, (*place, key))


def mutant(document: Any, rng: random.Random) -> Any:
    """The document with one place changed."""
    made = copy.deepcopy(document)
    *way, last = rng.choice(list(places(document)))
    holder = made
    for key in way:
        holder = holder[key]
    match rng.randrange(6):
        case 0:
            del holder[last]
        case 1 if isinstance(holder, dict):
            holder[rng.choice(["extra", "", "a.b", "\x1b", "x" * 3000])] = rng.choice(wrong_values(rng))
        case 1:
            holder.insert(last, rng.choice(wrong_values(rng)))
        case 2 if isinstance(holder[last], int | float) and not isinstance(holder[last], bool):
            holder[last] = rng.choice([-holder[last], holder[last] * 1e6, str(holder[last]), [holder[last]]])
        case _:
            holder[last] = rng.choice(wrong_values(rng))
    return made


def damaged(body: bytes, rng: random.Random) -> bytes:
    """Bytes cut short, with a byte flipped, or with some taken twice or out."""
    at, end = sorted(rng.randrange(len(body) + 1) for _ in range(2))
    changed = bytes([body[at % len(body)] ^ 1 << rng.randrange(8)])
    return rng.choice(
        [body[:at], body[at:], body[:at] + changed + body[at + 1 :], body[:at] + body[end:], body[:end] + body[at:]]
    )


def json_mutants(document: Any, seed: int, count: int) -> Iterator[bytes]:
    """That many JSON files that are nearly the document."""
    rng = random.Random(seed)
    for _ in range(count):
        if rng.random() < 0.25:
            yield damaged(json.dumps(document).encode(), rng)
        else:
            yield json.dumps(mutant(document, rng)).encode()


def toml_text(document: dict[str, Any]) -> str:
    """A table as TOML, inner tables inline; lone values as they come, so that it may be none."""
    return "".join(f"{_toml_key(key)} = {_toml(value)}\n" for key, value in document.items())


def toml_mutants(document: dict[str, Any], seed: int, count: int) -> Iterator[bytes]:
    """That many TOML files that are nearly the document."""
    rng = random.Random(seed)
    for _ in range(count):
        if rng.random() < 0.25:
            yield damaged(toml_text(document).encode(), rng)
        else:
            yield toml_text(mutant(document, rng)).encode("utf-8", "replace")


def outcome(function: Callable[[], object]) -> str | None:
    """The line of the InputError that a call ends with, None for success; no warning, no other error, no long line."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            function()
        except InputError as error:
            line = str(error)
            assert len(line) < LONGEST_LINE, line
            assert line.isprintable(), ascii(line)
            return line
    return None


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list)


def _toml_key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "_").isidentifier() else json.dumps(key)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value) if isinstance(value, float) else "''" if value is None else json.dumps(value)
