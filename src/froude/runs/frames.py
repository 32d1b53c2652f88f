"""From rows of JSON, texts of CSV and columns of any kind to columns of numbers, switches, dates and texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


def frame_from_rows(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a frame with a column for each key that occurs, null where a row lacks it.

    Lists and objects become their JSON text; a column of numbers and texts becomes numbers where all texts
    are numbers ("nan"), else text.
    """
    import polars as pl

    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame([_series(name, [row.get(name) for row in rows]) for name in names])


def frame_from_csv(source: Path | bytes, separator: str = ",") -> pl.DataFrame:
    """Return the table in a CSV file or its contents. Raises polars' PolarsError for what is none."""
    import polars as pl

    frame = pl.read_csv(source, separator=separator, infer_schema_length=None)
    return frame.with_columns(as_numbers(c) for c in frame if c.dtype == pl.String)


def as_numbers(texts: pl.Series) -> pl.Series:
    """Return texts as floats if each is one: polars takes a CSV column that holds "nan" for texts."""
    import polars as pl

    numbers = texts.str.strip_chars().cast(pl.Float64, strict=False)
    same = numbers.null_count() == texts.null_count() < len(texts)
    return numbers if same else texts


def plain_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with texts for what is no number, switch, date or text: categories, bytes, lists and objects.

    A list or an object becomes its JSON text; bytes that are no UTF-8 are written with escapes.
    """
    import polars as pl

    kinds = (pl.Binary, pl.Categorical, pl.Enum, pl.Object)
    odd = [series for series in frame if series.dtype.is_nested() or series.dtype in kinds]
    return frame.with_columns(pl.Series(each.name, list(map(_text, each.to_list())), dtype=pl.String) for each in odd)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return json.dumps(value, ensure_ascii=False, default=str)


def _series(name: str, values: list[Any]) -> pl.Series:
    import polars as pl

    kinds = {type(v) for v in values if v is not None}
    if kinds <= {bool} or kinds <= {str}:
        return pl.Series(name, values)
    if kinds <= {int, float}:
        whole = kinds == {int} and all(v is None or abs(v) < 2**63 for v in values)
        return pl.Series(name, values if whole else [None if v is None else float(v) for v in values])
    return as_numbers(pl.Series(name, list(map(_text, values))))
