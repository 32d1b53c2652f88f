"""The price of an iteration of serving, and the point at which a token costs least."""

from dataclasses import replace

import numpy as np
import pytest

from froude.cost import Serving, get_machine, get_model, operating_point, price_iteration
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.load import serving_seconds
from froude.cost.serving.operating_point import MOST_SEQUENCES
from froude.errors import InputError

NODE = get_machine("8 x h100")
MODEL = get_model("llama-3-8b")
MIXED = Serving(batch=64, context=2048, prefilled=512, devices=8)


def test_a_prompt_that_enters_costs_its_matmuls_and_half_of_its_scores():
    both, alone = (price_iteration(MODEL, NODE, replace(MIXED, prefilled=n)).operators for n in (512, 0))
    peak = NODE.chip.peak_flops["bf16"] * 8
    matmul = 2 * 4096 * 2 * 14336 * 512 * 32
    assert both["mlp.in"].compute - alone["mlp.in"].compute == pytest.approx(matmul / peak)
    scores = 4 * 32 * 128 * 2048 / 2 * 512 * 32
    assert both["attention.scores"].compute - alone["attention.scores"].compute == pytest.approx(scores / peak)
    assert both["attention.scores"].memory == alone["attention.scores"].memory


def test_prompts_beside_decoding_cost_less_than_passes_of_their_own():
    apart = [price_iteration(MODEL, NODE, replace(MIXED, prefilled=0)), price_iteration(MODEL, NODE, Serving(
        batch=1, tokens=512, context=512, devices=8))]  # fmt: skip
    together = price_iteration(MODEL, NODE, replace(MIXED, prefilled=512))
    assert together.seconds < sum(one.seconds for one in apart)  # the weights are read once


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_overlap_leads_from_one_after_the_other_to_the_busiest(share):
    iteration = price_iteration(MODEL, NODE, replace(MIXED, overlap_operators=share))
    serial = sum(busy.seconds for busy in iteration.operators.values()) + iteration.network
    busiest = max(iteration.resources.values())
    assert iteration.seconds == pytest.approx(serial + share * (busiest - serial))
    assert busiest < serial


def test_calibrated_resources_take_longer_than_their_roofs():
    roofs = price_iteration(MODEL, NODE, MIXED).resources
    constants = serving_constants()
    calibrated = price_iteration(MODEL, NODE, replace(MIXED, constants=constants)).resources
    assert all(calibrated[name] > roofs[name] for name in ("compute", "memory"))
    assert roofs["memory"] < calibrated["memory"] < roofs["memory"] / constants.attention_memory


@pytest.mark.parametrize("wrong", [{"prefilled": -1}, {"overlap_operators": 2.0}])
def test_what_no_iteration_has_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Serving(**wrong)


@pytest.mark.parametrize("name", ["llama-3-8b", "llama-3-70b", "qwen3-32b"])
def test_no_group_of_devices_serves_a_token_for_less(name):
    model = get_model(name)
    point = operating_point(model, NODE, context=2048, kind="bf16")
    assert np.asarray(point.deployment.users) <= point.deployment.largest_batch
    for tp in (1, 2, 4, 8):
        other = replace(point.deployment, tp=tp)
        users = min(float(other.largest_batch), MOST_SEQUENCES)
        other = replace(other, users=users)
        if users >= 1:
            per_second = np.asarray(serving_seconds(other, serving_constants()).per_second).item()
            assert tp / per_second / 2048 >= point.device_seconds_per_token * (1 - 1e-9)


def test_a_model_that_no_node_holds_is_served_by_several():
    point = operating_point(get_model("deepseek-v3"), NODE, context=2048, kind="bf16")
    assert point.deployment.devices == 24  # 1.3 TB of weights, and 75 GB a device that an engine takes
    assert 100 < np.asarray(point.deployment.users) < MOST_SEQUENCES  # each of these devices holds all of the latents


def test_a_chip_without_sixteen_bits_is_served_in_thirty_two():
    narrow, wide = (operating_point(MODEL, get_machine("2 x v100-32"), context=512, kind=k) for k in ("fp16", "fp32"))
    assert wide.deployment.weight_bytes == 2 * narrow.deployment.weight_bytes
    assert wide.device_seconds_per_token > 2 * narrow.device_seconds_per_token
