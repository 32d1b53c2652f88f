"""Words that all frameworks share: what each choice means, and the comment that stands beside an option."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from froude.planning.emit.recipe import Recipe, idle, plain

_WIDTH = 100
"""Characters of a comment line, without its mark and indent."""

MEANINGS = {
    "model": "{r.model}",
    "devices": "{layout.devices} devices in all, {r.devices_a_node} on each of {r.nodes} nodes",
    "global_batch": "{layout.global_batch} sequences a step = {layout.micro_batch} a micro-batch x "
    "{r.micro_batches} micro-batches x {r.data_parallel} replicas",
    "seq_len": "tokens of a sequence",
    "micro_batch": "sequences a replica computes at a time, {r.micro_batches} times a step",
    "data_parallel": "{r.data_parallel} replicas of the model",
    "tensor": "each matmul is split over {layout.tensor} devices",
    "pipeline": "the layers are split over {layout.pipeline} stages of a pipeline",
    "interleave": "each device holds {layout.interleave} pieces of the pipeline",
    "context": "each sequence is split over {layout.context} devices",
    "context_by": "how devices that share a sequence exchange keys and values: {layout.context_by}",
    "expert": "the experts are shared out over {layout.expert} devices",
    "expert_tensor": "each expert is split over {layout.tensor_of_experts} devices",
    "dispatch": "how positions get to the devices of their experts: {layout.dispatch}",
    "overlap_expert": "the dispatch to experts beside compute: {layout.overlap_expert}",
    "graphs": "what of a step is launched as CUDA graphs: {layout.graphs}",
    "pipeline_layout": "what the chunks of the pipeline hold: {layout.pipeline_layout}",
    "shard": "training states are divided over {r.shard} of the {r.shard_group} devices that hold the same weights",
    "zero": "ZeRO stage {layout.zero}",
    "schedule": "pipeline schedule {layout.schedule}",
    "sequence_parallel": "norms and residuals are split along the sequence over the tensor-parallel devices",
    "recompute": "activations recomputed in the backward pass: {layout.recompute}",
    "recomputed": "{layout.recomputed:.3%} of the blocks are recomputed",
    "attention": "kernel of attention: {layout.attention}",
    "fused_loss": "a kernel of its own for the cross entropy: {layout.fused_loss}",
    "compiled": "compiled operators: {layout.compiled}",
    "overlap": "gradients and weights are communicated beside compute: {layout.overlap}",
    "overlap_tensor": "tensor-parallel communication beside matmuls: {layout.overlap_tensor}",
    "compress": "gradients are made {layout.compress:g} times smaller before they are sent",
    "local_steps": "replicas synchronise every {layout.local_steps} steps",
    "offload_optimizer": "optimizer states rest on: {layout.offload_optimizer}",
    "offload_parameters": "weights rest on: {layout.offload_parameters}",
    "offload_activations": "saved activations rest on: {layout.offload_activations}",
    "precision": "matmuls in {p.matmuls}; bytes a value: weights {p.weights:g}, master copy {p.master:g}, "
    "gradients {p.gradients:g}, their communication {p.reduce:g}, optimizer states {p.optimizer:g}, "
    "activations {p.activations:g}",
    "steps": "{r.steps} steps",
    "learning_rate": "peak learning rate",
    "final_learning_rate": "the last learning rate",
    "warmup_steps": "steps of linear warm-up",
    "lr_schedule": "learning-rate schedule {r.lr_schedule}",
    "decay_steps": "steps of the final decay",
    "weight_decay": "decoupled weight decay",
    "betas": "decay rates of Adam's moments",
    "clip": "largest norm of the gradients",
    "seed": "seed of the random numbers",
}
"""What each choice means, by its name in `Layout` or `Recipe`."""


@final
@dataclass(frozen=True)
class EmittedOption:
    """An option of a framework: its name there, its value, the name of our choice behind it, and a remark."""

    name: str
    value: object
    because: str
    remark: str = ""


@final
@dataclass(frozen=True)
class Limit:
    """What a framework can express of one choice: `holds` says whether it can, `why` what it does instead."""

    holds: Callable[[Recipe], bool]
    why: str


def only_one(name: str, why: str) -> Limit:
    """The limit to 1 of a numeric choice of the layout."""
    return Limit(lambda recipe: getattr(recipe.layout, name) == 1, why)


def states_together(recipe: Recipe) -> bool:
    """Whether weights and optimizer states lie in one place, on the device or in host memory."""
    layout = recipe.layout
    return layout.offload_optimizer == layout.offload_parameters and layout.offload_optimizer in ("device", "host")


@final
@dataclass(frozen=True)
class Framework:
    """A framework: how a recipe is written for it, and by choice what it cannot express.

    `pins` are fields of `Layout` without which it can express few layouts: a search that is for it holds them.
    """

    write: Callable[[Recipe], str]
    limits: Mapping[str, Limit]
    pins: Mapping[str, Any] = field(default_factory=dict)


def meaning(recipe: Recipe, because: str) -> str:
    """What a choice means in this recipe."""
    return MEANINGS[because].format(r=recipe, layout=recipe.layout, p=recipe.layout.precision)


def explain(recipe: Recipe, because: str, remark: str = "") -> str:
    """What a choice means, why it was made where the recipe says so, and a remark, as one text."""
    return "; ".join(part for part in (meaning(recipe, because), recipe.reasons.get(because, ""), remark) if part)


def as_json(value: object) -> str:
    """A number, truth value, text or list of these as JSON writes it, and TOML too."""
    return json.dumps(plain(value))


def comment(text: str, mark: str) -> list[str]:
    """A text as comment lines, each beginning with the mark."""
    return [
        f"{mark} {line}"
        for line in textwrap.wrap(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
    ]


def explained(recipe: Recipe, choices: Iterable[EmittedOption], mark: str) -> Iterator[tuple[list[str], EmittedOption]]:
    """Every option with its comment lines; the next options of the same choice have their remarks alone."""
    before = [""]
    for choice in choices:
        again = choice.remark or ("" if choice.because == before[-1] else meaning(recipe, choice.because))
        text = again if choice.because in before else explain(recipe, choice.because, choice.remark)
        before.append(choice.because)
        yield comment(text, mark), choice


def heading(
    recipe: Recipe, how: str, mark: str, choices: Iterable[EmittedOption], notes: Mapping[str, str] | None = None
) -> list[str]:
    """The first comment lines: what is trained where, how the file is used, and what no option stands for.

    `choices` are the options that follow. `notes` are remarks on choices for which the framework has no option, by
    choice. Reasons for what has neither are given too.
    """
    layout = recipe.layout
    texts = [
        f"{recipe.model} on {layout.devices} x {recipe.machine}: {recipe.steps} steps of {layout.tokens} tokens. "
        "Written by froude plan.",
        how,
        explain(recipe, "devices"),
        explain(recipe, "global_batch"),
        *(explain(recipe, because, remark) for because, remark in (notes or {}).items()),
    ]
    texts += [f"{name} = {getattr(layout, name)} has no effect: {why}" for name, why in idle(layout).items()]
    shown = {"devices", "global_batch", *(notes or {}), *(choice.because for choice in choices)}
    texts += [f"{name}: {why}" for name, why in recipe.reasons.items() if name not in shown]
    return [line for text in texts for line in comment(text, mark)]
