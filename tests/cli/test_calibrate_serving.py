"""`froude cost calibrate` on load tests: files of the tools, what they lack, and what is refused in a line."""

import json
from pathlib import Path

import pytest

from load_tests_written import MODEL, SmallLoadTest, guidellm_file, sglang_result, vllm_result, written
from served_points import served_columns, write_served

pytest_plugins = ["door"]

USERS = [SmallLoadTest(concurrency=users) for users in (1, 2, 3, 4)]


def test_results_of_a_load_test_are_calibrated_on(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    for i, test in enumerate(USERS):
        written(tmp_path / "results" / f"{i}.json", vllm_result(test))
    done = cli("cost", "calibrate", "results", "--fix", "machine=h100,tp=1,version=0.12.0", "--json")
    data = json.loads(done.out)
    assert (done.code, data["load_tests"], data["stack"]) == (0, 4, "vllm@0.12.0+4-rows")
    assert {one["what"] for one in data["measurements"]} == {"ttft_seconds", "tpot_seconds"}
    assert "mean_itl_ms is 4 times (E2E − TTFT) / (output − 1)" in data["notes"][0]
    assert (tmp_path / "vllm.stack.toml").exists()
    shown = cli("stack", "show", "vllm.stack.toml")
    assert shown.code == 0


def test_a_release_that_is_not_stated_is_asked_for(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "s.jsonl", *(sglang_result(test) for test in USERS))
    fix = f"machine=h100,tp=1,model={MODEL}"
    notes = json.loads(cli("cost", "calibrate", path, "--fix", fix, "--json").out)["notes"]
    assert any("the version of sglang is not stated" in note and "--fix version=…" in note for note in notes)


@pytest.mark.parametrize(
    ("fix", "line"),
    [
        ("tp=1", "machine is not stated: add a column, or give it for all rows with --fix machine=…"),
        ("machine=h900,tp=1", "row 1 (s 1): "),
        ("machine=mi300x,tp=1,engine=tensorrt-llm", "tensorrt-llm does not run on mi300x"),
        ("machine=h100,tp=1,precision=int3", "int3"),
        ("machine=h100,tp=1,model=/models/mine", "and say so with --fix model=…"),
        ("machine=h100,tp=1,zero=3", "--fix zero=…: nothing of serving has that name"),
    ],
)
def test_what_a_load_test_lacks_or_cannot_be_is_one_line(refused, tmp_path, fix, line):
    server = {"model_path": MODEL, "version": "0.5.23"}
    path = written(tmp_path / "s.jsonl", *(sglang_result(test, server=server) for test in USERS))
    assert line in refused("cost", "calibrate", path, "--fix", fix)
    assert [one.name for one in tmp_path.iterdir()] == ["s.jsonl"]


def test_a_report_of_one_load_is_too_few(refused, tmp_path):
    assert refused("cost", "calibrate", guidellm_file(tmp_path)) == "1 measured rows are too few: give at least 3"


def test_a_calibrated_stack_changes_what_serving_costs(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_served(Path("served.csv"), 4)
    said = cli("cost", "calibrate", "served.csv", "--out", "ours.stack.toml").out
    assert said.startswith("vllm@0.12.0+4-rows: 4 load tests, missed by ")
    words = ("cost", "serve", "--model", "llama-3.1-8b", "--machine", "1 x h100", "--engine", "vllm@0.12",
             "--input", "1024", "--output", "256", "--load", "1 users", "--json")  # fmt: skip
    before, after = (json.loads(cli(*words, *stack).out) for stack in ((), ("--stack", "ours.stack.toml")))
    measured = served_columns(1)["tpot_ms"][0] / 1e3
    assert abs(after["tpot_seconds"]["mean"] / measured - 1) < 0.05
    assert abs(before["tpot_seconds"]["mean"] / measured - 1) > 0.1
