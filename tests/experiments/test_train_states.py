"""Rows of the atlas about what a training keeps besides activations: states and their update, checkpoints, layers.

"As remembered" marks what of a paper's setting was not looked up.
"""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from evidence import listed
from froude import growth
from froude.cost import Layout, Precision, evaluate, get_machine, get_model
from froude.cost.papers.interleaved import updates
from froude.cost.papers.resident import Window, layer_seconds, window_bytes, window_seconds
from froude.cost.papers.shampoo import Shampoo, shampoo_added
from froude.cost.training.reliability import (
    best_interval,
    checkpoint_stall,
    failure_rate,
    goodput,
    lost_seconds,
    lost_seconds_resharded,
    resharding_pays_from,
)
from froude.planning import Plan, plan_train

pytestmark = pytest.mark.experiment


@pytest.mark.slow
@pytest.mark.atlas("distributed-shampoo")
def test_roots_of_shampoo_cost_the_cube_of_a_block(
    record_property,
) -> None:
    # Shi et al. 2023: ResNet-50 on eight V100, roots every 50 steps, blocks of at most 2,048 (as remembered).
    model, machine = get_model("resnet-50"), get_machine("8 x v100-32")
    half = Precision(matmuls="fp16", gradients=2, reduce=2)
    layout = Layout(devices=8, global_batch=1024, micro_batch=128, seq_len=1, precision=half)
    step = float(evaluate(model, machine, layout).step_seconds)
    often, seldom = (shampoo_added(model, machine, layout, Shampoo(block=2048, every=n)) for n in (1, 50))
    assert seldom.factor_bytes > 0
    assert seldom.gather_seconds > 0
    assert seldom.seconds / step <= 0.10 < often.seconds / step

    def prepare(size: float, rng: np.random.Generator) -> np.ndarray:
        factor = rng.standard_normal((int(size), int(size)))
        return factor @ factor.T + np.eye(int(size))

    def inverse_fourth_root(factor: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(factor)
        return (vectors * values**-0.25) @ vectors.T

    experiment = growth.Experiment(
        title="Inverse root of a factor",
        source="Shi et al. 2023, arXiv:2309.06497",
        sizes=(512, 724, 1024, 1448, 2048),
        methods={"root": inverse_fourth_root},
        prepare=prepare,
    )
    least = growth.grow(experiment, seconds=60, repeats=2).fastest("root", rounds=2)
    exponent = growth.fit_growth([*least], [[seconds] for seconds in least.values()]).exponent
    assert exponent == pytest.approx(3.0, abs=0.4)
    share = f"{seldom.seconds / step:.1%} every 50 steps, {often.seconds / step:.0%} in every one"
    record_property(
        "found", f"{share}; {seldom.factor_bytes / 2**20:.0f} MiB a device; cost of a root: n^{exponent:.2f}"
    )


def test_resuming_on_fewer_devices_idles_less_past_a_break_even() -> None:
    # Llama 70B on 64 nodes; one is away, and the plan is made anew for 63.
    model, rates = get_model("llama-3.1-70b"), []
    fixed = {"zero": 3, "tensor": 1, "context": 1, "precision": "bf16"}
    for devices in (512, 504):
        machine = get_machine(f"{devices} x h100")
        plan = plan_train(model, machine, tokens=1e12, seq_len=4096, global_batch=4 * devices, fixed=fixed)
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


@pytest.mark.slow
@pytest.mark.atlas("datastates-llm", "modelled")
def test_checkpoints_in_the_background_stall_past_a_window_only(tmp_path: Path, record_property) -> None:
    window = 10.0
    copies = np.array([1.0, 5.0, 10.0, 12.0, 30.0])
    assert checkpoint_stall(copies, window).tolist() == [0, 0, 0, 2, 20]
    rate = failure_rate(4096, 1e-5)
    kept = {}
    stalled = float(checkpoint_stall(30.0, window))
    for name, blocking, behind in (("synchronous", 30.0, 0.0), ("overlapped", stalled, 30.0)):
        every = best_interval(rate, blocking, behind)
        kept[name] = float(goodput(every, rate, blocking, 600, background_seconds=behind))
    assert kept["overlapped"] > kept["synchronous"]
    state = os.urandom(96 * 2**20)

    def write(name: str) -> None:
        with (tmp_path / name).open("wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())

    def blocked(in_background: bool, turn: int) -> float:
        start = time.perf_counter()
        writer = threading.Thread(target=write, args=(f"{in_background}-{turn}",))
        writer.start()
        if not in_background:
            writer.join()
        seconds = time.perf_counter() - start
        writer.join()
        return seconds

    seconds = {way: float(np.median([blocked(way, turn) for turn in range(5)])) for way in (False, True)}
    assert seconds[True] < 0.5 * seconds[False]
    record_property(
        "found", f"blocked {seconds[True] * 1e3:.1f} ms for {seconds[False] * 1e3:.0f} ms; goodput {listed(kept)}"
    )


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
