"""Bytes of activations: what operators and blocks keep for their backward pass, under a layout and its stack.

Korthikanti et al. 2022, arXiv:2205.05198, eqs. 1 to 6, here summed over operators.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from froude.cost.model.model import Model
from froude.cost.model.operators import Attention, Elementwise, Lookup, Matmul, Number, Operator, matrices
from froude.cost.training.layout import Layout


def saved_bytes(operator: Operator, layout: Layout) -> Number:
    """Bytes that an operator keeps for its backward pass, of one micro-batch on one device."""
    width = layout.positions * layout.precision.activations
    if isinstance(operator, Attention):
        return width * _attended(operator, layout) / layout.tensor + _scores(operator, layout)
    if isinstance(operator, Matmul):
        each = layout.precision.activations if layout.precision.inputs is None else layout.precision.inputs
        gathered = operator.split == "columns" and layout.keeping.keeps_gathered
        spread = layout.tensor if operator.split == "rows" else 1 if gathered else layout.sequence_split
        return layout.positions * each * operator.saved / spread
    if isinstance(operator, Elementwise):
        weighed_before = operator.name == "experts.combine" and not layout.keeping.keeps_expert_outputs
        kept = 0.0 if weighed_before else width * operator.saved
        if not layout.compiled:
            kept = kept + layout.positions * min(layout.precision.activations, 2) * operator.unfused
        return kept / (layout.tensor if operator.split else layout.sequence_split)
    return width * operator.saved / layout.sequence_split


def block_bytes(operators: Sequence[Operator], layout: Layout) -> Number:
    """Activation bytes that a block keeps of one micro-batch where nothing is recomputed."""
    return sum(saved_bytes(operator, layout) for operator in operators)


def kept_block_bytes(
    model: Model, operators: Sequence[Operator], layout: Layout, everything: Number | None = None
) -> Number:
    """Activation bytes that a block keeps of one micro-batch under the layout's recomputation.

    `everything` are its `block_bytes`, where somebody has counted them.
    """
    if everything is None:
        everything = block_bytes(operators, layout)
    width = layout.positions * layout.precision.activations
    entered = width * model.hidden / layout.sequence_split
    if layout.recompute == "full":
        return layout.recomputed * entered + (1 - layout.recomputed) * everything
    if layout.recompute == "selective":
        return everything - sum(_scores(o, layout) for o in operators if isinstance(o, Attention))
    if layout.recompute == "optimal":
        return layout.kept.bytes * everything
    if layout.recompute == "operators":
        return entered + _alternating(operators, layout)
    return everything


def stored_bytes(model: Model, layout: Layout, whole: Sequence[Number] | None = None) -> Number:
    """Activation bytes of one micro-batch on a stage in the mean: what a pipeline holds a number of times.

    `whole` are the `block_bytes` of the model's blocks, where somebody has counted them.
    """
    counted = [None] * len(model.blocks) if whole is None else whole
    kept = sum(
        block.count * kept_block_bytes(model, block.operators, layout, everything)
        for block, everything in zip(model.blocks, counted, strict=True)
    )
    return kept / layout.pipeline


def passing_bytes(model: Model, layout: Layout) -> Number:
    """Bytes on their way through a block's backward pass: its widest gradient, and two of the residual stream.

    They come on top of what the block keeps: the gradient of a matmul's output is made while that of its input is
    there, and tensor parallelism gathers what sequence parallelism divides.
    """
    width, widest = layout.positions * layout.precision.activations, 0.0
    for o in (o for block in model.blocks for o in block.operators if isinstance(o, Matmul)):
        spread = layout.tensor if o.split == "columns" else layout.sequence_split
        widest = np.maximum(widest, width * o.outputs * o.active * o.positions / spread)
    return widest + 2 * width * model.hidden


def _attended(operator: Attention, layout: Layout) -> Number:
    """Values a position that attention keeps where it keeps no scores.

    Its output is what the next matmul reads, and is kept for that; but once more where that keeps a narrower copy.
    """
    again = 0
    if layout.precision.inputs not in (None, layout.precision.activations) and layout.attention != "unfused":
        again = operator.heads * operator.value_width
    if layout.keeping.repeats_keys:
        return again + operator.heads * (2 * operator.score_width + operator.value_width)
    return again + operator.saved


def _scores(operator: Attention, layout: Layout) -> Number:
    """Bytes of the scores, which only unfused attention keeps."""
    if layout.attention != "unfused":
        return 0.0
    width = layout.positions * layout.precision.activations
    return width * operator.saved_scores(layout.seq_len) / layout.tensor


def _alternating(operators: Sequence[Operator], layout: Layout) -> Number:
    """Bytes that recomputation of operators keeps: the output of every second matrix, from the first, and attention's.

    A compiler drops those that the backward pass does not ask for: what is added to the residual stream.
    """
    width, kept, place = layout.positions * layout.precision.activations, 0.0, 0
    for operator in operators:
        if isinstance(operator, Attention):
            kept = kept + width * operator.heads * operator.value_width / layout.tensor
        if isinstance(operator, Elementwise | Lookup | Attention):
            continue
        spread = layout.tensor if operator.split == "columns" else layout.sequence_split
        dropped = layout.compiled and operator.split == "rows"
        for _, outputs in matrices(operator, operators):
            if place % 2 == 0 and not dropped:
                kept = kept + width * outputs * operator.active * operator.positions / spread
            place += 1
    return kept
