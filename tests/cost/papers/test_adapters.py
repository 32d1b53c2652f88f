"""Adapters: counted parameter by parameter, and papers whose numbers they give."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from evidence import listed
from froude.cost import BF16, Model, Precision, Serving, decoder, get_model
from froude.cost.papers import adapters as peft
from froude.cost.serving.samplers import Stage
from froude.errors import InputError
from priced import SMALL, Noted, claimed, serving_bytes


def test_fused_matmuls_come_apart_into_the_matrices_they_are_made_of():
    shapes = {p.name: (p.inputs, p.outputs, p.count) for p in peft.projections(SMALL)}
    assert shapes == {
        "attention.query": (16, 16, 2), "attention.key": (16, 8, 2), "attention.value": (16, 8, 2),
        "attention.out": (16, 16, 2), "mlp.gate": (16, 24, 2), "mlp.in": (16, 24, 2), "mlp.out": (24, 16, 2),
    }  # fmt: skip
    mixtral = get_model("mixtral-8x7b")
    matrices = sum(p.count * p.inputs * p.outputs for p in peft.projections(mixtral))
    assert matrices == mixtral.n_params - sum(
        n for name, n in mixtral.parameters_by_operator.items() if name.startswith(("embedding", "norm", "head"))
    )


def twin(model: Model) -> Mapping[str, int]:
    """Trained parameters of each family as torch modules have them, built on the matrices of a model's layers."""
    from torch import nn

    hidden, layers = int(model.hidden), int(model.layers)
    matrices = [(p.name, int(p.inputs), int(p.outputs)) for p in peft.projections(model)] * layers

    def low_rank(rank: int, inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=False))

    def vector(n: int) -> nn.Module:
        return nn.ParameterList([nn.Parameter(nn.init.ones_(nn.Linear(n, 1).weight[0].detach()))])

    qv = [(i, o) for name, i, o in matrices if name in peft.QUERY_VALUE]
    kv = [o for name, _, o in matrices if name in ("attention.key", "attention.value")]
    backs = [(i, o) for name, i, o in matrices if name in ("attention.out", "mlp.out")]
    heads_kv = kv[0]
    narrow = hidden // 4
    side = [nn.Linear(i // 4, o // 4, bias=False) for _, i, o in matrices]
    side += [nn.RMSNorm(narrow) for _ in range(2 * layers)]
    side += [nn.Linear(hidden, narrow, bias=False) for _ in range(layers)] + [vector(1) for _ in range(layers)]
    modules: dict[str, list[nn.Module]] = {
        "lora": [low_rank(4, *shape) for shape in qv],
        "dora": [m for i, o in qv for m in (low_rank(4, i, o), vector(o))],
        "vera": [m for _, o in qv for m in (vector(4), vector(o))],
        "loldu": [vector(4) for _ in qv],
        "shards": [low_rank(2, *shape) for shape in qv],
        "ia3": [vector(o) for o in kv] + [vector(i) for name, i, _ in matrices if name == "mlp.out"],
        "bottleneck": [m for _ in range(2 * layers) for m in (nn.Linear(hidden, 4), nn.Linear(4, hidden))],
        "prompt": [nn.Embedding(5, hidden)],
        "prefix": [nn.Embedding(5, 2 * heads_kv) for _ in range(layers)],
        "side_network": [*side, nn.Linear(narrow, hidden, bias=False)],
        "channels": [nn.Linear(i // 4, o, bias=False) for i, o in backs],
        "task_scales": [vector(hidden) for _ in range(3 * layers)],
        "fusion": [nn.Linear(hidden, hidden, bias=False) for _ in range(3 * layers)],
    }
    counted = {name: sum(p.numel() for m in group for p in m.parameters()) for name, group in modules.items()}
    encoder = nn.TransformerEncoderLayer(64, 4, 256)
    counted["bitfit"] = sum(p.numel() for name, p in encoder.named_parameters() if name.endswith("bias"))
    return counted


SETTINGS: Mapping[str, Mapping[str, float]] = {
    "lora": {"rank": 4}, "dora": {"rank": 4}, "vera": {"rank": 4}, "loldu": {"rank": 4},
    "shards": {"rank": 8, "pool_rank": 2}, "bottleneck": {"width": 4}, "prompt": {"length": 5},
    "prefix": {"length": 5}, "side_network": {"reduction": 4}, "channels": {"share": 0.25},
    "task_scales": {"tasks": 3}, "fusion": {"tasks": 3},
}  # fmt: skip
"""What each family is given in the count of parameters."""
TWINNED = decoder(
    name="twin", layers=2, hidden=16, heads=4, kv_heads=2, vocabulary=32, context=8, mlp_width=24, gated=True,
    tied=False, rms_norm=True,
)  # fmt: skip


@pytest.mark.atlas("peft-survey", "modelled")
def test_every_adapter_trains_as_many_parameters_as_its_torch_twin(record_property: Noted):
    biased = decoder(name="biased", layers=1, hidden=64, heads=4, vocabulary=8, context=8, biased=True)
    head_norm = 64  # the final norm's bias, which torch's layer does not have
    counted = twin(TWINNED)
    assert counted.keys() == peft.FAMILIES.keys()
    for name, family in peft.FAMILIES.items():
        adapter = family(TWINNED if name != "bitfit" else biased, **SETTINGS.get(name, {}))
        trained = adapter.trained - (head_norm if name == "bitfit" else 0)
        assert trained == counted[name], name
        # AdamW keeps two states of four bytes beside fp32 weights and gradients.
        fp32 = Precision(weights=4, gradients=4, master=0, optimizer=8)
        assert adapter.state_bytes(fp32) == 16 * adapter.trained + 4 * adapter.frozen
        assert adapter.flops >= 0
    record_property("found", f"{len(counted)} families, parameters equal to torch's")


def test_an_unmerged_lora_multiplies_each_weight_once_a_position():
    plain = peft.lora(SMALL, rank=4, targets=("mlp.gate", "mlp.out"))
    assert plain.flops == 2 * plain.trained
    routed = peft.lora(get_model("mixtral-8x7b"), rank=4, targets=("experts.gate", "experts.out"))
    assert routed.flops == 2 * routed.trained * 2 / 8


def test_an_unknown_target_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"no matrix 'q_proj': take one of attention\.key"):
        peft.lora(SMALL, rank=1, targets=("q_proj",))


@pytest.mark.atlas("mos-lora", "modelled")
def test_a_pool_of_an_eighth_of_the_rank_saves_eightfold(
    record_property: Noted,
):
    """Rank 64 from a pool that a LoRA of rank 8 would fill: the paper's setting, as remembered."""
    model, tenants = get_model("llama-2-7b"), 1000
    plain, pooled = peft.lora(model, rank=64), peft.shards(model, rank=64, pool_rank=8)
    saving = plain.trained / pooled.trained
    base = serving_bytes(model, Serving(batch=8, context=1024))
    memory = [base + tenants * adapter.trained * BF16.bits_per_weight / 8 for adapter in (plain, pooled)]
    assert saving == pytest.approx(claimed("mos-lora", "adapter parameter saving")[0], rel=0.1)
    assert (memory[0] - base) / (memory[1] - base) == pytest.approx(saving)
    assert plain.flops == pooled.flops
    record_property("found", f"{saving:.1f}x fewer; 1000 tenants {memory[0] / 1e9:.0f} to {memory[1] / 1e9:.0f} GB")


@pytest.mark.atlas("scalearn")
def test_shared_scales_of_eight_tasks_are_eight_parameters(record_property: Noted):
    """The base model of 768 values; eight source tasks, as in GLUE."""
    model = get_model("bert-base")
    counts = {s: peft.task_scales(model, tasks=8, shared=s).trained for s in ("none", "layers", "values", "both")}
    assert counts == {"none": 8 * 12 * 768, "layers": 8 * 768, "values": 8 * 12, "both": 8}
    assert counts["both"] == claimed("scalearn", "smallest transfer parameters")[0]
    percent = 100 * counts["none"] / peft.fusion(model, tasks=8).trained
    assert percent == pytest.approx(claimed("scalearn", "transfer parameters")[0], rel=0.02)
    record_property("found", f"{listed(counts, 'd')}; {percent:.2f}% of AdapterFusion's")


@pytest.mark.atlas("pyra", "modelled")
def test_flops_of_an_adapted_vit_fall_with_the_tokens_kept(record_property: Noted):
    model = get_model("vit-b/16")
    keep = np.array([1.0, 0.8, 0.6, 0.4, 0.2])
    adapter = peft.lora(model, rank=8, targets=("attention.query", "attention.value"))
    tokens = keep * model.context
    flops = np.array([Stage(model=model, context=c).flops + c * adapter.flops for c in tokens])
    relative = flops / flops[0]
    assert np.all(np.abs(relative / keep - 1) < 0.05)
    assert np.all(relative[1:] < keep[1:])  # attention falls with the square
    assert all(peft.lora(replace(model, context=int(c)), rank=8).trained == adapter.trained for c in tokens)
    record_property("found", f"kept {keep.tolist()}: FLOPs {relative.round(3).tolist()}; trained {adapter.trained}")
