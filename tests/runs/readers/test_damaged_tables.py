"""Tables that are damaged: each is refused in one line, or is a table of runs."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from froude.errors import InputError
from froude.runs import read_runs
from mutants import damaged, json_mutants, mutant, outcome

ROWS = [{"N": 1e6 * i, "D": 1e9 * i, "loss": 3.2 - i / 10, "cfg": {"lr": 1e-3, "w": [1, 2]}} for i in range(1, 6)]
SHAPES: dict[str, Any] = {
    "records": ROWS,
    "columns": {"N": [1e6, 2e6], "D": [1e9, 2e9], "loss": [3, 2.9]},
    "split": {"columns": ["N", "D", "loss"], "data": [[1e6, 1e9, 3.0], [2e6, 1e9, 2.9]]},
    "pandas": {"N": {"0": 1e6, "1": 2e6}, "loss": {"0": 3.0, "1": 2.9}, "D": {"0": 1e9, "1": 1e9}},
    "among others": {"runs": ROWS, "name": "x"},
}


def damaged_lines(seed: int, count: int) -> Iterator[bytes]:
    """JSON lines of which one is nearly a run."""
    rng = random.Random(seed)
    for _ in range(count):
        rows = [*ROWS]
        rows[rng.randrange(len(rows))] = mutant(rng.choice(ROWS), rng)
        body = "\n".join(map(json.dumps, rows)).encode()
        yield damaged(body, rng) if rng.random() < 0.3 else body


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mutated_table_in_json_is_refused_in_a_line_or_read(shape: str, tmp_path: Path) -> None:
    lines = []
    for body in json_mutants(SHAPES[shape], 0, 60):
        (tmp_path / "runs.json").write_bytes(body)
        lines.append(outcome(lambda: read_runs(tmp_path / "runs.json")))
    assert None in lines
    assert any(lines)


def test_a_mutated_file_of_json_lines_is_refused_in_a_line_or_read(tmp_path: Path) -> None:
    lines = []
    for body in damaged_lines(0, 100):
        (tmp_path / "runs.jsonl").write_bytes(body)
        lines.append(outcome(lambda: read_runs(tmp_path / "runs.jsonl")))
    assert None in lines
    assert any(lines)


def test_a_panic_of_polars_over_a_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(body: bytes) -> pl.DataFrame:
        raise pl.exceptions.PanicException("range end index 8154 out of range for slice of length 1843")

    pl.DataFrame({"C": [1e18, 2e18], "loss": [3.0, 2.9]}).write_parquet(tmp_path / "runs.parquet")
    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(InputError, match=r"cannot be read as \.parquet \(range end index 8154"):
        read_runs(tmp_path / "runs.parquet")
