"""Kernels of an iteration: what their start goes by, and what experts on several replicas send one another."""

from dataclasses import replace

import numpy as np
import pytest

from froude.cost import get_machine, get_model
from froude.cost.machine.machine_file import TableReader
from froude.cost.model.operators import Matmul
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.iteration import Serving, exchange_seconds, network_seconds, operator_busy
from froude.errors import InputError

MODEL, NODE = get_model("mixtral-8x7b"), get_machine("8 x h100")
ROUTED = next(o for block in MODEL.blocks for o in block.operators if isinstance(o, Matmul) and o.routed)
TINY = Matmul(name="tiny", inputs=64, outputs=64)


def test_a_small_kernel_starts_later_on_a_chip_of_slower_clock():
    serving = Serving(constants=serving_constants())
    seconds = {
        name: float(operator_busy(TINY, get_machine(f"1 x {name}"), serving, serving.weights).seconds)
        for name in ("a100-80", "h100", "rtx-4090")
    }
    assert seconds["a100-80"] > 1.3 * seconds["h100"] > 1.3 * seconds["rtx-4090"]


def test_a_sum_over_more_inputs_takes_longer_than_its_bytes():
    serving = Serving(constants=serving_constants())
    short, long = (
        operator_busy(Matmul(name="one", inputs=k, outputs=64), NODE, serving, serving.weights) for k in (64, 16384)
    )
    assert long.starting > 2 * short.starting


def test_activations_that_fit_into_the_cache_take_half_their_time():
    serving, chip = Serving(constants=serving_constants()), NODE.chip
    assert chip.cores is not None
    small, large = 0.5 * chip.cores.cache_bytes, 2 * chip.cores.cache_bytes
    assert serving.passed_bytes(chip, large) / serving.passed_bytes(chip, small) == pytest.approx(2 * large / small)


@pytest.mark.parametrize("replicas", [2, 4, 8])
def test_tokens_go_once_to_each_replica_that_has_their_experts(replicas: int):
    """Against tokens drawn one by one: eight experts lie in order on the replicas, two of them are chosen."""
    rng, drawn = np.random.default_rng(0), 4000
    homes = np.repeat(np.arange(replicas), 8 // replicas)
    chosen = [{*homes[rng.choice(8, 2, replace=False)]} - {0} for _ in range(drawn)]
    copies = sum(map(len, chosen)) / drawn
    serving = Serving(batch=512, replicas=replicas, constants=serving_constants())
    one = 512 * MODEL.hidden * 2 / (NODE.node_link.bandwidth_bytes_per_s * serving_constants().link)
    seconds = exchange_seconds(MODEL, ROUTED, NODE, serving) / 2 - serving_constants().reduction
    assert seconds == pytest.approx(copies * one, rel=0.15)  # drawn without replacement, the formula with


def test_experts_of_one_replica_send_nothing():
    alone = Serving(batch=64, constants=serving_constants())
    assert network_seconds(MODEL, NODE, alone) == 0
    assert network_seconds(MODEL, NODE, replace(alone, replicas=4)) > 0
    assert network_seconds(get_model("llama-3.1-8b"), NODE, replace(alone, replicas=4)) == 0


def test_experts_beyond_a_node_wait_for_the_fabric():
    serving = Serving(batch=512, constants=serving_constants())
    large = get_machine("16 x h100")
    near, far = (exchange_seconds(MODEL, ROUTED, large, replace(serving, replicas=n)) for n in (8, 16))
    assert far > 2 * near


@pytest.mark.parametrize(
    ("cores", "said"),
    [
        ("many", "write { units = 132"),
        ({"units": 132, "ghz": 1.98}, "cache"),
        ({"units": 132, "ghz": "fast", "cache": "50 MB"}, "give a number of GHz"),
    ],
)
def test_cores_of_a_chip_that_are_none_are_refused(cores, said: str):
    table = {"peaks": {"bf16": "1 TFLOP/s"}, "memory": "1 GiB", "bandwidth": "1 GB/s", "cores": cores,
             "trust": "given", "source": "a test"}  # fmt: skip
    with pytest.raises(InputError, match=said):
        TableReader(where="file.toml", latencies={}).chip("ours", table)
