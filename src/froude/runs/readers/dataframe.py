"""Any dataframe that narwhals knows: polars, pandas, PyArrow and others, read at once or lazily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.errors import InputError
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
        except Exception:  # a dataframe with something wrong, which `read` says
            return True
        return True

    def read(self, source: Any, columns: Mapping[str, str] | None = None) -> Runs:
        """Return the runs in the dataframe, one a row."""
        import narwhals as nw

        try:
            frame = nw.from_native(source)
            eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
            polars = eager.to_polars()
        except Exception as error:  # every dataframe library has errors of its own
            raise _unreadable(source, error) from None
        return runs_of(polars, source, columns)

    def curves(self, source: Any) -> Curves | None:
        """None: a dataframe holds a row for each run."""
        return None


def _unreadable(source: Any, error: Exception) -> InputError:
    names = [str(name) for name in getattr(source, "columns", ())]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        return InputError(f"the dataframe has {names.count(twice[0])} columns called {twice[0]!r}: rename them")
    return InputError(
        f"the dataframe cannot be read ({type(error).__name__}: {str(error).splitlines()[0]}): "
        "give columns of numbers and texts"
    )
