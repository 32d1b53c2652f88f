"""The simulation's iterations are those of the closed forms, whatever the model, the layout and what enters."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from froude.cost import get_engine, get_machine, get_model
from froude.cost.serving.simulation.iteration_seconds import GRID, iteration_seconds
from serving_simulated import CONSTANTS, DEPLOYMENT

CASES: dict[str, dict[str, Any]] = {
    "dense": {},
    "tensor parallel": {"tp": 4, "model": get_model("llama-3.1-70b")},
    "pipeline": {"tp": 2, "pp": 4, "model": get_model("llama-3.1-70b")},
    "experts": {"tp": 4, "dp": 2, "ep": 8, "model": get_model("mixtral-8x7b")},
    "latent": {"tp": 8, "ep": 8, "model": get_model("deepseek-v3"), "precision": "fp8", "kv": "fp8"},
    "windows": {"tp": 2, "model": get_model("gpt-oss-120b"), "precision": "fp8"},
    "prompts first": {"engine": get_engine("sglang")},
}


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
def test_an_iteration_is_that_of_the_closed_form(fields):
    one = replace(DEPLOYMENT, machine=get_machine("8 x h100"), **{"input": 16 * GRID, "output": 4 * GRID, **fields})
    tables = iteration_seconds(one, CONSTANTS, positions=2000, longest=40 * GRID)
    context = float(one.input + one.output / 2)
    for running in (1, 8, 100):
        each = running / one.pp
        host = one.host_seconds(CONSTANTS, running)
        alone = one.iteration(CONSTANTS, each).seconds
        assert tables.decode(running, running * context) == pytest.approx(np.asarray(alone + host).item(), rel=1e-9)
        both = alone + (one.iteration(CONSTANTS, each, one.input).seconds - alone) / one.pp
        found = tables.mixed(running, running * context, [(0, int(one.input))], 1, 0)
        assert found == pytest.approx(np.asarray(both + host).item(), rel=1e-9)
    prompts = one.iteration(CONSTANTS, 0.0, one.input).seconds / one.pp + one.host_seconds(CONSTANTS, 0)
    assert tables.mixed(0, 0, [(0, int(one.input))], 1, 0) == pytest.approx(np.asarray(prompts).item(), rel=1e-9)


def test_a_prompt_in_chunks_scores_as_many_keys_as_in_one_piece():
    tables = iteration_seconds(DEPLOYMENT, CONSTANTS, positions=2000, longest=8000)
    (attention,) = tables.attention
    whole, parts = attention.seconds(0, 0, [(0, 5000)]), [(0, 1234), (1234, 3000), (3000, 5000)]
    assert sum(attention.seconds(0, 0, [part]) for part in parts) - whole == pytest.approx(
        2 * attention.alone * attention.count
    )
