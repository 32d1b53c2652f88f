"""How numbers are stored: exact bits a weight of quantised, sparse and low-rank formats, and bytes of models.

A format counts what lies in memory: elements, what groups of them share, indices of what was kept, outliers beside
them, a low-rank branch. What the numbers are worth in quality is no part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from froude.cost.model.model import Model
from froude.cost.model.operators import Matmul, Number
from froude.errors import InputError


@final
@dataclass(frozen=True, kw_only=True)
class Format:
    """Stored numbers: one format, or many whose fields are arrays that broadcast.

    `bits` an element, fractional where widths are mixed. `group` elements share `scale_bits` and `zero_bits`; infinite
    where a whole tensor does, which then counts nothing. A shared exponent (block floating point) is a shared scale:
    its elements have sign and mantissa in `bits`, and its exponent is `scale_bits`. A scale that is itself quantised in
    groups has fractional bits (8 + 32/256 for QLoRA's, Dettmers et al. 2023, arXiv:2305.14314).

    Of sparse weights the share `kept` is stored, with `index_bits` an element kept (2 for 2:4 sparsity) or `mask_bits`
    a place (1 for a bitmap). A share `outliers` is stored once more, with `outlier_bits` for value and place. A branch
    of `rank` beside the weights has rank · (inputs + outputs) values of `rank_bits`.
    """

    bits: Number = 16
    group: Number = np.inf
    scale_bits: Number = 0
    zero_bits: Number = 0
    kept: Number = 1
    index_bits: Number = 0
    mask_bits: Number = 0
    outliers: Number = 0
    outlier_bits: Number = 0
    rank: Number = 0
    rank_bits: Number = 16

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if np.any(np.isnan(value)) or np.any(np.asarray(value) < 0):
                raise InputError(f"{name} of a format is {value}: give a number that is not negative")
        if np.any(np.asarray(self.group) < 1):
            raise InputError(f"group of a format is {self.group}: give the elements that share a scale, 1 or more")
        for name in ("kept", "outliers"):
            if np.any(np.asarray(getattr(self, name)) > 1):
                raise InputError(f"{name} of a format is {getattr(self, name)}: give a share of 1 or less")

    @property
    def bits_per_weight(self) -> Number:
        """Bits a weight of a tensor of whole groups, without the low-rank branch, which depends on the shape."""
        return self._own_bits + (self.scale_bits + self.zero_bits) / self.group

    def matrix_bits(self, inputs: Number, outputs: Number) -> Number:
        """Bits of a matrix: the last group may be a part of one, and the branch is counted."""
        weights = np.asarray(inputs, dtype=float) * outputs
        shared = np.ceil(weights / self.group) * (self.scale_bits + self.zero_bits)
        return weights * self._own_bits + shared + self.branch_parameters(inputs, outputs) * self.rank_bits

    def branch_parameters(self, inputs: Number, outputs: Number) -> Number:
        """Values of the low-rank branch of a matrix."""
        return self.rank * (inputs + outputs)

    @property
    def _own_bits(self) -> Number:
        stored = self.kept * (self.bits + self.index_bits)
        return stored + self.mask_bits + self.outliers * self.outlier_bits


BF16 = Format()
"""Two bytes a number and nothing besides: bf16 or fp16."""

FP32 = Format(bits=32)
"""Four bytes a number."""


def model_bytes(model: Model, weights: Format, *, others: Format = BF16, head: Format | None = None) -> Number:
    """Bytes of a model whose blocks' matmuls are stored in a format, and all else in another.

    All else is embeddings, norms and biases; the head too, unless it has a format of its own. An expert is a matrix.
    """
    head = others if head is None else head
    bits: Number = sum(operator.parameters * others.bits_per_weight for operator in model.embedding)
    for block in model.blocks:
        bits = bits + block.count * sum(_operator_bits(operator, weights, others) for operator in block.operators)
    return (bits + sum(_operator_bits(operator, head, others) for operator in model.head)) / 8


def matmul_bits(operator: Matmul, weights: Format, others: Format = BF16) -> Number:
    """Stored bits of all experts of a matmul, its biases in another format; none of a tied head."""
    if operator.tied:
        return 0.0
    biases = operator.outputs * operator.biased * others.bits_per_weight
    return operator.experts * (weights.matrix_bits(operator.inputs, operator.outputs) + biases)


def kv_bytes(model: Model, context: Number, stored: Format = BF16) -> Number:
    """Bytes that serving keeps of one sequence of a length, keys and values (or what stands for them) in a format."""
    return model.kv_values(context) * context * stored.bits_per_weight / 8


def _operator_bits(operator: object, weights: Format, others: Format) -> Number:
    if isinstance(operator, Matmul):
        return matmul_bits(operator, weights, others)
    return getattr(operator, "parameters", 0) * others.bits_per_weight
