"""A device's share of a model under a layout: its parameters, and the devices that hold copies of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.machine.collectives import Group
from froude.cost.model.model import Model
from froude.cost.model.operators import Lookup, Matmul, Number, Operator
from froude.cost.training.layout import Layout
from froude.cost.training.pipeline.predictions import SHARED
from froude.cost.training.pipeline.split import StageBlocks, stage_blocks


@final
@dataclass(frozen=True, kw_only=True)
class Share:
    """Parameters on one device of the pipeline's fullest stage, before ZeRO divides them.

    `dense` have copies on all data-parallel devices, `experts` on those that hold the same experts. ZeRO 3 gathers
    them in `units`, blocks and what is outside of them; the one at either end or the widest block has `largest`.
    """

    dense: Number
    experts: Number
    units: Number
    largest: Number

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


def share_of(model: Model, layout: Layout) -> Share:
    """The share of the stage that holds most: the first with the embedding, the last with the head, or one between."""
    dense, experts, largest = 0.0, 0.0, 0.0  # dense and experts of a block in the mean
    for block in model.blocks:
        own = _parameters([o for o in block.operators if not is_expert(o)], layout)
        routed = _parameters([o for o in block.operators if is_expert(o)], layout)
        dense = dense + block.count / model.layers * own
        experts = experts + block.count / model.layers * routed
        largest = np.maximum(largest, own + routed)
    first, last = _parameters(model.embedding, layout), _parameters(model.head, layout)
    copied = sum(o.inputs * o.outputs / layout.tensor for o in model.head if isinstance(o, Matmul) and _is_copy(o))
    # A tied head on a stage of its own holds a copy of the embedding.
    ends = np.maximum(first, last + copied)
    n_blocks, outside = _fullest(stage_blocks(model, layout), dense + experts, first, last + copied)
    outside = np.where(np.asarray(layout.pipeline) == 1, first + last, outside)
    return Share(
        dense=n_blocks * dense + outside,
        experts=n_blocks * experts,
        units=n_blocks + 1,
        largest=np.maximum(largest, ends),
    )


def _is_copy(operator: Matmul) -> bool:
    """Whether a matmul of the head has weights of the embedding, which a stage of its own must hold again."""
    return operator.tied and operator.name != SHARED


def _fullest(blocks: StageBlocks, block: Number, first: Number, last: Number) -> tuple[Number, Number]:
    """Blocks of the stage with most parameters, and its parameters outside of blocks."""
    held = [(blocks.middle, 0.0 * first), (blocks.first, first), (blocks.last, last)]
    n, outside = held[0]
    for count, end in held[1:]:
        more = count * block + end >= n * block + outside
        n, outside = np.where(more, count, n), np.where(more, end, outside)
    return n, outside


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
