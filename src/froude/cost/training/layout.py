"""How it is trained: the layout of a training on devices, as numbers or as arrays of many layouts at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal, final, get_args

import numpy as np

from froude.bounds import MOST_COUNT, MOST_DEVICES, finite_number, whole_number
from froude.cost.machine.constants import Constants, constants
from froude.cost.machine.machine import Place
from froude.cost.model.operators import Number
from froude.cost.stack.keeping import Keeping
from froude.cost.stack.stack import Stack
from froude.cost.training.pipeline.notation import parse_chunks
from froude.errors import InputError
from froude.result import Result

Recompute = Literal["none", "selective", "operators", "full", "optimal"]
Schedule = Literal["gpipe", "1f1b", "zero-bubble"]
Attending = Literal["unfused", "flash", "flash-2", "flash-3"]
ContextBy = Literal["ring", "ulysses"]
ZeroStage = Literal[0, 1, 2, 3]
Graphs = Literal["none", "partial", "full"]
Dispatch = Literal["flat", "node"]

CHOICES: Mapping[str, tuple[str | int, ...]] = {
    "schedule": get_args(Schedule),
    "context_by": get_args(ContextBy),
    "zero": get_args(ZeroStage),
    "recompute": get_args(Recompute),
    "attention": get_args(Attending),
    "graphs": get_args(Graphs),
    "dispatch": get_args(Dispatch),
    "offload_optimizer": get_args(Place),
    "offload_parameters": get_args(Place),
    "offload_activations": get_args(Place),
}
"""Fields of a layout that are not numbers, with what they may be."""

COUNTS: Mapping[str, tuple[int, int]] = {
    "devices": (1, MOST_DEVICES),
    **dict.fromkeys(("global_batch", "seq_len"), (1, MOST_COUNT)),
    **dict.fromkeys(("micro_batch", "tensor", "pipeline", "interleave", "context", "expert"), (1, MOST_DEVICES)),
    **dict.fromkeys(("shard", "expert_tensor"), (0, MOST_DEVICES)),
    "local_steps": (1, MOST_COUNT),
}
"""Fields of a layout that are whole numbers, with the least and the most that they may be."""

FLAGS = ("sequence_parallel", "fused_loss", "compiled", "overlap", "overlap_tensor", "overlap_expert")
"""Fields of a layout that are true or false."""


@final
@dataclass(frozen=True)
class Flow:
    """How work flows through a pipeline: `stages` of `interleave` chunks each, and the micro-batches that pass them."""

    schedule: Schedule
    stages: Number
    interleave: Number
    micro_batches: Number


@final
@dataclass(frozen=True, kw_only=True)
class Precision:
    """Bytes a value of each class of tensor, and the number type of the matmuls.

    `weights` is the copy that matmuls read, `master` the one the optimizer updates (0 where they are the same),
    `optimizer` all its states together (8 for Adam in fp32, 2 for its 8-bit form), `reduce` what gradients are
    communicated in, `activations` what is kept for the backward pass. Where matmuls are narrower a stack may keep their
    `inputs` so (None: as activations), and a block's weights in `matmul_weights` bytes a value, all copies together,
    those in another format and transposed ones too (None: as weights).
    """

    matmuls: str = "bf16"
    weights: float = 2
    gradients: float = 4
    master: float = 4
    optimizer: float = 8
    reduce: float = 4
    activations: float = 2
    inputs: float | None = None
    matmul_weights: float | None = None


@final
@dataclass(frozen=True, kw_only=True)
class Kept:
    """What an optimal recomputation does, as shares of whole blocks.

    `bytes` is what stays of the activations, `seconds` and `flops` what is repeated of the forward pass, `working`
    the largest segment while it is recomputed.
    """

    bytes: Number = 1.0
    seconds: Number = 0.0
    flops: Number = 0.0
    working: Number = 0.0


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Layout(Result):
    """One layout, or many of the same categories whose numeric fields are arrays that broadcast.

    Batches count sequences: a step trains `global_batch` of `seq_len` tokens, `micro_batch` of them at a time on each
    model replica. A replica takes tensor · pipeline · context devices; data parallelism is what is left of `devices`.
    `expert` devices share the experts, and `expert_tensor` of tensor parallelism divide each (0: as many as divide all
    else); together they take devices of tensor, context and data parallelism. Each device holds `interleave` chunks of
    the pipeline. `pipeline_layout` says what chunks hold: "even" parts, "ends" counted as layers, or in Megatron's
    notation, "Et*4|(t*4|)*14tmL", whose `m` adds a head that predicts one token further. `shard` is over how many
    data-parallel devices ZeRO divides states (0: all; fewer: hybrid sharding). ZeRO stage 1 divides optimizer states, 2
    gradients too, 3 weights too (FSDP).

    `recompute` "selective" repeats the scores of attention (Korthikanti et al. 2022), "operators" all but every
    second matmul and attention (torchtitan's selective mode), "full" whole blocks, of which `recomputed` is the
    share that is. "optimal" what `kept` says. `attention` names the kernel, `fused_loss` says whether the cross
    entropy has one of its own. `overlap` says whether gradient and weight communication runs beside compute,
    `overlap_tensor` the same of tensor parallelism, `overlap_expert` of the dispatch to experts. `graphs` says how much
    of a step is launched as CUDA graphs: nothing, parts of its blocks, or all of it. `dispatch` "flat" sends a position
    to every device that has one of its experts, "node" once to every node (DeepEP and its like). `compress` is the
    factor by which gradients are made smaller before they are sent; `local_steps` how many optimizer steps pass
    between synchronisations of a low-communication optimizer (1: every step). `stack` is the software whose measured
    speed counts; None for that of the trainings that the constants of the step-time model were calibrated on.
    """

    devices: Number
    global_batch: Number
    seq_len: Number
    micro_batch: Number = 1
    tensor: Number = 1
    pipeline: Number = 1
    interleave: Number = 1
    context: Number = 1
    expert: Number = 1
    expert_tensor: Number = 0
    pipeline_layout: str = "even"
    shard: Number = 0
    schedule: Schedule = "1f1b"
    context_by: ContextBy = "ring"
    sequence_parallel: bool = False
    zero: ZeroStage = 0
    recompute: Recompute = "none"
    recomputed: Number = 1.0
    kept: Kept = field(default_factory=Kept)
    attention: Attending = "flash-2"
    fused_loss: bool = False
    compiled: bool = False
    overlap: bool = True
    overlap_tensor: bool = False
    overlap_expert: bool = False
    graphs: Graphs = "none"
    dispatch: Dispatch = "flat"
    compress: float = 1.0
    local_steps: int = 1
    offload_optimizer: Place = "device"
    offload_parameters: Place = "device"
    offload_activations: Place = "device"
    precision: Precision = field(default_factory=Precision)
    stack: Stack | None = None

    def __post_init__(self) -> None:
        check_fields(vars(self))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The fields that hold an array, of many layouts at once."""
        numbers = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in numbers.items() if isinstance(value, np.ndarray)}

    @property
    def constants(self) -> Constants:
        """The constants of the step-time model: those that ship, as the stack changes them."""
        return constants() if self.stack is None else self.stack.constants(constants())

    @property
    def keeping(self) -> Keeping:
        """What the stack keeps in memory beside; of no stack what holds where none says."""
        return Keeping() if self.stack is None else self.stack.keeps

    @cached_property
    def model_parallel(self) -> Number:
        """Devices that hold one replica of the model together."""
        return self.tensor * self.pipeline * self.context

    @cached_property
    def data_parallel(self) -> Number:
        """Replicas of the model."""
        return self.devices // self.model_parallel

    @cached_property
    def tensor_of_experts(self) -> Number:
        """Devices that divide each expert."""
        return np.where(np.asarray(self.expert_tensor) > 0, self.expert_tensor, self.tensor)

    @cached_property
    def expert_replicas(self) -> Number:
        """Copies of every expert: devices of a stage over those that hold all experts once."""
        stage = self.tensor * self.context * self.data_parallel
        return np.maximum(stage // (self.tensor_of_experts * self.expert), 1)

    @cached_property
    def micro_batches(self) -> Number:
        """Micro-batches that a replica works through in a step: gradient accumulation, or a pipeline's fill."""
        return self.global_batch // (self.data_parallel * self.micro_batch)

    @cached_property
    def positions(self) -> Number:
        """Positions of one micro-batch that a device works on."""
        return self.micro_batch * self.seq_len / self.context

    @property
    def sequence_split(self) -> Number:
        """Parts into which positions are divided outside of tensor-parallel matmuls."""
        return self.tensor if self.sequence_parallel else 1

    @property
    def flow(self) -> Flow:
        """Schedule, stages, chunks and micro-batches of the pipeline."""
        return Flow(self.schedule, self.pipeline, self.interleave, self.micro_batches)

    @cached_property
    def tokens(self) -> Number:
        """Tokens of one step."""
        return self.global_batch * self.seq_len


def check_fields(values: Mapping[str, Any]) -> None:
    """InputError, naming field and value, for what a field of a layout cannot be; arrays of numbers pass."""
    for name, value in values.items():
        if name in CHOICES and value not in CHOICES[name]:
            raise InputError(f"{name} = {value!r}: take one of {', '.join(map(str, CHOICES[name]))}")
        if name in FLAGS and not isinstance(value, bool | np.bool_):
            raise InputError(f"{name} = {value!r}: write true or false")
        if name == "pipeline_layout":
            _check_pipeline_layout(value)
        if isinstance(value, np.ndarray):
            continue
        if name in COUNTS:
            whole_number(name, value, *COUNTS[name])
        elif name == "recomputed":
            finite_number(name, value, 0, 1)
        elif name == "compress":
            finite_number(name, value, 1, MOST_COUNT)


def _check_pipeline_layout(value: Any) -> None:
    if value not in ("even", "ends"):
        parse_chunks(str(value))
