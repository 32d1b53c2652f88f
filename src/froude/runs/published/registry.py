"""The public run tables that Froude knows, read from `published.toml`."""

from __future__ import annotations

import functools
from pathlib import Path
from types import MappingProxyType
from typing import Any

from froude.runs.published.originals import Original
from froude.runs.published.table import Column, PublishedFile, PublishedResult, PublishedTable, unknown


@functools.cache
def published_tables() -> tuple[PublishedTable, ...]:
    """Return every public run table that Froude knows."""
    import tomllib

    text = Path(__file__).with_name("published.toml").read_text(encoding="utf-8")
    return tuple(_table(**values) for values in tomllib.loads(text)["table"])


def get_published(name: str) -> PublishedTable:
    """Return the public run table of that id. InputError for another, naming the nearest."""
    for table in published_tables():
        if table.id == name:
            return table
    raise unknown(name, [table.id for table in published_tables()], "published table")


def _table(*, file: list[dict[str, Any]], published: list[dict[str, str]], **values: Any) -> PublishedTable:
    return PublishedTable(
        **_frozen(values),
        files=tuple(_file(**one) for one in file),
        published=tuple(PublishedResult(**result) for result in published),
    )


def _file(*, columns: dict[str, list[str]], original: dict[str, Any], **values: Any) -> PublishedFile:
    return PublishedFile(
        **_frozen(values),
        columns=MappingProxyType(
            {name: Column(meaning=meaning, unit=unit or None) for name, (meaning, unit) in columns.items()}
        ),
        original=Original(**_frozen(original)),
    )


def _frozen(value: Any) -> Any:
    """Lists as tuples and tables as mappings that cannot be written, as values shared by all must be."""
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
