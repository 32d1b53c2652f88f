"""Step times and peak memory against measured rows: with the constants that ship, and held out."""

import importlib
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from froude.cost import Layout, evaluate, get_machine
from froude.cost.machine.constants import Constants, constants
from froude.cost.training.memory.device_memory import memory_bytes
from froude.cost.training.step import step_seconds
from paths import ROOT

BENCHMARKS = ROOT / "benchmarks"

KORTHIKANTI = {
    "megatron-22B": (48, 6144, 64, 8, 1, 1, 4, 4, 1.42, 1.10),
    "gpt3-175B": (96, 12288, 96, 64, 8, 3, 1, 64, 18.13, 13.75),
    "turing-530B": (105, 20480, 128, 280, 35, 3, 1, 280, 49.05, 37.83),
    "megatron-1T": (128, 25600, 160, 512, 64, 1, 1, 512, 94.42, 71.49),
}
"""Layers, width, heads, GPUs, stages, interleave, micro-batch, batch, and seconds with full recomputation and with
selective recomputation and sequence parallelism: Korthikanti et al. 2022, arXiv:2205.05198, table 5, used in
calibration."""


@pytest.fixture
def rows_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark's reader, which needs no tables to be imported."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("planner_rows")


@pytest.mark.parametrize("name", KORTHIKANTI)
@pytest.mark.parametrize("selective", [False, True])
def test_a_step_of_korthikanti_takes_what_was_measured(rows_module, name, selective):
    layers, h, heads, n, stages, interleave, micro, batch, *seconds = KORTHIKANTI[name]
    model = rows_module.gpt(h, heads, layers, 51200, 2048, dropout=True)
    layout = Layout(
        devices=n, global_batch=batch, seq_len=2048, tensor=8, pipeline=stages, interleave=interleave,
        micro_batch=micro, sequence_parallel=selective, recompute="selective" if selective else "full",
        attention="unfused", overlap=False, precision=rows_module.FP16_PLAIN,
    )  # fmt: skip
    found = evaluate(model, get_machine(f"{n} x a100-80"), layout)
    assert float(found.step_seconds) == pytest.approx(seconds[selective], rel=0.08)
    assert found.fits


def test_rows_of_the_tables_are_those_of_the_issue(part):
    rows = part("planner_rows")
    assert len(list(rows.llm_foundry())) == 209
    assert sum(row.large for row in rows.llm_foundry()) == 18
    assert [len(list(read())) for read in (rows.megatron_2021, rows.megatron_2024, rows.korthikanti)] == [10, 9, 8]
    assert len(list(rows.torchtitan())) == 10


def test_every_measured_layout_is_legal_and_is_said_to_fit_or_nearly(part):
    """They ran: what is counted may exceed the memory by its own error only."""
    from froude.cost.training.legal import check_legal

    rows = part("planner_rows")
    for row in (*rows.llm_foundry(), *rows.megatron_2021(), *rows.megatron_2024(), *rows.korthikanti()):
        check_legal(row.model, row.machine, row.layout)
        assert float(memory_bytes(row.model, row.layout).allocated) < 1.15 * row.machine.chip.memory_bytes, row


@pytest.mark.parametrize(
    ("table", "at_most"),
    [("llm_foundry", 0.045), ("megatron_2021", 0.05), ("megatron_2024", 0.06), ("korthikanti", 0.05)],
)
def test_the_constants_that_ship_explain_each_table(part, table, at_most):
    accuracy, rows = part("planner_accuracy"), part("planner_rows")
    assert accuracy.mean_error(accuracy.log_errors(list(getattr(rows, table)()), constants())) < at_most


def test_models_left_out_are_predicted_better_than_by_a_constant_mfu(part):
    """The 3B of llm-foundry, predicted from every third row of the other eight sizes."""
    accuracy, rows = part("planner_accuracy"), part("planner_rows")
    held, others = accuracy.parted(list(rows.llm_foundry()), lambda row: row.name == "3b")
    split = accuracy.hold_out("3b", held, others[::3])
    assert split.mean < 0.045
    assert split.mean < split.constant_mean / 3


def test_large_jobs_are_predicted_from_small_ones(part):
    accuracy, rows = part("planner_accuracy"), part("planner_rows")
    split = accuracy.hold_out("large", *accuracy.parted(list(rows.llm_foundry()), lambda row: row.large))
    assert split.mean < 0.03
    assert all(abs(told - was) < 1.5 for was, told in accuracy.change_of_mfu(split).values())


def test_peak_memory_is_counted_within_fifteen_percent(part):
    accuracy = part("planner_accuracy")
    errors = abs(accuracy.torchtitan_errors(accuracy.memory()))
    assert errors.mean() < 0.03
    assert errors.max() < 0.05


def test_what_tensors_use_in_fine_tuning_is_counted_within_ten_percent(part):
    rows, scores = part("planner_rows"), part("planner_scores")
    asked = [scores.ask(one) for one in rows.torchtune() if one.release == "ladder"]
    errors = abs(scores.memory_errors(asked, "torchtune", "allocated"))
    assert len(errors) == 9
    assert errors.mean() < 0.05
    assert errors.max() < 0.15


def test_calibration_finds_planted_constants(part):
    rows, calibration = part("planner_rows"), part("planner_calibration")
    planted = Constants.from_logs(constants().logs() + 0.05 * np.tile([1, -1], 8)[: len(constants().logs())])
    some = [*rows.korthikanti(), *rows.megatron_2021(), *list(rows.llm_foundry())[::6]]
    made = [
        replace(row, seconds=float(step_seconds(row.model, row.machine, row.layout, planted).total)) for row in some
    ]
    found = calibration.calibrate(made)
    assert calibration.log_errors(made, found) == pytest.approx(0, abs=0.025)  # priors draw a little
    assert found.attention == pytest.approx(planted.attention, rel=0.05)
