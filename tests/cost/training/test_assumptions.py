"""What nobody said of a layout is assumed, listed with its effect, and part of the interval."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from froude import InputError
from froude.cost import Layout, evaluate, get_machine, get_model, train_cost
from froude.cost.machine.constants import held_out_error
from froude.cost.stack.known_stacks import likely_stacks

A100 = get_machine("1024 x a100-80")
H100 = get_machine("64 x h100")
GPT3 = get_model("layers=96,hidden=12288,heads=96,vocab=51200,dropout=true")
SMALL = get_model("layers=8,hidden=1024,heads=16,vocab=32000,context=2048")


def test_everything_left_out_is_listed_with_its_effect():
    said: dict[str, Any] = {"seq_len": 2048, "global_batch": 1536, "tensor": 8, "pipeline": 16}
    found = train_cost(GPT3, A100, **said)
    names = [one.name for one in found.assumptions]
    left_out = {f.name for f in fields(Layout)} - {*said, "devices", *likely_stacks(A100.chip)[0][0].fields}
    unlisted = {
        "recomputed",
        "kept",
        "context_by",
        "compress",
        "local_steps",
        "expert_tensor",
        "graphs",
        "dispatch",
        "overlap_expert",
    } | {n for n in left_out if n.startswith("offload")}
    assert left_out - unlisted <= set(names)
    assert not set(said) & set(names)
    assert {"chip", "price", "failures"} <= set(names)
    lo, hi = found.interval
    assert lo < float(found.cost.step_seconds) < hi
    effects = {one.name: one.effect for one in found.assumptions}
    assert effects["stack"][0] < 0.99
    assert effects["recompute"][1] > 1.05


def test_an_interval_widens_with_what_is_not_said():
    said: dict[str, Any] = {"seq_len": 2048, "global_batch": 1536, "tensor": 8, "pipeline": 16}
    vague = train_cost(GPT3, A100, **said).interval
    known: dict[str, Any] = {
        "recompute": "selective",
        "attention": "flash-2",
        "overlap_tensor": False,
        "sequence_parallel": True,
    }
    sure = train_cost(GPT3, A100, **said, **known, interleave=1, micro_batch=1, zero=1).interval
    assert sure[1] / sure[0] < 0.99 * vague[1] / vague[0]
    assert sure[1] / sure[0] >= np.exp(2 * held_out_error()) * (1 - 1e-9)


def test_the_least_recomputation_that_fits_is_assumed():
    found = train_cost(get_model("llama-3.1-8b"), get_machine("8 x h100"), micro_batch=2)
    assert found.cost.fits
    less = {"operators": "selective", "selective": "none", "full": "operators"}
    if found.layout.recompute != "none":
        lighter = replace(found.layout, recompute=less[found.layout.recompute])
        assert not evaluate(get_model("llama-3.1-8b"), get_machine("8 x h100"), lighter).fits


def test_an_unknown_field_or_precision_is_refused():
    with pytest.raises(InputError, match="a layout has no"):
        train_cost(SMALL, H100, tensors=8)
    with pytest.raises(InputError, match="no precision is called 'bf17'"):
        train_cost(SMALL, H100, precision="bf17")
