"""A device's share of a model under a layout: its parameters, and the devices that hold copies of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from froude.cost.machine.collectives import Group
from froude.cost.model.model import Model
from froude.cost.model.operators import Lookup, Matmul, Number, Operator
from froude.cost.training.layout import Layout
from froude.cost.training.pipeline.predictions import SHARED
from froude.cost.training.pipeline.split import stage_blocks

StageName = Literal["first", "middle", "last"]
"""A stage of the pipeline: at either end, or the fullest between."""


@final
@dataclass(frozen=True, kw_only=True)
class Share:
    """Parameters on one device of a stage of the pipeline, before ZeRO divides them.

    `dense` have copies on all data-parallel devices, `experts` on those that hold the same experts; `outside` of both
    are in no block: embedding and head. ZeRO 3 gathers them in `units`, blocks and what is outside of them; the widest
    block has `block`.
    """

    dense: Number
    experts: Number
    outside: Number
    units: Number
    block: Number

    @property
    def parameters(self) -> Number:
        """Both kinds."""
        return self.dense + self.experts

    def owned(self, layout: Layout) -> Number:
        """Parameters whose optimizer states a device holds."""
        if layout.zero == 0:
            return self.parameters
        return self.divided(layout)

    def divided(self, layout: Layout) -> Number:
        """Parameters of one part where the shard group divides them."""
        dense = self.dense / shard_group(data_group(layout), layout).size
        return dense + self.experts / shard_group(expert_data_group(layout), layout).size


def stage_shares(model: Model, layout: Layout) -> dict[StageName, Share]:
    """The shares of the stages one of which is the fullest, by name; the last has the head, the first the embedding.

    Of equal parts none between holds more than the first, and of one stage the last is all.
    """
    dense, experts, largest = 0.0, 0.0, 0.0  # dense and experts of a block in the mean
    for block in model.blocks:
        own = _parameters([o for o in block.operators if not is_expert(o)], layout)
        routed = _parameters([o for o in block.operators if is_expert(o)], layout)
        dense = dense + block.count / model.layers * own
        experts = experts + block.count / model.layers * routed
        largest = np.maximum(largest, own + routed)
    first, last = _parameters(model.embedding, layout), _parameters(model.head, layout)
    # A tied head on a stage of its own holds a copy of the embedding.
    copied = sum(o.inputs * o.outputs / layout.tensor for o in model.head if isinstance(o, Matmul) and _is_copy(o))
    alone = np.asarray(layout.pipeline) == 1

    ends: dict[StageName, Number] = {"middle": 0.0, "first": first, "last": last + copied}
    if layout.pipeline_layout == "even":
        del ends["middle"]
    if np.all(alone):
        ends = {"last": last}
    held, shares = stage_blocks(model, layout), {}
    for name, end in ends.items():
        blocks, outside = getattr(held, name), np.where(alone, first + last, end)
        parts = {"dense": blocks * dense + outside, "experts": blocks * experts, "outside": outside}
        shares[name] = Share(**parts, units=blocks + 1, block=largest)
    return shares


def share_of(model: Model, layout: Layout) -> Share:
    """The share of the stage that holds most."""
    most, *others = stage_shares(model, layout).values()
    for other in others:
        more = other.parameters >= most.parameters
        pairs = zip(vars(most).items(), vars(other).values(), strict=True)
        most = Share(**{name: np.where(more, theirs, mine) for (name, mine), theirs in pairs})
    return most


def _is_copy(operator: Matmul) -> bool:
    """Whether a matmul of the head has weights of the embedding, which a stage of its own must hold again."""
    return operator.tied and operator.name != SHARED


def fullest_blocks(model: Model, layout: Layout) -> Number:
    """Blocks of the fullest stage."""
    return stage_blocks(model, layout).most


def fullest_stage(model: Model, layout: Layout) -> Number:
    """Blocks of the fullest stage over those of a stage in the mean."""
    return fullest_blocks(model, layout) / (model.layers / layout.pipeline)


def is_expert(operator: Operator) -> bool:
    """Whether expert parallelism divides an operator: it has several sets of weights, of which a position picks."""
    return isinstance(operator, Matmul) and operator.routed


def data_group(layout: Layout) -> Group:
    """The devices that hold the same dense parameters; context parallelism copies weights too."""
    return Group(size=layout.data_parallel * layout.context, stride=layout.tensor)


def expert_data_group(layout: Layout) -> Group:
    """The devices that hold the same experts."""
    return Group(size=layout.expert_replicas, stride=layout.tensor_of_experts * layout.expert)


def shard_group(group: Group, layout: Layout) -> Group:
    """The part of a data-parallel group over which ZeRO divides states: all of it unless the layout says less."""
    if layout.zero == 0:
        return group
    wanted = np.where(np.asarray(layout.shard) > 0, layout.shard, group.size)
    return Group(size=np.minimum(wanted, group.size), stride=group.stride)


def _parameters(operators: list[Operator] | tuple[Operator, ...], layout: Layout) -> Number:
    """Trained parameters of operators on one device."""
    whole, by_tensor, by_expert = 0.0, 0.0, 0.0
    for operator in operators:
        if isinstance(operator, Matmul) and operator.split != "none":
            if is_expert(operator):
                by_expert += operator.parameters
            else:
                by_tensor += operator.parameters
        elif isinstance(operator, Lookup):
            by_tensor += operator.parameters
        else:
            whole += operator.parameters
    return whole + by_tensor / layout.tensor + by_expert / (layout.tensor_of_experts * layout.expert)
