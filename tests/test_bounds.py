"""Numbers of the user's: what is one, and how others are refused."""

import numpy as np
import pytest

from froude import FitOptions, InputError, Layout, Runs, approaches, get_machine, grow, plan_training, train_cost
from froude.bounds import finite_number, positive_number, share, whole_number
from froude.fitting import lr_sensitivity
from froude.fitting.procedures.compute_optimal import compute_optimal
from froude.fitting.procedures.optimum import fit_optimum
from froude.growth import get_growth_example
from planted import planted

NO_NUMBERS = (float("nan"), float("inf"), -float("inf"), "8", None, True, [8], 10**400, -(10**400), 1j)


@pytest.mark.parametrize("value", [*NO_NUMBERS, -1, 0, 1.5, 11, np.float64("nan")])
def test_what_is_no_whole_number_within_its_bounds_is_refused(value):
    with pytest.raises(InputError, match=r"^size = .*: give a whole number from 1 to 10$") as refusal:
        whole_number("size", value, 1, 10)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("check", [finite_number, positive_number, share])
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_finite_number_is_refused(check, value):
    with pytest.raises(InputError, match=r"^rate = .*: give a "):
        check("rate", value)


def test_numbers_of_every_kind_pass_as_pythons_own():
    assert [whole_number("size", value, 0, 10) for value in (3, 3.0, np.int64(3), np.float32(3))] == [3] * 4
    assert type(whole_number("size", np.int64(3), 0, 10)) is int
    assert type(finite_number("rate", np.float32(0.5), 0, 1)) is float
    assert share("level", 0.9) == 0.9
    with pytest.raises(InputError, match="level = 1: give a share between 0 and 1"):
        share("level", 1)


@pytest.mark.parametrize("seed", [-1, 2**60, 0.5, "0"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda seed: FitOptions(seed=seed),
        lambda seed: approaches(Runs.from_columns(planted()), 1e22, seed=seed),
        lambda seed: compute_optimal(Runs.from_columns(planted()), 1e22, seed=seed),
        lambda seed: fit_optimum(Runs.from_columns(planted()), seed=seed),
        lambda seed: lr_sensitivity(Runs.from_columns(planted()), 10.0, seed=seed),
        lambda seed: grow(get_growth_example("fft_convolution").load(), seed=seed),
    ],
)
def test_a_seed_that_is_none_is_refused_wherever_one_is_taken(ask, seed):
    with pytest.raises(InputError, match=r"seed = .*: give a whole number from 0 to"):
        ask(seed)


@pytest.mark.parametrize("value", [0, -1, 10**30, 1.5, float("nan"), "many"])
@pytest.mark.parametrize("name", ["tensor", "pipeline", "context", "micro_batch", "seq_len", "local_steps"])
def test_a_layout_is_of_whole_numbers_within_bounds(name, value):
    line = f"{name} = .*: give a whole number from 1 to"
    with pytest.raises(InputError, match=line):
        train_cost("gpt2", "8 x h100", **{name: value})
    with pytest.raises(InputError, match=line):
        Layout(**{"devices": 8, "global_batch": 8, "seq_len": 8, name: value})


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"recomputed": float("nan")}, "recomputed = nan: give a finite number from 0 to 1"),
        ({"recomputed": -1}, "recomputed = -1: give a finite number from 0 to 1"),
        ({"compress": 0}, "compress = 0: give a finite number from 1 to"),
        ({"overlap": "no"}, "overlap = 'no': write true or false"),
        ({"tensor": 16}, "tensor × pipeline × context must divide the devices"),
    ],
)
def test_a_part_of_a_layout_that_cannot_be_is_refused(given, line):
    with pytest.raises(InputError, match=line):
        train_cost("gpt2", "8 x h100", **given)


@pytest.mark.parametrize("text", ["0 x h100", f"{10**24} x h100", f"{'9' * 5000} x h100"])
def test_a_machine_of_no_devices_or_too_many_is_refused(text):
    with pytest.raises(InputError, match="devices"):
        get_machine(text)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"budget_flops": 1e300}, "budget of flops = 1e[+]300: give a number above 0"),
        ({"budget_dollars": float("nan")}, "budget of dollars = nan"),
        ({"budget_flops": 1e20, "global_batch": 10**30}, "global_batch = 1000"),
        ({"budget_flops": 1e20, "quantile": float("nan")}, "quantile = nan"),
        ({"budget_flops": 1e20, "inference_tokens": -1}, "inference tokens = -1"),
        ({"budget_flops": 1e20, "fixed": {"tensor": 0}}, "tensor = 0"),
        ({"target_loss": float("nan")}, "target loss = nan"),
    ],
)
def test_a_plan_of_impossible_numbers_is_refused(asked, line):
    with pytest.raises(InputError, match=line):
        plan_training("8 x h100", **asked)
