"""Odd values, and ways to damage what was valid: words, bytes, JSON and TOML."""

import json
import math
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from fuzzing.inputs import chance

NUMBERS = (
    *("0", "-0", "-1", "1", "0.5", "-0.5", "1e-300", "1e-400", "1e12", "1e24", "1e300", "1e308", "-1e308", "1e400"),
    *("nan", "NaN", "inf", "-inf", "Infinity", str(2**31), str(2**53 + 1), str(2**63), str(2**64), str(10**24)),
    *(str(10**308), str(10**400), "9" * 5000, "1_000", "0x10", "0b1", "1e", "1.2.3", "1,5", "1.234,5", "1,000,000"),
    *("1e5.5", "+5", " 7 ", "٣", "１２", "½", "²", "1e+", "1E3", "1d3", "5%", "3+4j", "True", "None", "--1"),
)
TEXTS = (
    *(
        "",
        " ",
        "-",
        "--",
        "text",
        "é",
        "日本語",
        "😀",
        "$x$",
        "$",
        "\\",
        "\\frac{1}{2}",
        "$\\alpha",
        "x^{2}_{",
        "%s %d",
    ),
    *(
        "{n}",
        "{",
        "}",
        "{0.__class__}",
        "[bold]x[/bold]",
        "[/]",
        "[red",
        "<b>&amp;</b>",
        "'",
        '"',
        "';--",
        "a\nb",
        "a\tb",
    ),
    *("\x1b[31mred\x1b[0m", "\x07", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff", "\u0000".replace("\0", "\x01")),
    *("\udcff", "a" * 300, "ab " * 700, "é" * 2000, "(" * 600, "[" * 3000, "../../x", "~", "~nobody", ".", "*", "NaN"),
    *("=", ",", ":", ";", "a=b=c", ",,", "=1", "a=", "@", "#", "!", "|", "`id`", "N", "C", "loss", "null", "__class__"),
)
DEEP = "\ue000deep\ue000"  # stands in JSON for something nested too deep for its writer
VALUES = (
    *(None, True, False, 0, -1, 1, 2, 7, 0.5, -0.5, 1e308, -1e308, 1e-308, math.nan, math.inf, -math.inf),
    *(
        2**31,
        2**63,
        2**64,
        10**24,
        10**308,
        10**400,
        "",
        " ",
        "text",
        "12",
        "1e3",
        "nan",
        "é",
        "\ud800",
        "$x$",
        "\x1b[2J",
    ),
    *("a" * 3000, [], [0], [[]], [None], ["text"], [1, "a"], {}, {"a": 1}, {"": None}, [1] * 200, DEEP),
)
TOML_VALUES = (
    *(
        "0",
        "-1",
        "1",
        "0.5",
        "-0.5",
        "1e308",
        "1e400",
        "nan",
        "inf",
        "-inf",
        "true",
        "false",
        '""',
        '"text"',
        '"8"',
        "[]",
    ),
    *("{}", "[1]", "[[]]", '["a", 1]', "{a = 1}", "1979-05-27", "07:32:00", "0x10", "1_000", str(2**63), str(10**24)),
    *(
        str(10**400),
        '"nan W"',
        '"-5 W"',
        '"1e400 B"',
        '"0 GB/s"',
        '"9 parsecs"',
        '"1 PB"',
        '"$x$"',
        '"\\u001b[2J"',
        "'\\'",
    ),
    *('"' + "a" * 3000 + '"', "[" * 3000 + "]" * 3000, "[" * 60 + "]" * 60, '"NVLink"', '"NVLink -1 GB/s"', '"½"'),
)


def word(rng: random.Random) -> str:
    """An odd word, a number more often than not."""
    return rng.choice(NUMBERS if chance(rng, 0.6) else TEXTS)


def damaged_word(rng: random.Random, text: str) -> str:
    """A word with some letters changed, or another word."""
    if not text or chance(rng, 0.4):
        return word(rng)
    at = rng.randrange(len(text))
    new = rng.choice(("", text[at] * 2, rng.choice("0123456789.-+eE,=:;()[]{} $\\'\"%xN"), rng.choice(TEXTS)))
    return text[:at] + new + text[at + 1 :]


def damaged_bytes(rng: random.Random, body: bytes) -> bytes:
    """Bytes with one damage: flipped, cut, doubled, filled, or written in another encoding."""
    return rng.choice(DAMAGES)(rng, body)


def _flip(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _cut(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _cut_a_little(rng: random.Random, body: bytes) -> bytes:
    return body[: -rng.randint(1, 4)]


def _double(rng: random.Random, body: bytes) -> bytes:
    at, end = sorted(rng.randrange(len(body) + 1) for _ in range(2))
    return body[:end] + body[at:]


def _insert(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    new = rng.choice(
        (b"\0", b"\0" * 40, b"\xff", b"\xef\xbb\xbf", b"\r", b"\n\n", b'"', b"'", b"\x1b[31m", b",", b"[", b"{", b"\\")
    )
    return body[:at] + new + body[at:]


def _encode(rng: random.Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    return text.encode(
        rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp1252", "cp037", "utf-7")), "replace"
    )


def _replace(rng: random.Random, body: bytes) -> bytes:
    return rng.choice(
        (
            b"",
            b"\n",
            b" ",
            b"\0",
            b"{}",
            b"[]",
            b"null",
            b"0",
            b'"a"',
            b"PK\x03\x04" + body[:40],
            b"\x1f\x8b" + body[:40],
        )
    )


DAMAGES: Sequence[Callable[[random.Random, bytes], bytes]] = (
    _flip,
    _flip,
    _cut,
    _cut_a_little,
    _double,
    _insert,
    _encode,
    _replace,
)


def json_bytes(value: Any, depth: int = 20000) -> bytes:
    """A value as JSON, whatever stands for something deep written out."""
    deep = "[" * depth + "]" * depth
    return json.dumps(value, ensure_ascii=True).replace(json.dumps(DEEP), deep).encode()


def damaged_json(rng: random.Random, value: Any) -> Any:
    """A copy of a value of JSON with one place in it changed: each level is entered by a key drawn evenly."""
    if not isinstance(value, dict | list) or not value or chance(rng, 0.15 if isinstance(value, list) else 0.02):
        return rng.choice(VALUES)
    if isinstance(value, list):
        at = rng.randrange(len(value))
        other = [damaged_json(rng, value[at])] if chance(rng, 0.7) else rng.choice(([], [value[at]] * 2, [None]))
        return [*value[:at], *other, *value[at + 1 :]]
    return _damaged_table(rng, value)


def _damaged_table(rng: random.Random, value: dict[str, Any]) -> dict[str, Any]:
    key = rng.choice(list(value))
    how = rng.random()
    if how < 0.45 or (how < 0.8 and not isinstance(value[key], dict | list)):
        return {**value, key: rng.choice(VALUES)}
    if how < 0.8:
        return {**value, key: damaged_json(rng, value[key])}
    if how < 0.92:
        return {name: each for name, each in value.items() if name != key}
    renamed = rng.choice(("", key.upper(), key + " ", "extra", "é"))
    return {renamed if name == key else name: each for name, each in value.items()}


def damaged_toml(rng: random.Random, text: str) -> str:
    """A text of TOML with a value, a key, a line or a table changed."""
    lines = text.splitlines()
    at = rng.randrange(len(lines))
    keyed = [i for i, line in enumerate(lines) if re.match(r'\s*["\w.-]+\s*=', line)]
    how = rng.random()
    if keyed and how < 0.6:
        at = rng.choice(keyed)
        lines[at] = f"{lines[at].partition('=')[0]}= {rng.choice(TOML_VALUES)}"
    elif how < 0.7:
        del lines[at]
    elif how < 0.78:
        lines.insert(at, rng.choice(lines))
    elif keyed and how < 0.9:
        at = rng.choice(keyed)
        key, _, value = lines[at].partition("=")
        renamed = rng.choice((key.strip() + ".x", "extra", "é", "_" + key.strip(), '""'))
        lines[at] = f"{renamed} = {value}"
    else:
        lines.insert(at, rng.choice(TOML_LINES))
    return "\n".join(lines) + "\n"


TOML_LINES = (
    *(
        "[a]",
        "[[a]]",
        "[",
        "a",
        "= 1",
        "a = ",
        "a.b.c = 1",
        "[a.b.c]",
        "a = 1\na = 2",
        '"" = 1',
        "\x00",
        "\x1b",
        "é = 1",
    ),
    *(
        "a" + ".a" * 300 + " = 1",
        "a" + ".a" * 20000 + " = 1",
        "a = " + "{a = " * 2000 + "1" + "}" * 2000,
        "[" + "a." * 3000 + "a]",
    ),
)
