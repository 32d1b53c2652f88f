"""Layers with a state, gates and hybrids against torch: parameters, and FLOPs by group as torch counts them."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from froude.cost.model.catalogue import get_model
from froude.cost.model.description import build_model
from froude.cost.model.model import Model
from froude.cost.model.pattern import INNERS, MIXERS, text_of_layers, words_of_layers
from froude.errors import InputError
from state_twins import Hybrid

TINY = {"layers": 4, "hidden": 24, "heads": 4, "vocab": 50, "context": 10, "gated": True, "tied": False}
PLAIN = {"positions": "none", "norm": "rms", "biased": False}
MAMBA = {"inner_width": 48, "state_width": 5, "step_rank": 3}
DUALITY = {"state_heads": 6, "state_head_width": 8, "state_groups": 2, "state_width": 5, "state_normed": True}
DELTA = {"state_key_heads": 2, "state_heads": 4, "state_width": 5, "state_head_width": 7}
HYBRIDS = {
    "mamba": MAMBA | {"mixers": "mamba", "mlps": "none"},
    "mamba and attention, every second with experts": MAMBA
    | {"mixers": "3*mamba/full", "mlps": "dense/experts", "experts": 6, "top_k": 2, "expert_width": 14},
    "one mixer or MLP a layer": DUALITY | {"mixers": "mamba2/none/full/none", "mlps": "none/dense"},
    "delta rules and gated attention": DELTA | {"mixers": "3*delta/full", "gate": "values", "qk_norm": True},
}
GROUPS = {
    "state": ("mamba", "delta"),
    "attention": ("attention",),
    "inner": ("mlp", "router", "experts", "shared"),
    "head": ("head",),
}
"""Froude's groups of operators by the module of the twin that they are."""


def twin(model: Model) -> Hybrid:
    d = dict(model.description)
    mixers = words_of_layers("mixers", d["mixers"], d["layers"], MIXERS)
    inners = words_of_layers("mlps", d.get("mlps") or "dense", d["layers"], INNERS)
    with torch.device("meta"):
        return Hybrid(d, mixers, inners)


@pytest.mark.parametrize("kind", HYBRIDS)
def test_a_hybrid_has_the_parameters_of_its_torch_twin(kind: str) -> None:
    model = build_model(kind, TINY | PLAIN | HYBRIDS[kind])
    assert model.n_params == sum(parameter.numel() for parameter in twin(model).parameters())


@pytest.mark.parametrize("kind", HYBRIDS)
def test_a_hybrid_has_the_flops_that_torch_counts_by_group(kind: str) -> None:
    model = build_model(kind, TINY | PLAIN | HYBRIDS[kind])
    module = twin(model)
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros((2, 10), dtype=torch.long, device="meta"))
    counted = counter.get_flop_counts()
    flops = {name: 20 * n for name, n in model.forward_flops_by_operator(10).items()}
    for part, groups in GROUPS.items():
        ours = sum(n for name, n in flops.items() if name.partition(".")[0] in groups)
        theirs = sum(
            sum(ops.values())
            for name, ops in counted.items()
            if name.removeprefix("Hybrid.").split(".")[0] == part and name.count(".") == (1 if part == "head" else 2)
        )
        assert ours == pytest.approx(theirs, rel=1e-12), part
    assert sum(flops.values()) == pytest.approx(counter.get_total_flops(), rel=1e-12)


def test_a_state_takes_the_same_room_at_every_length() -> None:
    model = get_model("nemotron-h-8b")
    grows = model.kv_values(65536) * 65536 - model.kv_values(32768) * 32768
    assert grows == 4 * 2 * 8 * 128 * 32768  # keys and values of its four layers with attention
    states = 24 * 128 * 64 * 128  # of its Mamba-2 layers
    assert model.kv_values(1) == states + 4 * 2 * 8 * 128


def test_sparse_attention_scores_no_more_keys_than_its_indexer_chooses() -> None:
    sparse, dense = get_model("deepseek-v3.2"), get_model("deepseek-v3")
    long = sparse.forward_flops_by_operator(65536)
    assert long["attention.scores"] == dense.forward_flops_by_operator(2048)["attention.scores"]
    assert long["indexer.scores"] == 61 * 2 * 64 * 128 * 65536
    assert sparse.kv_values(65536) == dense.kv_values(65536) + 61 * 128


@pytest.mark.parametrize("text", ["full", "5*window/full", "2*(mamba2/none)/full/none", "dense/60*experts"])
def test_a_pattern_that_is_written_is_read_as_the_same_layers(text: str) -> None:
    words = words_of_layers("layers", text, 61, (*MIXERS, *INNERS))
    assert words_of_layers("layers", text_of_layers(words), 61, (*MIXERS, *INNERS)) == words
    assert len(words) == 61


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mixers": "mamba/ful"}, "mixers has 'ful': give words as 5\\*window/full"),
        ({"mixers": "mamba"}, "mixers has 'mamba', which needs inner_width"),
        ({"mixers": "window/full"}, "lack a window: give window too"),
        ({"mlps": "experts"}, "mlps has 'experts': give experts"),
        ({"mlps": "dense", "dense_layers": 1}, "say the same: give one of them"),
        ({"mixers": 3}, "mixers must be words of layers"),
    ],
)
def test_layers_that_make_no_model_are_refused_in_one_line(changes: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_model("wrong", TINY | PLAIN | changes)
