"""The hash of the data: of what was measured, never of the file that it came in."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from froude.fitting.accounting import count_flops
from froude.runs import Runs, read_runs
from froude.runs.data_hash import data_sha256

TABLE = {
    "name": ["a", "b", "", "d"],
    "params": [1e6, 2e6, 4e6, 8e6],
    "tokens": [100_000_000, 200_000_000, 400_000_000, 800_000_000],
    "loss": [4.1, 3.5, float("nan"), 3.0],
}
FRAME = pl.DataFrame(TABLE)
KNOWN = "90128f14e211cfcff07f699e032f6c8158a0f6f3300c512546441a1eba0085a3"


def test_one_table_has_one_hash_in_every_kind_of_file(tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "t.csv")
    FRAME.write_csv(tmp_path / "t.tsv", separator="\t")
    FRAME.write_parquet(tmp_path / "t.parquet", row_group_size=2)
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in FRAME.to_dicts()))
    files = [tmp_path / f"t.{kind}" for kind in ("csv", "tsv", "parquet", "jsonl")]
    sources = [*files, FRAME, FRAME.lazy(), pa.table(TABLE), FRAME.select(reversed(FRAME.columns))]
    sources.append(pl.concat([FRAME[:1], FRAME[1:]], rechunk=False))
    assert {read_runs(source).sha256 for source in sources} == {KNOWN}


@pytest.mark.parametrize(
    "other",
    [
        {"loss": [4.1, 3.5, None, 3.0]},
        {"loss": [4.1, 3.5, float("nan"), 3.0 + 1e-15]},
        {"name": ["a", "b", "c", "d"]},
        {"name": ["ab", "", "", "d"]},
        {"seed": [1, 2, 3, 4]},
    ],
)
def test_any_other_value_or_column_has_another_hash(other: dict[str, list]) -> None:
    assert data_sha256(pl.DataFrame(TABLE | other)) != KNOWN
    assert data_sha256(FRAME.rename({"name": "run"})) != KNOWN
    assert data_sha256(FRAME.reverse()) != KNOWN


def test_the_hash_is_of_the_data_and_not_of_how_they_are_used() -> None:
    runs = Runs.from_columns(TABLE)
    assert read_runs(FRAME, {"N": "tokens"}).sha256 == count_flops(runs, "6nd").sha256 == runs.sha256
    some = runs.where("N > 1e6")
    assert some.sha256 == some.where("D > 1e8").sha256 == data_sha256(FRAME[1:]) != runs.sha256
