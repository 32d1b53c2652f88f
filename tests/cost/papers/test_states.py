"""What a training keeps besides activations: an offloaded update, resharding after a failure, a window of layers."""

import numpy as np
import pytest

from froude.cost import Layout, get_machine, get_model
from froude.cost.papers.interleaved import updates
from froude.cost.papers.resident import Window, layer_seconds, window_bytes, window_seconds
from froude.cost.training.reliability import (
    lost_seconds,
    lost_seconds_resharded,
    resharding_pays_from,
)
from froude.planning import Plan, plan_layout


def test_resuming_on_fewer_devices_idles_less_past_a_break_even() -> None:
    # Llama 70B on 64 nodes; one is away, and the plan is made anew for 63.
    model, rates = get_model("llama-3.1-70b"), []
    fixed = {"zero": 3, "tensor": 1, "context": 1, "precision": "bf16"}
    for devices in (512, 504):
        machine = get_machine(f"{devices} x h100")
        plan = plan_layout(model, machine, tokens=1e12, seq_len=4096, global_batch=4 * devices, fixed=fixed)
        assert isinstance(plan, Plan)
        rates.append(float(plan.choice.cost.tokens_per_second))
    left = rates[1] / rates[0]
    assert left == pytest.approx(63 / 64, rel=0.02)
    restart, reshard = 600.0, 120.0
    from_here = float(resharding_pays_from(restart, reshard, left))
    repairs = from_here * np.array([0.5, 0.9, 1.1, 2.0, 20.0])
    waiting = lost_seconds(repairs, restart)
    going_on = lost_seconds_resharded(repairs, restart, reshard, left)
    assert (going_on < waiting).tolist() == [False, False, True, True, True]
    assert lost_seconds_resharded(from_here, restart, reshard, left) == pytest.approx(lost_seconds(from_here, restart))


@pytest.mark.parametrize("size", ["gpt3-6.7b", "gpt3-13b", "llama-2-70b"])
def test_the_best_share_of_an_offloaded_update_ends_on_both_at_once(size: str) -> None:
    layout = Layout(devices=8, global_batch=8, seq_len=2048, zero=3)
    both = updates(get_model(size), get_machine("8 x h100"), layout)
    best = float(both.best_share)
    assert best * both.device_seconds == pytest.approx((1 - best) * both.host_seconds)
    shares = np.linspace(0, 1, 1001)
    assert both.best_seconds <= np.min(both.seconds(shares))
    assert both.best_seconds <= min(float(both.host_seconds), float(both.device_seconds))


@pytest.mark.atlas("superpipeline")
def test_a_window_of_layers_saves_60_percent_of_memory(record_property) -> None:
    model, machine = get_model("llama-2-13b"), get_machine("1 x a100-80")
    layout = Layout(devices=1, global_batch=4, micro_batch=4, seq_len=2048)
    each, layers = layer_seconds(model, machine, layout), int(model.layers)
    windows = [Window(layers=k, ahead=1) for k in range(2, layers + 1)]
    taken = np.array([window_bytes(model, layout, one) for one in windows])
    seconds = np.array([window_seconds(layers, each, one) for one in windows])
    assert taken / taken[-1] == pytest.approx(np.arange(2, layers + 1) / layers)
    longer = max(each.compute, each.transfer)
    assert seconds[0] == pytest.approx(layers * longer, rel=2 / layers)
    assert np.all(np.diff(seconds) <= 1e-12)  # more memory never takes longer
    assert seconds[-1] == pytest.approx(layers * each.compute)
    lean = taken <= 0.4 * taken[-1]
    slowdown = float(np.min(seconds[lean]) / seconds[-1])
    assert 1 <= slowdown <= longer / each.compute
    further = Window(layers=12, ahead=6)
    assert window_seconds(layers, each, further) <= window_seconds(layers, each, Window(layers=12))
    record_property("found", f"60% less memory at {slowdown:.2f}× the time; bound {longer / each.compute:.2f}×")
