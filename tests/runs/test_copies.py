"""Rows that repeat others in every column count once, whatever the table came in, and that is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from froude import InputError, Runs, fit, read_runs
from planted import planted

pytest_plugins = ["door"]

NAN = float("nan")
ONCE = pl.DataFrame(
    {
        "N": [1e6, 2e6, 4e6, 8e6],
        "D": [1e8, 2e8, 4e8, 8e8],
        "loss": [4.0, 3.5, NAN, 3.0],
        "tag": ["a", None, "a", "b"],
    }
)
COPIED = ONCE[[0, 1, 0, 2, 3, 2, 1]]
FIRST = [1, 2, 4, 5]
SAID = "3 rows repeat others in every column: each counts once (row 3, row 6, row 7);"


def as_csv(frame: pl.DataFrame, folder: Path) -> Path:
    path = folder / "runs.csv"
    frame.write_csv(path)
    return path


def as_lines(frame: pl.DataFrame, folder: Path) -> Path:
    path = folder / "runs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dicts()))
    return path


SOURCES: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "csv": as_csv,
    "jsonl": as_lines,
    "polars": lambda frame, _: frame,
    "lazy": lambda frame, _: frame.lazy(),
    "pandas": lambda frame, _: pd.DataFrame(frame.to_dicts()),
    "pyarrow": lambda frame, _: pa.Table.from_pylist(frame.to_dicts()),
    "columns": lambda frame, _: Runs.from_columns(frame.to_dict(as_series=False)),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_copied_rows_count_once_and_rows_keep_their_numbers(tmp_path: Path, kind: str) -> None:
    runs = read_runs(SOURCES[kind](COPIED, tmp_path))
    assert runs.rows.tolist() == FIRST
    assert runs["N"].tolist() == ONCE["N"].to_list()
    assert [said.startswith(SAID) for said in runs.warnings] == [True]
    assert runs.sha256 == read_runs(SOURCES[kind](ONCE, tmp_path)).sha256


@pytest.mark.parametrize("kind", SOURCES)
def test_rows_that_differ_in_any_column_all_count(tmp_path: Path, kind: str) -> None:
    runs = read_runs(SOURCES[kind](COPIED.with_columns(seed=pl.arange(len(COPIED))), tmp_path))
    assert len(runs) == len(COPIED)
    assert not runs.warnings


def test_one_copied_row_is_said_as_one() -> None:
    (said,) = read_runs(ONCE[[0, 1, 1, 2]]).warnings
    assert said.startswith("1 row repeats another in every column: it counts once (row 3);")


def test_numbers_that_are_equal_repeat_however_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("N,D,loss\n1e6,1e8,3.50\n1000000,100000000,3.5\n2e6,1e8,3.4\n")
    assert read_runs(tmp_path / "runs.csv").rows.tolist() == [1, 3]


def test_cells_of_any_kind_are_compared() -> None:
    frame = ONCE.with_columns(
        pl.Series("list", [[1], [2], [3], [4]]), pl.Series("object", [Path(c) for c in "abcd"], dtype=pl.Object)
    )
    assert read_runs(frame[[0, 1, 0, 2, 3, 2, 1]]).rows.tolist() == FIRST


def test_a_fault_in_a_copied_row_is_named_once_by_the_first(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("N,D,loss\n1e6,1e8,3.5\n-2,1e8,3.4\n-2,1e8,3.4\n")
    with pytest.raises(InputError, match="row 2"):
        read_runs(tmp_path / "runs.csv")
    assert read_runs(tmp_path / "runs.csv", where="N > 0").rows.tolist() == [1]


def test_copies_change_no_number_of_a_fit() -> None:
    columns = planted()
    five = {name: np.repeat(values, 5) for name, values in columns.items()}
    once, copied = (fit("chinchilla", Runs.from_columns(each), draws=50) for each in (columns, five))
    assert copied.n == once.n
    assert copied.params == once.params
    assert copied.intervals == once.intervals
    assert copied.drift == once.drift
    assert [said[:52] for said in {*copied.warnings} - {*once.warnings}] == [
        "144 rows repeat others in every column: each counts "
    ]


def test_the_command_says_copies_in_text_and_json(tmp_path: Path, cli: Any) -> None:
    columns = planted()
    table = as_csv(pl.DataFrame({name: np.repeat(values, 2) for name, values in columns.items()}), tmp_path)
    said = cli("fit", table, "--draws", 50, "--json")
    assert [w for w in json.loads(said.out)["warnings"] if w.startswith("36 rows repeat others")]
    assert "36 rows repeat others" in str(read_runs(table))
