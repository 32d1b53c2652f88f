"""Pipelines whose stages hold unlike numbers of layers, and experts that are divided otherwise than all else."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from froude import InputError, train_cost
from froude.cost import Layout, evaluate, get_machine, get_model
from froude.cost.training.layout import Flow
from froude.cost.training.legal import legal
from froude.cost.training.pipeline.closed_form import pipeline_seconds
from froude.cost.training.pipeline.events import simulate
from froude.cost.training.pipeline.notation import parse_chunks
from froude.cost.training.pipeline.predictions import with_predictions
from froude.cost.training.pipeline.split import stage_blocks
from froude.cost.training.share import share_of

pytest_plugins = ["door"]

LLAMA_405B = get_model("llama-3.1-405b")
DEEPSEEK = get_model("deepseek-v3")
H100S, GB300S = get_machine("1024 x h100"), get_machine("256 x gb300")
BRIDGE = Layout(devices=1024, global_batch=1536, seq_len=8192, tensor=8, pipeline=8, context=2, interleave=8, zero=1)
"""Llama 3.1 405B on H100 in Megatron-Bridge: 126 layers, embedding and loss are 128, two to each of 64 chunks."""
SPREAD = Layout(
    devices=1024, global_batch=8192, seq_len=4096, tensor=2, pipeline=8, interleave=4, expert=64, expert_tensor=1,
    zero=1, sequence_parallel=True, pipeline_layout="Et|(tt|)*30mL",
)  # fmt: skip
"""DeepSeek-V3 on H100 in Megatron-Bridge: 64 devices share the experts, of tensor parallelism 2 and 64 replicas."""


# --- notation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "blocks", "predictions"),
    [
        ("Et*4|(t*4|)*14tmL", (4,) * 15 + (1,), 1),
        ("Et|(tt|)*30mL", (1,) + (2,) * 30 + (0,), 1),
        ("E|t*3|t,t,m|m,L", (0, 3, 2, 0), 2),
        ("E((t|)*2t|)*2L", (1,) * 6 + (0,), 0),
        ("EtL", (1,), 0),
    ],
)
def test_a_layout_is_read_as_megatron_writes_it(text, blocks, predictions):
    chunks = parse_chunks(text)
    assert chunks.blocks == blocks
    assert sum(chunks.predictions) == predictions


@pytest.mark.parametrize("text", ["", "t*4", "EtxL", "LtE", "Et(t|L", "EmtL", "Et*99999|t*99999L", "Et*1000000L"])
def test_a_layout_that_no_framework_takes_is_refused(text):
    with pytest.raises(InputError, match=r"pipeline_layout = .*write even, ends, or"):
        replace(BRIDGE, pipeline_layout=text)


# --- blocks of stages ------------------------------------------------------------------------------------


def held(model, layout):
    blocks = stage_blocks(model, layout)
    return [float(np.max(one)) for one in (blocks.first, blocks.middle, blocks.last)]


def test_embedding_and_loss_take_the_place_of_a_layer_each():
    assert held(LLAMA_405B, replace(BRIDGE, pipeline_layout="ends")) == [15, 16, 15]
    assert held(LLAMA_405B, replace(BRIDGE, pipeline_layout="ends", pipeline=1, interleave=1)) == [126, 126, 126]


@pytest.mark.parametrize("stages", [2, 3, 4, 5, 8, 14, 61])
def test_stages_hold_all_layers_whatever_their_number(stages):
    for kind, model in (("ends", DEEPSEEK), ("ends", LLAMA_405B)):
        first, middle, last = held(model, replace(BRIDGE, pipeline=stages, interleave=1, pipeline_layout=kind))
        lighter = stages * middle - (middle - first) - (middle - last)  # if all others were as full as the fullest
        assert model.layers <= lighter < model.layers + stages
        assert last <= first <= middle


def test_an_explicit_layout_says_what_devices_hold():
    layout = replace(SPREAD, pipeline=2, interleave=8, pipeline_layout="Et*4|(t*4|)*14tmL")
    assert held(DEEPSEEK, layout) == [32, 32, 29]
    arrays = replace(layout, pipeline=np.array([2, 4, 16]), interleave=np.array([8, 4, 1]))
    assert np.asarray(stage_blocks(DEEPSEEK, arrays).last).tolist() == [29, 13, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pipeline_layout": "Et*63|t*63L"}, "must be the 2 chunks"),
        ({"pipeline_layout": "Et|(tt|)*62L"}, "the 125 blocks of the pipeline layout must be the layers"),
        ({"pipeline_layout": "ends", "interleave": 17}, "at most one chunk a layer"),
    ],
)
def test_a_layout_of_another_size_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        train_cost(LLAMA_405B, H100S, **{"global_batch": 1536, "tensor": 8, "pipeline": 8, "interleave": 8, **change})


def test_a_lighter_last_stage_shortens_the_step():
    """The loss of 128,256 logits is work of half a layer: 126 layers in 8 even parts leave the last stage behind."""
    even, ends = (
        float(evaluate(LLAMA_405B, H100S, replace(BRIDGE, pipeline_layout=kind)).step_seconds)
        for kind in ("even", "ends")
    )
    assert 0.9 < ends / even < 0.99


@pytest.mark.parametrize("interleave", [1, 4])
@pytest.mark.parametrize(("first", "last"), [(0.5, 1.0), (0.75, 1.1), (0.9, 0.95)])
def test_lighter_stages_take_what_a_simulation_takes(interleave, first, last):
    flow = Flow("1f1b", 8, interleave, 64)
    seconds = np.array([first, *[1.0] * 6, last])
    simulated = simulate(flow, seconds, 2 * seconds, 0.0).makespan_seconds
    assert pipeline_seconds(flow, 1.0, 2.0, 0.0, first=first, last=last) == pytest.approx(simulated, rel=0.02)


def test_multi_token_prediction_costs_the_flops_that_megatron_counts(published):
    """Megatron-Bridge's table prints DeepSeek-V3 with its further head and, in four rows, without."""
    counted: dict[bool, list[float]] = {True: [], False: []}
    with published("sys_megatron_bridge/megatron_bridge.csv").open() as file:
        for row in csv.DictReader(file):
            if row["model"] == "DeepSeekV3":
                counted[row["model_note"] != "w/o MTP"].append(float(row["model_gflops_per_token"]))
    costs = [
        evaluate(DEEPSEEK, H100S, replace(SPREAD, pipeline_layout=text)) for text in ("Et|(tt|)*30mL", "Et|(tt|)*30L")
    ]
    told = float(costs[0].model_flops / costs[1].model_flops)
    assert told == pytest.approx(np.mean(counted[True]) / np.mean(counted[False]), rel=0.005)
    assert 1 <= float(costs[0].step_seconds / costs[1].step_seconds) < 1.03  # on a last stage that is lighter


def test_a_further_head_holds_a_block_and_a_projection_more():
    plain, further = (
        with_predictions(DEEPSEEK, replace(SPREAD, pipeline_layout=text)) for text in ("Et|(tt|)*30L", "Et|(tt|)*30mL")
    )
    block = sum(float(one.parameters) for one in DEEPSEEK.blocks[-1].operators)
    added = block + 7168 * (2 * 7168) + 3 * 7168  # the projection, and norms of both states and of the last
    assert float(further.n_params - plain.n_params) == added


# --- experts ---------------------------------------------------------------------------------------------


def test_experts_spread_over_tensor_and_data_parallelism():
    assert legal(DEEPSEEK, H100S, SPREAD)
    assert not legal(DEEPSEEK, get_machine("256 x h100"), replace(SPREAD, devices=256))
    assert int(SPREAD.expert_replicas) == 2


def test_all_devices_together_hold_every_expert_as_often_as_replicas():
    alone = Layout(devices=64, global_batch=64, seq_len=4096, tensor=4, sequence_parallel=True)
    whole = float(share_of(DEEPSEEK, replace(alone, tensor=1)).experts)
    for expert, inner in ((16, 0), (16, 4), (64, 1), (32, 2), (8, 1)):
        layout = replace(alone, expert=expert, expert_tensor=inner)
        held = float(share_of(DEEPSEEK, layout).experts) * 64
        assert held == pytest.approx(whole * float(layout.expert_replicas))


def test_experts_divided_as_all_else_cost_what_is_assumed():
    assumed = Layout(devices=64, global_batch=64, seq_len=4096, tensor=4, sequence_parallel=True, expert=16, zero=1)
    said = replace(assumed, expert_tensor=4)
    costs = [evaluate(DEEPSEEK, H100S, one) for one in (assumed, said)]
    assert costs[0].step_seconds == costs[1].step_seconds
    assert costs[0].memory.total == costs[1].memory.total


def test_whole_experts_are_not_reduced_among_tensor_parallel_devices():
    divided = Layout(devices=64, global_batch=64, seq_len=4096, tensor=4, sequence_parallel=True, expert=16, zero=1)
    step = [evaluate(DEEPSEEK, H100S, one).step for one in (divided, replace(divided, expert_tensor=1, expert=64))]
    assert step[1].tensor < step[0].tensor / 3


def test_the_command_takes_both(cli):
    done = cli(
        *("cost", "train", "--model", "deepseek-v3", "--machine", "1024 x h100", "--global-batch", "8192", "--tp", "2"),
        *("--pp", "8", "--interleave", "4", "--ep", "64", "--etp", "1", "--seq-len", "4096"),
        *("--pipeline-layout", "Et|(tt|)*30mL"),
    )
    assert done.code == 0
    assert "chunks Et|(tt|)*30mL" in " ".join(done.out.split())
