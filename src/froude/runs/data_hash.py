"""A hash of the data in a table: the same for the same numbers and texts, whatever the file that held them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl


def data_sha256(frame: pl.DataFrame) -> str:
    """Return the SHA-256 of the names and values of a frame's columns, as 64 hexadecimal digits.

    The order of rows counts, that of columns does not. A number is hashed as the 64-bit float nearest to it (so 1 and
    1.0 are the same, and 0.1 in 32 bits is another number than 0.1 in 64), all NaNs are one, a missing value and an
    empty text are the same, any other value is hashed as its text. So neither the kind of file, the machine nor the
    chunks in which rows were read make a difference.
    """
    digest = hashlib.sha256()
    for name in sorted(frame.columns):
        for part in _parts(frame[name]):
            digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _parts(series: pl.Series) -> Iterator[bytes]:
    """The name of a column, which of its values are missing, a bit each, and the others."""
    import polars as pl

    if series.dtype.is_numeric():
        series = series.cast(pl.Float64)
        values = series.drop_nulls().to_numpy().astype("<f8")
        values[np.isnan(values)] = np.nan
        body = (values + 0.0).tobytes()  # −0.0 becomes 0.0
    else:
        texts = [None if value is None else _text(value) for value in series.to_list()]
        series = pl.Series(texts, dtype=pl.String).replace("", None)
        body = b"".join(len(t).to_bytes(8, "little") + t for t in (t.encode() for t in series.drop_nulls()))
    yield series.name.encode()
    yield np.packbits(series.is_null().to_numpy()).tobytes()
    yield body


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
