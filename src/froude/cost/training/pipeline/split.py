"""How many blocks each stage of a pipeline holds: of many layouts at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.model.model import Model
from froude.cost.model.operators import Number
from froude.cost.training.layout import Layout
from froude.cost.training.pipeline.notation import parse_chunks


@final
@dataclass(frozen=True, kw_only=True)
class StageBlocks:
    """Blocks on the first device, on the fullest one between, and on the last; all alike where there is one stage.

    Where two stages have none between them, `middle` is the fuller of the two.
    """

    first: Number
    middle: Number
    last: Number

    @property
    def most(self) -> Number:
        """Blocks of the fullest device."""
        return np.maximum(np.maximum(self.first, self.middle), self.last)


def stage_blocks(model: Model, layout: Layout) -> StageBlocks:
    """The blocks of the stages, elementwise.

    "even": equal parts, and where the layers leave a rest one more on the fullest, which may be any. "ends": embedding
    and loss count as a layer each, so that the first and the last stage hold one block less (Megatron-Core's
    account_for_embedding_in_pipeline_split and account_for_loss_in_pipeline_split, torchtitan's default); a rest goes
    to stages between them. Else the blocks that the layout writes.
    """
    if layout.pipeline_layout == "even":
        most = np.ceil(model.layers / layout.pipeline)
        return StageBlocks(first=most, middle=most, last=most)
    return _ends(model, layout) if layout.pipeline_layout == "ends" else _explicit(layout)


def _ends(model: Model, layout: Layout) -> StageBlocks:
    stages = np.asarray(layout.pipeline)
    each, rest = np.divmod(np.asarray(model.layers) + 2, stages)
    first, last = each - 1 + (rest > stages - 2), each - 1
    middle = np.where(stages > 2, each + (rest > 0), np.maximum(first, last))
    alone = stages == 1
    return StageBlocks(
        **{
            name: np.where(alone, model.layers, blocks)
            for name, blocks in (("first", first), ("middle", middle), ("last", last))
        }
    )


def _explicit(layout: Layout) -> StageBlocks:
    chunks, pipeline = parse_chunks(layout.pipeline_layout), np.asarray(layout.pipeline)
    first, middle, last = (np.zeros(pipeline.shape) for _ in range(3))
    for stages in np.unique(pipeline).tolist():
        held = chunks.on_device(int(stages))
        between = max(held[1:-1], default=max(held))
        here = pipeline == stages
        first, middle, last = (
            np.where(here, blocks, before) for blocks, before in ((held[0], first), (between, middle), (held[-1], last))
        )
    return StageBlocks(first=first, middle=middle, last=last)
