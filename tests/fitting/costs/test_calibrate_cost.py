"""A user's measured steps become a stack that predicts other steps better, and says how well."""

import numpy as np
import pytest

import froude
from froude.cost.machine.constants import between_stacks
from froude.cost.stack.stack_file import stack_toml
from froude.fitting.costs.memory_fit import fit_memory
from measured_trainings import measured_columns, true_seconds

UNSEEN = {"model": "qwen2.5-7b", "devices": 64, "seq_len": 16384, "global_batch": 128, "micro_batch": 1}
"""A layout and a model that nothing was fitted to."""


def runs(columns=None, rows=4):
    """A table of measured steps."""
    return froude.Runs.from_columns(measured_columns(rows) if columns is None else columns)


def calibrate(table, **given) -> froude.CostCalibration:
    """What steps of a training calibrate."""
    found = froude.calibrate_cost(table, **given)
    assert isinstance(found, froude.CostCalibration)
    return found


def cost_of(layout, stack):
    """A layout's cost by a stack."""
    given = {name: value for name, value in layout.items() if name not in ("model", "devices")}
    return froude.train_cost(
        layout["model"], f"{layout['devices']} x h100", stack=stack, zero=3, recompute="full", **given
    )


def test_unseen_steps_are_predicted_better_the_more_rows_there_are():
    truth, off, widths = true_seconds(UNSEEN), [], []
    plain = cost_of(UNSEEN, "torchtitan")
    off.append(abs(float(plain.cost.step_seconds) / truth - 1))
    for rows in (3, 6):
        stack = calibrate(runs(rows=rows)).stack
        cost = cost_of(UNSEEN, stack)
        lo, hi = cost.interval
        assert lo < truth < hi
        off.append(abs(float(cost.cost.step_seconds) / truth - 1))
        widths.append(np.log(hi / lo))
    assert off[0] > 0.15
    assert off[2] < off[1] < off[0] / 3
    assert widths[1] < widths[0]


def test_dense_rows_leave_mixtures_of_experts_as_uncertain_as_before():
    stack = calibrate(runs()).stack
    assert stack.uncertainty is not None

    def width(model):
        lo, hi = froude.train_cost(model, "8 x h100", stack=stack, zero=3, recompute="full", micro_batch=1).interval
        return np.log(hi / lo)

    assert width("gpt-oss-20b") > 1.5 * width("llama-3.1-8b")
    assert stack.uncertainty.factors["grouped"] == pytest.approx(between_stacks()["grouped"])


def test_the_order_of_rows_and_the_unit_of_speed_do_not_matter():
    columns = measured_columns(4)
    plain = calibrate(runs(columns)).stack
    turned = calibrate(runs({name: values[::-1] for name, values in columns.items()})).stack
    rates = {name: values for name, values in columns.items() if name != "step_seconds"}
    rates["tokens_per_s_per_gpu"] = [
        batch * length / seconds / devices
        for batch, length, seconds, devices in zip(
            columns["global_batch"], columns["seq_len"], columns["step_seconds"], columns["devices"], strict=True
        )
    ]
    in_rates = calibrate(runs(rates)).stack
    for other in (turned, in_rates):
        assert dict(other.factors) == pytest.approx(dict(plain.factors), rel=1e-6)


def test_mfu_and_tflops_measure_the_same_as_seconds():
    columns = measured_columns(4)
    costs = [
        cost_of({name: columns[name][i] for name in ("model", "devices", "seq_len", "global_batch", "micro_batch")}, s)
        for i, s in enumerate(columns["stack"])
    ]
    flops = [float(cost.cost.model_flops / cost.cost.devices) for cost in costs]
    rates = [each / seconds for each, seconds in zip(flops, columns.pop("step_seconds"), strict=True)]
    by_tflops = calibrate(runs({**columns, "tflops_per_device": [rate / 1e12 for rate in rates]}))
    peaks = [cost.cost.peak_flops for cost in costs]
    by_mfu = calibrate(runs({**columns, "mfu": [r / p for r, p in zip(rates, peaks, strict=True)]}))
    assert [step.measured_seconds for step in by_tflops.steps] == pytest.approx(measured_columns(4)["step_seconds"])
    assert dict(by_mfu.stack.factors) == pytest.approx(dict(by_tflops.stack.factors))


def test_the_file_says_what_the_stack_says(tmp_path):
    found = calibrate(runs())
    path = tmp_path / "ours.stack.toml"
    found.save(path)
    read = froude.get_stack(str(path))
    assert stack_toml(read) == stack_toml(found.stack)
    assert read.fitted_to is not None
    assert (read.fitted_to.rows, read.fitted_to.data_sha256) == (4, (runs().sha256,))
    there, here = (cost_of(UNSEEN, stack) for stack in (str(path), found.stack))
    assert there.interval == pytest.approx(here.interval, rel=1e-4)
    assert there.to_dict()["layout"]["stack"] == found.stack.label


def test_further_rows_go_on_from_where_the_first_ones_led():
    columns = measured_columns(6)
    first = calibrate(runs({name: values[:3] for name, values in columns.items()}))
    second = calibrate(runs({name: values[3:] for name, values in columns.items()}), stack=first.stack)
    assert second.stack.fitted_to is not None
    assert second.stack.fitted_to.rows == 6
    assert second.error("before") < first.error("before")
    with pytest.raises(froude.InputError, match="was fitted to these rows already: start from torchtitan"):
        calibrate(runs({name: values[:3] for name, values in columns.items()}), stack=first.stack)


def test_a_row_that_was_measured_wrong_is_pointed_out_and_moves_little():
    columns = measured_columns(6)
    columns["step_seconds"][2] *= 3
    found = calibrate(runs(columns))
    assert [step.name for step in found.far_off] == ["row 3"]
    good = [abs(step.fitted - 1) for step in found.steps if step.name != "row 3"]
    assert max(good) < 0.15


def test_peaks_of_memory_scale_what_is_counted_and_narrow_its_error():
    columns = {**measured_columns(6), "recompute": ["none"] * 6}
    counted = [
        float(step.cost.memory.allocated)
        for step in (
            froude.train_cost(model, f"{devices} x h100", stack="torchtitan", zero=3, recompute="none", **given)
            for model, devices, given in (
                (
                    columns["model"][i],
                    columns["devices"][i],
                    {n: columns[n][i] for n in ("seq_len", "global_batch", "micro_batch")},
                )
                for i in range(6)
            )
        )
    ]
    found = calibrate(runs({**columns, "memory_gib": [1.12 * peak / 2**30 for peak in counted]}))
    assert found.memory is not None
    assert found.memory.factor == pytest.approx(1.1, abs=0.02)
    assert found.memory.left_out < 0.03 < found.memory.before
    cost = froude.train_cost("llama-3.1-8b", "8 x h100", stack=found.stack, zero=3, recompute="full", micro_batch=1)
    plain = froude.train_cost("llama-3.1-8b", "8 x h100", stack="torchtitan", zero=3, recompute="full", micro_batch=1)
    assert cost.cost.memory.allocated / plain.cost.memory.allocated == pytest.approx(found.memory.factor)
    assert cost.cost.memory.context == plain.cost.memory.context


def test_memory_error_falls_with_rows_that_agree_and_grows_otherwise():
    agreeing = fit_memory(1.1 * np.ones(10), np.ones(10), 0.06, 5)
    torn = fit_memory(np.array([1.5, 0.7] * 5), np.ones(10), 0.06, 5)
    assert agreeing.error < 0.06 < torn.error
    assert agreeing.factor == pytest.approx(1.1, rel=0.02)
