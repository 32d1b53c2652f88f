"""Tables of serving: names and units in use, what is derived, and what is refused in a line that names the row."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from froude.errors import InputError
from froude.runs import Runs, read_runs
from froude.runs.load_tests.known_readers import load_test_points
from froude.runs.load_tests.point import ServingPoint
from froude.runs.load_tests.table import has_serving_rows, serving_table
from load_tests_written import MODEL, SERVER, SmallLoadTest, sglang_result, vllm_result, written

ROW = {"model": "llama-3.1-8b", "machine": "h100", "engine": "vllm", "tp": 2, "input": 1024, "output": 257}
WHOLE = {**ROW, "concurrency": 8, "ttft_ms": 100.0, "tpot_ms": 10.0}


def point_of(cells: dict[str, Any], columns: dict[str, str] | None = None, **given: Any) -> ServingPoint:
    """The point of one row."""
    runs = Runs.from_columns({name: [value] for name, value in cells.items()})
    (point,) = serving_table(runs, columns, **given).points
    return point


@pytest.mark.parametrize("write", ["write_csv", "write_parquet", "write_ndjson"])
def test_a_table_in_any_file_says_the_same(write: str, tmp_path: Path) -> None:
    path = tmp_path / {"write_csv": "t.csv", "write_parquet": "t.parquet", "write_ndjson": "t.jsonl"}[write]
    getattr(pl.DataFrame({name: [value, value] for name, value in WHOLE.items()} | {"users": [1, 64]}), write)(path)
    runs = read_runs(path)
    assert has_serving_rows(runs)
    first, second = serving_table(runs).points
    assert first.ttft == second.ttft == point_of(WHOLE).ttft


@pytest.mark.parametrize(
    ("column", "value"),
    [("TTFT (ms)", 100.0), ("mean_ttft_ms", 100.0), ("ttft_s", 0.1), ("time_to_first_token_seconds", 0.1)],
)
def test_units_of_a_latency_stand_in_its_name(column: str, value: float) -> None:
    cells = {name: one for name, one in WHOLE.items() if name != "ttft_ms"} | {column: value}
    assert np.isclose(point_of(cells).ttft.mean or 0, 0.1)


def test_names_of_vllm_and_data_sheets_are_known() -> None:
    cells = {"model_id": MODEL, "GPU": "h100", "backend": "trtllm", "tensor_parallel_size": 2, "ISL": 1024, "OSL": 257,
             "max_concurrency": 8, "median_tpot_ms": 8.0, "itl_ms": 10.0, "p99_ttft_ms": 200.0, "dtype": "bfloat16",
             "kv_cache_dtype": "auto", "output_tokens_per_second_per_gpu": 50.0}  # fmt: skip
    point = point_of(cells)
    assert point.stated == {"model": MODEL, "machine": "h100", "engine": "tensorrt-llm", "tp": 2, "devices": 2,
                            "precision": "bf16"}  # fmt: skip
    assert (point.tpot.mean, point.tpot.percentiles, point.ttft.percentiles) == (0.01, {50.0: 0.008}, {99.0: 0.2})
    assert point.output_tokens_per_second == 100


def test_time_per_token_is_what_is_left_after_the_first() -> None:
    point = point_of({**ROW, "rate": 2.0, "ttft_ms": 100.0, "e2e_seconds": 2.66, "tpot_ms": 40.0})
    assert np.isclose(point.tpot.mean or 0, 0.01)
    assert point.notes == (
        "the time per token stated is 4 times (E2E − TTFT) / (output − 1), which is taken: see its definition",
    )


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unit": ({"tpot": 10.0}, "column 'tpot' states no unit: say --columns tpot_ms=tpot or tpot_seconds=tpot"),
    "negative": ({"ttft_ms": -1.0}, "row 1: ttft_ms"),
    "both loads": ({"rate": 2.0}, "row 1: concurrency and rate are both filled"),
    "layout": ({"devices": 3}, "row 1: devices = 3, but tp × pp × dp is 2: correct one of them"),
    "version": ({"version": 0.1}, "row 1: version = 0.1 is a number, and 0.10 would be 0.1: write it in full"),
    "order": ({"e2e_ms": 50.0}, "row 1: the last token comes before the first: correct ttft or e2e"),
    "text": ({"output": "long"}, "row 1: "),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_refused_with_its_row(name: str) -> None:
    cells, line = BAD[name]
    with pytest.raises(InputError) as refused:
        point_of({**WHOLE, **cells})
    assert line in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_what_is_missing_is_asked_for_once() -> None:
    with pytest.raises(InputError) as refused:
        point_of({"model": "llama-3.1-8b", "ttft_ms": 100.0})
    assert str(refused.value) == (
        "row 1: machine, engine, input, output and concurrency (or rate) are not stated: add a column, or give it for "
        "all rows with --fix machine=…,engine=…,input=…,output=…,concurrency=…"
    )
    with pytest.raises(InputError, match="machine '8 x h100' has several devices: say how they work together"):
        point_of({name: one for name, one in WHOLE.items() if name != "tp"} | {"machine": "8 x h100"})


def test_what_is_given_goes_before_what_a_file_says() -> None:
    assert point_of({**WHOLE, "model": "/models/mine"}, model="llama-3.1-8b").stated["model"] == "llama-3.1-8b"
    with pytest.raises(InputError, match="--fix zero=…: nothing of serving has that name"):
        point_of(WHOLE, zero=3)


def test_sglang_tells_what_its_server_is(tmp_path: Path) -> None:
    path = written(
        tmp_path / "s.jsonl", *(sglang_result(server=SERVER) for _ in range(2)), {**sglang_result(), "tag": "mine"}
    )
    first, _, third = load_test_points(path)
    assert first.stated == {"engine": "sglang", "model": MODEL, "version": "0.5.23", "tp": 4, "pp": 1, "ep": 1, "dp": 1,
                            "precision": "fp8", "kv": "fp8_e4m3"}  # fmt: skip
    assert (third.name, third.stated) == ("mine", {"engine": "sglang"})
    (point, *_) = serving_table(read_runs(path, where="name <> 'mine'"), machine="h100").points
    assert (point.stated["kv"], point.stated["devices"]) == ("fp8", 4)


def test_metadata_of_vllm_says_what_was_served(tmp_path: Path) -> None:
    path = written(tmp_path / "v.json", vllm_result(metadata={"machine": "h100", "tp": "2", "version": "0.12.0"}))
    (point,) = serving_table(read_runs(path)).points
    assert point.stated == {
        "model": MODEL,
        "engine": "vllm",
        "machine": "h100",
        "tp": 2,
        "devices": 2,
        "version": "0.12.0",
    }


@pytest.mark.parametrize("write", [vllm_result, sglang_result])
def test_loads_are_users_or_a_rate(write: Any, tmp_path: Path) -> None:
    tests = [SmallLoadTest(), SmallLoadTest(concurrency=None), SmallLoadTest(concurrency=None, rate=3.5),
             SmallLoadTest(concurrency=2, rate=3.5)]  # fmt: skip
    points = load_test_points(written(tmp_path / "l.jsonl", *(write(test) for test in tests)))
    assert [(point.concurrency, point.rate) for point in points] == [(2, None), (4, None), (None, 3.5), (None, 3.5)]
    assert points[1].notes[0] == "all 4 requests were sent at once"
    assert points[3].notes[0].startswith("at most 2 requests at once")


def test_several_tokens_a_chunk_are_said(tmp_path: Path) -> None:
    (point,) = load_test_points(written(tmp_path / "c.json", vllm_result()))
    assert point.notes == (
        "mean_itl_ms is 4 times (E2E − TTFT) / (output − 1), which is taken: chunks hold several tokens",
    )


def test_a_test_without_answers_is_left_out_and_said(tmp_path: Path) -> None:
    failed = {**vllm_result(), "completed": 0, "failed": 5, "mean_ttft_ms": 0.0}
    runs = read_runs(written(tmp_path / "f.json", vllm_result(), failed))
    table = serving_table(runs, machine="h100")
    assert len(table.points) == 1
    assert "no request was answered, the row is left out" in table.notes[0]


def test_a_folder_of_load_tests_is_read_as_one_table(tmp_path: Path) -> None:
    written(tmp_path / "a.json", vllm_result())
    written(tmp_path / "b.jsonl", sglang_result(), sglang_result(SmallLoadTest(concurrency=1)))
    (tmp_path / "notes.json").write_text(json.dumps({"a": 1}))
    assert [*read_runs(tmp_path)["name"]] == ["a", "b 1", "b 2"]


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "b.jsonl", sglang_result(), sglang_result())
    path.write_text(path.read_text()[:-50])
    runs = read_runs(path)
    assert len(runs) == 1
    assert runs.notes[-1] == "test 2 is cut short and was left out"
