"""TOML as Python values, with limits that are held before it is parsed: size, depth, and the parts of dotted keys.

The parser of the standard library keeps something for every beginning of a dotted key, and calls itself for every
bracket: a key of twenty thousand parts takes a gigabyte.
"""

from __future__ import annotations

import re
from typing import Any

from froude.documents.document_error import DocumentError
from froude.documents.text import utf8
from froude.documents.values import DEEPEST, check_values
from froude.errors import shown

LARGEST_TOML = 2**19  # bytes; the longest file of ours has a tenth
MOST_PARTS = 32  # of a dotted key
MOST_FURTHER_PARTS = 10_000  # of all keys together, beyond two of each

_PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?(?:"""|\Z)'  # texts of many lines, to the end of all where they lack their own
    r"|'''.*?(?:'''|\Z)"
    r"|\#[^\n]*"
    rf"|(?P<key>{_PART}(?:[ \t]*+\.[ \t]*+{_PART})++)"
    r"""|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|[\w-]++"""
    r"|(?P<open>[\[{])|(?P<close>[\]}])",
    re.DOTALL,
)
"""Always matches where it begins to, so that a scan is linear in the text."""


def parse_toml(body: bytes | str, finite: bool = True) -> Any:
    """The table of a TOML document. DocumentError for what is none, or has NaN or infinities where all is `finite`."""
    import tomllib

    if len(body) > LARGEST_TOML:
        raise DocumentError(f"it has {len(body)} bytes, at most {LARGEST_TOML} are read")
    text = utf8(body)
    _check_shape(text)
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DocumentError(f"it is no TOML: {_brief(error)}") from None
    except RecursionError:
        raise DocumentError("it is nested too deeply") from None
    except ValueError as error:
        raise DocumentError(f"it holds a number or date that cannot be read: {_brief(error)}") from None
    return check_values(value, finite)


def _check_shape(text: str) -> None:
    """DocumentError for brackets that are nested too deeply, and for a dotted key of too many parts."""
    depth = further = 0
    for token in _TOKEN.finditer(text):
        depth = max(0, depth + (token["open"] is not None) - (token["close"] is not None))
        if depth > DEEPEST:
            raise DocumentError("it is nested too deeply")
        if key := token["key"]:
            further += max(0, key.count(".") - 1)
            if key.count(".") >= MOST_PARTS or further > MOST_FURTHER_PARTS:
                raise DocumentError(f"the key {shown(key, 40)} is one dotted part too many: write tables, as in [a.b]")


def _brief(error: ValueError) -> str:
    text = str(error)
    return text if len(text) <= 120 and text.isprintable() else shown(text, 120)
