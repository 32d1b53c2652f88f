"""Intervals of serving: as wide as a deployment leans on what is not known, narrower where load tests were made."""

from dataclasses import replace

import numpy as np
import pytest

import froude
from froude.cost import ServeCost, get_engine, get_machine, get_model, serve_cost
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.intervals import half_widths, latency_slopes, shipped_uncertainty
from froude.cost.serving.load import serving_seconds
from froude.cost.stack.known_stacks import read_stack
from froude.cost.stack.stack import Stack, Uncertainty
from froude.cost.stack.stack_file import stack_toml
from froude.errors import InputError
from served_points import served_columns

ONE = Deployment(
    model=get_model("llama-3.1-8b"),
    machine=get_machine("1 x h100"),
    engine=get_engine("vllm@0.12"),
    precision="bf16",
    kv="bf16",
    input=1024,
    output=256,
    users=16,
)


@pytest.fixture(scope="module")
def ours() -> Stack:
    return froude.calibrate_cost(froude.Runs.from_columns(served_columns())).stack


def served(chip: str = "h100", model: str = "llama-3.1-8b", stack: Stack | None = None) -> ServeCost:
    return serve_cost(model, f"1 x {chip}", engine="vllm@0.12", input=1024, output=256, users=16, stack=stack)


def width(cost: ServeCost, name: str) -> float:
    assert cost.latency is not None
    low, high = cost.latency[name][1]
    return float(np.log(high / low) / 2)


def test_slopes_are_those_of_latencies_in_each_constant():
    shipped = serving_constants()
    slopes = latency_slopes(ONE, shipped, ("bandwidth", "step"))
    for i, name in enumerate(("bandwidth", "step")):
        moved = replace(shipped, **{name: getattr(shipped, name) * 1.02})
        ratio = serving_seconds(ONE, moved).tpot / serving_seconds(ONE, shipped).tpot
        assert slopes["tpot"][i] == pytest.approx(np.log(np.asarray(ratio).item()) / np.log(1.02), rel=0.03)


def test_what_leans_on_an_unknown_constant_is_less_certain():
    doubt = shipped_uncertainty()
    host = replace(doubt, spreads=Uncertainty.of_spreads({"step": 2.0}))
    large = replace(ONE, model=get_model("qwen3-32b"), machine=get_machine("2 x h100"), tp=2)
    small = replace(ONE, model=get_model("llama-3.2-1b"))
    widths = [half_widths(one, serving_constants(), host)["tpot"] for one in (large, small)]
    assert widths[0] < 0.7 * widths[1]  # the host's share of a small model's token is the larger
    sure = half_widths(ONE, serving_constants(), replace(doubt, spreads=Uncertainty.of_spreads({"step": 1.001})))
    assert sure["tpot"] == pytest.approx(1.645 * doubt.unexplained["tpot"], rel=0.01)


def test_own_load_tests_narrow_intervals_of_what_they_measured(ours: Stack):
    assert width(served(stack=ours), "tpot") < 0.7 * width(served(), "tpot")
    assert width(served(stack=ours), "ttft") < width(served(), "ttft")


@pytest.mark.parametrize("other", [{"chip": "a100-80"}, {"model": "mistral-7b"}])
def test_load_tests_make_other_chips_and_models_no_surer(ours: Stack, other: dict[str, str]):
    assert width(served(**other, stack=ours), "tpot") > 0.9 * width(served(**other), "tpot")


def test_what_load_tests_leave_open_comes_back_from_the_file(ours: Stack, tmp_path):
    (tmp_path / "ours.stack.toml").write_text(stack_toml(ours))
    read = read_stack(tmp_path / "ours.stack.toml")
    assert ours.serving_uncertainty is not None
    assert read.serving_uncertainty is not None
    assert read.serving_uncertainty.machines == ("h100",)
    assert width(served(stack=read), "tpot") == pytest.approx(width(served(stack=ours), "tpot"), rel=1e-3)
    assert "8 load tests of llama-3.1-8b on h100 under vllm" in read.summary()


def test_an_uncertainty_that_is_none_is_refused(ours: Stack, tmp_path):
    text = stack_toml(ours)
    (tmp_path / "bad.stack.toml").write_text(text.replace("\nttft = ", "\nfirst = "))
    with pytest.raises(InputError, match=r"serving_uncertainty\.unexplained has not ttft, tpot, e2e"):
        read_stack(tmp_path / "bad.stack.toml")
