"""Columns that are neither numbers nor texts, and tables that are no files."""

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from froude import fit
from froude.errors import InputError
from froude.runs import read_runs


@pytest.mark.parametrize(
    "value", [b"\xff", [1.0], {"a": [{"b": None}]}, [[b"a"]], pl.Series(["x"], dtype=pl.Enum(["x"]))]
)
@pytest.mark.parametrize("column", ["run", "status", "epoch", "tag"])
def test_columns_of_other_kinds_become_texts(tmp_path: Path, column: str, value: Any) -> None:
    values = value.new_from_index(0, 6) if isinstance(value, pl.Series) else pl.Series([value] * 6)
    frame = pl.DataFrame(
        {"N": [5e6, 1.5e7, 5e7] * 2, "D": [1e8, 4e8, 8e8] * 2, "loss": [4.9, 4.2, 3.8, 4.8, 4.1, 3.7], column: values}
    )
    frame.write_parquet(tmp_path / "runs.parquet")
    for source in (tmp_path / "runs.parquet", frame):
        runs = read_runs(source)
        assert isinstance(runs[column][0], str)
        assert fit("power", runs, draws=20, starts=1).n == len(frame)


def test_a_pipe_is_no_table_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "runs.csv")
    with pytest.raises(InputError, match="is no file to read a table from, it is a pipe: give a plain file"):
        read_runs(tmp_path / "runs.csv")
