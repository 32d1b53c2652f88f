"""Any dataframe that narwhals knows: polars, pandas, PyArrow and others, read at once or lazily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.runs.readers.reader import Curves, path_of, runs_of
from froude.runs.table import Runs


@final
@dataclass(frozen=True, kw_only=True)
class DataframeReader:
    """Reads a dataframe that is in memory already, or a plan of one."""

    kinds: tuple[str, ...] = ()

    def recognises(self, source: object) -> bool:
        """Whether narwhals takes the source for a dataframe."""
        if path_of(source) is not None:
            return False
        import narwhals as nw

        try:
            nw.from_native(source)  # pyright: ignore[reportArgumentType, reportCallIssue]
        except TypeError:
            return False
        return True

    def read(self, source: Any, columns: Mapping[str, str] | None = None) -> Runs:
        """Return the runs in the dataframe, one a row."""
        import narwhals as nw

        frame = nw.from_native(source)
        eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
        return runs_of(eager.to_polars(), source, columns)

    def curves(self, source: Any) -> Curves | None:
        """None: a dataframe holds a row for each run."""
        return None
