"""A deployment: a model on devices under an engine, requests of a length, and their load; fields may be arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from froude.cost.machine.machine import RUNTIME_BYTES, Machine
from froude.cost.model.formats import Format, kv_bytes, matmul_bits, model_bytes
from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Matmul, Number
from froude.cost.serving.constants import ServingConstants
from froude.cost.serving.engines import ServingEngine
from froude.cost.serving.iteration import Iteration, Serving, merged_operators, network_seconds, price_operators
from froude.cost.serving.number_formats import KV_FORMATS, NumberFormat, matmul_kind, number_format

NOW = 2026.0
"""The year of the engines' release to which constants refer."""


@final
@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One deployment, or many of the same model, chip, engine and precisions as arrays that broadcast.

    `tp` devices work tensor-parallel, `pp` such groups in a pipeline, `dp` such replicas; experts are divided among
    `ep` of a replica's and its neighbours' devices. `input` and `output` are tokens of a request. The load is `users`
    who ask again as soon as they are answered (of the engine "static" the batch), or `rate`, requests a second.
    `streamed` tokens of an answer are sent at a time. The share `reused` of a prompt is kept from others that began so.
    Where requests are `alike` (1), all of equal lengths as in many load tests, users keep in step; others differ (0).
    """

    model: Model
    machine: Machine
    engine: ServingEngine
    precision: str | NumberFormat
    kv: str | Format
    input: Number
    output: Number
    tp: Number = 1
    pp: Number = 1
    ep: Number = 1
    dp: Number = 1
    users: Number | None = None
    rate: Number | None = None
    streamed: Number = 1
    alike: Number = 0
    reused: Number = 0.0

    @property
    def devices(self) -> Number:
        """Devices of all replicas."""
        return np.multiply(np.multiply(self.tp, self.pp), self.dp)

    @property
    def kv_format(self) -> Format:
        """How keys and values are stored."""
        return KV_FORMATS[self.kv] if isinstance(self.kv, str) else self.kv

    @cached_property
    def weight_bytes(self) -> Number:
        """Bytes of weights on the devices of a replica."""
        form = number_format(self.precision)
        whole = model_bytes(self.model, form.weights, others=form.others)
        routed = self._routed_bytes()
        return whole - routed + routed / self.expert_replicas

    @property
    def expert_replicas(self) -> Number:
        """Replicas among which experts are divided."""
        return np.clip(np.asarray(self.ep) / np.asarray(self.tp), 1, self.dp)

    @property
    def room_bytes(self) -> Number:
        """Bytes that keys and values may take on the devices of a replica; negative where weights do not fit."""
        capacity = self.machine.chip.memory_bytes
        each = np.asarray(self.weight_bytes) / (np.asarray(self.tp) * self.pp)
        left = capacity - RUNTIME_BYTES - each
        share = self.engine.memory
        room = (
            left * (1.0 if self.engine.free is None else self.engine.free)
            if share is None
            else np.minimum(left, share * capacity - each)
        )
        return room * self.tp * self.pp

    @property
    def request_bytes(self) -> Number:
        """Bytes of keys and values that a request holds on the devices of a replica, copies counted."""
        held = np.asarray(self.input) + self.engine.reserved * np.asarray(self.output)
        pages = np.ceil(held / self.engine.page) * self.engine.page
        return kv_bytes(self.model, pages, self.kv_format) * self.copies

    @property
    def copies(self) -> Number:
        """How often a replica's devices hold keys and values: once unless they are more than the heads of keys."""
        if self._latent:
            return np.asarray(self.tp)
        return np.maximum(np.asarray(self.tp) / np.asarray(self.model.kv_heads), 1.0)

    @property
    def largest_batch(self) -> Number:
        """Requests for which the replicas have room beside the weights, and which the scheduler takes; 0 where none."""
        with np.errstate(divide="ignore"):
            fit = np.floor(np.divide(self.room_bytes, self.request_bytes))
        return np.clip(fit, 0, self.engine.sequences) * self.dp

    def iteration(self, constants: ServingConstants, running: Number, prompts: Number = 0) -> Iteration:
        """What a replica's iteration takes in which `running` requests decode and `prompts` tokens of prompts enter.

        No graph starts kernels where prompts enter.
        """
        context = np.asarray(self.input) + np.asarray(self.output) / 2
        serving = self.serving(constants, running, prompts, context=context, prompt=self.input)
        network = network_seconds(self.model, self.machine, serving)
        return Iteration(operators=price_operators(self.merged, self.machine, serving), network=network)

    def serving(
        self, constants: ServingConstants, running: Number, prompts: Number = 0, *, context: Number, prompt: Number
    ) -> Serving:
        """What goes through an iteration, requests having `context` keys and prompts that enter `prompt` tokens."""
        form, chip = number_format(self.precision), self.machine.chip
        kind = matmul_kind(self.precision, chip)
        sixteen = next((one for one in ("bf16", "fp16") if one in chip.peak_flops), kind)
        older = np.asarray(constants.generation) ** (NOW - self.engine.released)
        return Serving(
            batch=running,
            context=context,
            prefilled=prompts,
            prompt=prompt,
            weights=form.weights,
            others=form.others,
            kv=self.kv_format,
            activations=form.activations,
            matmuls=kind,
            narrow=form.narrow,
            scores=sixteen,
            devices=self.tp,
            replicas=self.expert_replicas,
            graphs=np.where(np.asarray(prompts) > 0, 0.0, 1.0),
            constants=_aged(constants, older),
        )

    def host_seconds(self, constants: ServingConstants, running: Number) -> Number:
        """Seconds of an iteration in which the devices wait for the host."""
        factor = {"sglang": constants.sglang, "tensorrt-llm": constants.tensorrt_llm}.get(self.engine.name, 1.0)
        older = np.asarray(constants.generation) ** (NOW - self.engine.released)
        return (constants.step + constants.sequence * np.asarray(running)) * factor * older

    @cached_property
    def merged(self) -> Model:
        """The model with its matmuls as one operator of many sizes, and so its elementwise ones."""
        return merged_operators(self.model)

    @property
    def _latent(self) -> bool:
        found = (o for block in self.model.blocks for o in block.operators if isinstance(o, Attention))
        return any(bool(np.all(o.cached < o.kv_heads * (o.score_width + o.value_width))) for o in found)

    def _routed_bytes(self) -> Number:
        stored = number_format(self.precision).weights
        each = (
            block.count * matmul_bits(o, stored) / 8
            for block in self.model.blocks
            for o in block.operators
            if isinstance(o, Matmul) and o.routed
        )
        return sum(each, start=0.0)


def _aged(constants: ServingConstants, older: Number) -> ServingConstants:
    return replace(constants, kernel=constants.kernel * older, eager=constants.eager * older)
