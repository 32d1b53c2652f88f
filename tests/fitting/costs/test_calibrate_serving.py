"""Constants of serving from a user's load tests: what they move to, what stays, and what they are worth."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import froude
from froude.cost.serving.calibrated import constants_under
from froude.cost.serving.constants import serving_constants
from froude.cost.stack.known_stacks import get_stack
from froude.errors import InputError
from froude.fitting import ServingCalibration
from froude.fitting.costs.served_rows import known_model
from froude.fitting.costs.serving_batches import predicted_latency, serving_batches
from froude.fitting.costs.serving_calibration import fit_points, measured_of
from froude.fitting.costs.serving_rows import ServingRow
from served_points import LOADS, TRUE, served_columns


def calibrated(columns: dict | None = None, **given: Any) -> ServingCalibration:
    """A calibration on a table of load tests."""
    found = froude.calibrate_cost(froude.Runs.from_columns(columns or served_columns()), **given)
    assert isinstance(found, ServingCalibration)
    return found


@pytest.fixture(scope="module")
def eight() -> ServingCalibration:
    return calibrated()


def test_load_tests_move_constants_to_those_of_their_engine(eight: ServingCalibration) -> None:
    for one in eight.moved:
        off = np.log(one.after / (one.before * TRUE.get(one.name, 1.0)))
        assert abs(off) < 2 * np.log(one.spread_after), one.name
        assert one.spread_after <= one.spread_before * (1 + 1e-9), one.name


def test_load_tests_left_out_are_predicted_better_than_before(eight: ServingCalibration) -> None:
    assert eight.error("tpot_seconds", "left_out") < 0.4 * eight.error("tpot_seconds", "before")
    assert eight.error("tpot_seconds", "fitted") < eight.error("tpot_seconds", "left_out")
    assert len(eight.latencies) == 2 * len(LOADS)


def test_left_out_is_near_what_a_fit_without_the_row_predicts(eight: ServingCalibration) -> None:
    columns = served_columns()
    without = {name: values[1:] for name, values in columns.items()}
    rest = constants_under(calibrated(without).stack)
    row = ServingRow(model="llama-3.1-8b", machine="h100", devices=1, engine="vllm", version="0.12.0", input=1024,
                     output=256, concurrency=1)  # fmt: skip
    tpot = predicted_latency(serving_batches([row]), rest)["tpot_seconds"][0]
    (mine,) = (one for one in eight.latencies if one.name == "row 1" and one.what == "tpot_seconds")
    assert np.isclose(mine.left_out, tpot / mine.measured_seconds, atol=0.02)


def test_what_rows_do_not_speak_of_stays_as_it_was(eight: ServingCalibration) -> None:
    for one in eight.moved:
        if one.name in ("fp4", "tensorrt_llm", "sglang", "link"):
            assert np.isclose(one.after, one.before, rtol=1e-3), one.name
            assert np.isclose(one.spread_after, one.spread_before, rtol=1e-3), one.name


def test_constants_of_serving_come_back_from_the_stack_file(eight: ServingCalibration, tmp_path: Path) -> None:
    eight.save(tmp_path / "ours.stack.toml")
    read = constants_under(get_stack(str(tmp_path / "ours.stack.toml")))
    for one in eight.moved:
        assert np.isclose(getattr(read, one.name), one.after, rtol=2e-3), one.name
    with pytest.raises(InputError, match="was fitted to load tests already"):
        calibrated(stack=str(tmp_path / "ours.stack.toml"))


def test_a_stack_of_trainings_takes_load_tests_too(tmp_path: Path) -> None:
    training = get_stack("torchtitan")
    both = calibrated(served_columns(4), stack=training).stack
    assert (both.name, both.fields, both.factors) == (training.name, training.fields, training.factors)
    assert both.serving


def test_an_unknown_constant_of_serving_is_refused() -> None:
    stack = replace(get_stack("torchtitan"), serving={"luck": 2.0})
    with pytest.raises(InputError, match="there is no constant 'luck' of serving"):
        constants_under(stack)
    assert constants_under(None) == serving_constants()


def test_no_rows_leave_constants_where_they_start() -> None:
    assert fit_points([], serving_constants()) == serving_constants()


def test_a_row_says_its_first_tokens_and_the_others_once() -> None:
    row = ServingRow(model="m", machine="h100", devices=1, engine="vllm", input=10, output=100, concurrency=8)
    full = replace(row, ttft_seconds=0.1, tpot_seconds=0.01, e2e_seconds=1.09)
    assert measured_of(full) == {"ttft_seconds": 0.1, "tpot_seconds": 0.01}
    assert measured_of(replace(row, output_tokens_per_second=400.0)) == {"e2e_seconds": 2.0}
    assert measured_of(replace(row, tpot_seconds=0.01)) == {"tpot_seconds": 0.01}


def test_a_tuned_checkpoint_costs_what_its_model_does() -> None:
    assert known_model("meta-llama/Llama-3.1-8B-Instruct") == "llama-3.1-8b"
    with pytest.raises(InputError, match="say so with --fix model="):
        known_model("/models/mine")
