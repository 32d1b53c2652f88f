"""W&B's own files are read without its library: whole, running, torn, taken up again."""

import math
from pathlib import Path

import numpy as np
import pytest

from froude.errors import InputError
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.wandb.folder import WandbReader
from tracker_logs import message as protobuf
from tracker_logs import wandb_axis, wandb_begin, wandb_exit, wandb_file, wandb_items, wandb_row, wandb_summary

CONFIG = {"lr": 0.001, "model": {"width": 64, "layers": [1, {"a": 2}]}, "a.b": 5}


def read(path: Path) -> list[LoggedRun]:
    assert WandbReader().recognises(path)
    return list(WandbReader().logs(path))


def points(run: LoggedRun, name: str) -> list[tuple[float, float]]:
    series = run.series[name]
    return list(zip(series.at.tolist(), series.values.tolist(), strict=True))


def test_config_summary_name_tags_and_end_are_read(tmp_path):
    records = [
        wandb_begin("x1", CONFIG, "nice", _10=b"tag", _6=b"group"),
        wandb_row(0, {"loss": 3.5}),
        wandb_summary({"best": 1.5, ("deep", "a"): 1, "hist": {"_type": "histogram"}, "gone": 2}),
        protobuf((3, protobuf((2, protobuf((1, "gone")))))),
        protobuf((5, wandb_items({"later": True, ("model", "width"): 65}))),
        wandb_exit(),
    ]
    (run,) = read(wandb_file(tmp_path / "run-x1.wandb", records))
    assert (run.id, run.name, run.state, run.notes) == ("x1", "nice", "finished", ())
    assert run.config == {"lr": 0.001, "model": {"width": 65, "layers": [1, {"a": 2}]}, "a.b": 5, "later": True}
    assert run.summary == {"tags": ["tag"], "group": "group", "best": 1.5, "deep": {"a": 1}}


@pytest.mark.parametrize(("code", "state"), [(0, "finished"), (1, "crashed"), (255, "crashed")])
def test_an_exit_code_says_how_a_run_ended(tmp_path, code, state):
    (run,) = read(wandb_file(tmp_path / "run-x.wandb", [wandb_begin(), wandb_row(0, {"a": 1}), wandb_exit(code)]))
    assert run.state == state


def test_a_run_without_an_end_says_so(tmp_path):
    (run,) = read(wandb_file(tmp_path / "run-x.wandb", [wandb_begin(), wandb_row(0, {"a": 1})]))
    assert (run.state, run.notes) == ("unknown", ("the log has no end: the run goes on, or was killed",))


def test_each_metric_stands_against_its_own_axis(tmp_path):
    rows = [
        wandb_row(0, {"train/loss": 4, "tokens": 0, "by_tokens": 9, "val/loss": 4.5, "epoch": 0}),
        wandb_row(5, {"train/loss": 3, "tokens": 1000, "by_tokens": 8, "val/acc": 0.25}),
        wandb_row(9, {"val/loss": 3.5, "epoch": 1, "by_tokens": 7, "strict": 1}),
    ]
    axes = [wandb_axis("val/*", "epoch"), wandb_axis("by_tokens", "tokens"), wandb_axis("strict", "tokens", sync=False)]
    (run,) = read(wandb_file(tmp_path / "run-x.wandb", [wandb_begin(), *axes, *rows, wandb_exit()]))
    assert {name: series.x for name, series in run.series.items()} == {
        "train/loss": "step",
        "tokens": "step",
        "by_tokens": "tokens",
        "val/loss": "epoch",
        "epoch": "step",
        "val/acc": "epoch",
    }
    assert points(run, "train/loss") == [(0, 4), (5, 3)]
    assert points(run, "by_tokens") == [(0, 9), (1000, 8), (1000, 7)]
    assert points(run, "val/loss") == [(0, 4.5), (1, 3.5)]
    assert points(run, "val/acc") == [(0, 0.25)]
    assert run.notes == ("1 of 1 values of 'strict' have no 'tokens' in their row and were left out",)


def test_an_axis_set_for_a_name_goes_before_one_for_many(tmp_path):
    axes = [wandb_axis("*", "tokens"), wandb_axis("val/*", "epoch"), wandb_axis("val/loss", "time")]
    row = wandb_row(3, {"a": 1, "tokens": 10, "val/loss": 2, "val/acc": 3, "epoch": 4, "time": 5})
    (run,) = read(wandb_file(tmp_path / "run-x.wandb", [wandb_begin(), row, *axes, wandb_exit()]))
    assert {name: points(run, name) for name in ("a", "val/loss", "val/acc", "tokens")} == {
        "a": [(10, 1)],
        "val/loss": [(5, 2)],
        "val/acc": [(4, 3)],
        "tokens": [(3, 10)],
    }


def test_nested_values_are_numbers_and_media_are_said(tmp_path):
    first = {("grad", "norm"): 1.5, ("hist", "_type"): "histogram", ("hist", "bins"): [1, 2], "old": {"a": {"b": 2}}}
    other = {"nan": math.nan, "inf": -math.inf, "text": "word", "flag": True, "none": None, "big": 2**60}
    (run,) = read(wandb_file(tmp_path / "run-x.wandb", [wandb_begin(), wandb_row(0, {**first, **other}), wandb_exit()]))
    assert {name: series.values.tolist() for name, series in run.series.items() if name != "nan"} == {
        "grad.norm": [1.5],
        "old.a.b": [2],
        "inf": [-math.inf],
        "big": [2.0**60],
    }
    assert np.isnan(run.series["nan"].values).all()
    assert run.notes == (
        "values that are no numbers (media, texts, flags, lists) were left out: 'text', 'flag', 'hist'",
    )


def test_values_with_a_type_of_their_own_are_read_too(tmp_path):
    items = [
        (1, protobuf((2, "number")) + b"\x31" + np.float64(2.5).tobytes()),
        (1, protobuf((2, "integer")) + b"\x29" + np.int64(-7).tobytes()),
        (1, protobuf((2, "json"), (8, "0.5"))),
    ]
    row = protobuf((2, protobuf(*items, (2, protobuf((1, 4))))))
    (run,) = read(wandb_file(tmp_path / "run-x.wandb", [wandb_begin(), row, wandb_exit()]))
    assert {n: points(run, n) for n in run.series} == {"number": [(4, 2.5)], "integer": [(4, -7)], "json": [(4, 0.5)]}


def test_a_step_that_is_a_metric_alone_is_the_step(tmp_path):
    rows = [protobuf((2, wandb_items({"loss": 3 - step, "_step": 10 * step}))) for step in range(3)]
    (run,) = read(wandb_file(tmp_path / "run-x.wandb", [wandb_begin(), *rows, wandb_exit()]))
    assert points(run, "loss") == [(0, 3), (10, 2), (20, 1)]


# Parts of one run


def part(folder: Path, stamp: str, rows: dict[int, dict], id: str = "x", **more) -> Path:
    records = [wandb_begin(id, **more), *(wandb_row(step, values) for step, values in rows.items()), wandb_exit()]
    return wandb_file(folder / f"offline-run-{stamp}-{id}" / f"run-{id}.wandb", records)


def test_files_of_one_id_are_one_run_whose_later_rows_count(tmp_path):
    part(tmp_path / "wandb", "20260102_000000", {2: {"loss": 20}, 3: {"loss": 10}})
    part(tmp_path / "wandb", "20260101_000000", {0: {"loss": 9}, 1: {"loss": 8}, 2: {"loss": 7}, 3: {"loss": 6.5}})
    part(tmp_path / "wandb", "20260101_000000", {0: {"loss": 1}}, id="y")
    runs = {run.id: run for run in read(tmp_path)}
    assert points(runs["x"], "loss") == [(0, 9), (1, 8), (2, 20), (3, 10)]
    assert "2 rows from step 2 on were logged again" in runs["x"].notes[0]
    assert points(runs["y"], "loss") == [(0, 1)]


def test_steps_that_begin_again_while_a_counter_goes_on_go_on(tmp_path):
    first = {i: {"loss": 9 - i, "iter": 10 * i} for i in range(4)}
    part(tmp_path, "20260101_000000", first)
    part(tmp_path, "20260102_000000", {i: {"loss": 5 - i, "iter": 40 + 10 * i} for i in range(2)})
    (run,) = read(tmp_path)
    assert points(run, "loss") == [(0, 9), (1, 8), (2, 7), (3, 6), (4, 5), (5, 4)]
    assert "began again at 0 after 3 while 'iter' went on" in run.notes[0]


def test_a_run_that_was_rewound_drops_what_came_after(tmp_path):
    part(tmp_path, "20260101_000000", {i: {"loss": 9 - i} for i in range(5)})
    branch = protobuf((1, "x"), (2, 2.0), (3, "_step"))
    part(tmp_path, "20260102_000000", {4: {"loss": 1}}, _23=branch)
    assert points(read(tmp_path)[0], "loss") == [(0, 9), (1, 8), (2, 7), (4, 1)]


def test_one_id_in_two_projects_is_two_runs(tmp_path):
    part(tmp_path, "20260101_000000", {0: {"loss": 1}}, project="p")
    part(tmp_path, "20260102_000000", {0: {"loss": 2}}, project="q")
    assert {run.id: points(run, "loss") for run in read(tmp_path)} == {"p/x": [(0, 1)], "q/x": [(0, 2)]}


# Broken files


def long_run(folder: Path) -> Path:
    """A log of several blocks, some records of which stand across two of them."""
    rows = [wandb_row(i, {"loss": 900.5 - i, f"n{i % 7}": i, ("pad",): "p" * 300}) for i in range(400)]
    return wandb_file(folder / "run-x.wandb", [wandb_begin("x", {"pad": "c" * 70_000}), *rows, wandb_exit()])


def test_a_record_may_be_longer_than_a_block(tmp_path):
    (run,) = read(long_run(tmp_path))
    assert run.config == {"pad": "c" * 70_000}
    assert points(run, "loss") == [(i, 900.5 - i) for i in range(400)]


def test_a_log_cut_anywhere_gives_the_rows_before_and_says_where(tmp_path):
    path = long_run(tmp_path)
    body = path.read_bytes()
    for cut in np.random.default_rng(1).integers(1, len(body), 200).tolist():
        path.write_bytes(body[:cut])
        (run,) = read(path)
        rows = points(run, "loss") if run.series else []
        assert rows == [(i, 900.5 - i) for i in range(len(rows))]
        assert run.state == "unknown"
        assert run.notes, cut


@pytest.mark.slow
def test_a_broken_byte_costs_its_block_and_no_number_is_wrong(tmp_path):
    path = long_run(tmp_path)
    body, n_rows = path.read_bytes(), []
    for at in np.random.default_rng(2).integers(7, len(body), 200).tolist():
        flipped = bytearray(body)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(bytes(flipped))
        (run,) = read(path)
        rows = points(run, "loss") if run.series else []
        assert set(rows) <= {(i, 900.5 - i) for i in range(400)}
        assert any("is broken at byte" in note or "breaks off" in note for note in run.notes), (at, run.notes)
        n_rows.append(len(rows))
    assert np.median(n_rows) > 200


def test_what_is_no_log_is_refused_and_beside_others_said(tmp_path):
    with pytest.raises(InputError, match="no log of a W&B run"):
        read(_write(tmp_path / "run-bad.wandb", b"junk" * 10))
    assert not WandbReader().recognises(tmp_path / "none")
    part(tmp_path, "20260101_000000", {0: {"loss": 1}}, id="y")
    runs = {run.id: run for run in read(tmp_path)}
    assert [*runs] == ["bad", "y"]
    assert "no log of a W&B run" in runs["bad"].notes[0]
    with pytest.raises(InputError, match=r"no \.wandb file"):
        list(WandbReader().logs(_folder(tmp_path / "empty")))


def _write(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
