"""What a training keeps besides activations, timed here: roots of factors, checkpoints written beside the steps.

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
from froude.cost.papers.shampoo import Shampoo, shampoo_added
from froude.cost.training.reliability import (
    best_interval,
    checkpoint_stall,
    failure_rate,
    goodput,
)

pytestmark = [pytest.mark.experiment, pytest.mark.slow, pytest.mark.timed]


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


@pytest.mark.atlas("datastates-llm", "modelled")
def test_checkpoints_in_the_background_stall_past_a_window_only(tmp_path: Path, record_property) -> None:
    window = 10.0
    copies = np.array([1.0, 5.0, 10.0, 12.0, 30.0])
    assert checkpoint_stall(copies, window).tolist() == [0, 0, 0, 2, 20]
    rate = failure_rate(4096, 1e-5)
    goodputs = {}
    stalled = float(checkpoint_stall(30.0, window))
    for name, blocking, behind in (("synchronous", 30.0, 0.0), ("overlapped", stalled, 30.0)):
        every = best_interval(rate, blocking, behind)
        goodputs[name] = float(goodput(every, rate, blocking, 600, background_seconds=behind))
    assert goodputs["overlapped"] > goodputs["synchronous"]
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
        "found", f"blocked {seconds[True] * 1e3:.1f} ms for {seconds[False] * 1e3:.0f} ms; goodput {listed(goodputs)}"
    )
