"""Precisions of serving by name: how weights and keys and values are stored, and what multiplies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

from froude.cost.machine.machine import Chip
from froude.cost.model.formats import BF16, FP32, Format
from froude.cost.model.operators import Number
from froude.cost.serving.engines import ServingEngine
from froude.errors import InputError, close_names


@final
@dataclass(frozen=True, kw_only=True)
class NumberFormat:
    """Weights of blocks in a format, all else in another, and the number type of matmuls; the first that a chip has.

    `narrow` is 1 where matmuls have 4 bits.
    """

    weights: Format
    matmuls: tuple[str, ...]
    others: Format = BF16
    activations: Number = 2
    narrow: Number = 0


NUMBER_FORMATS: Mapping[str, NumberFormat] = MappingProxyType(
    {
        "bf16": NumberFormat(weights=BF16, matmuls=("bf16",)),
        "fp16": NumberFormat(weights=BF16, matmuls=("fp16", "bf16")),
        "fp32": NumberFormat(weights=FP32, matmuls=("fp32",), others=FP32, activations=4),
        "fp8": NumberFormat(weights=Format(bits=8), matmuls=("fp8",)),
        "fp4": NumberFormat(weights=Format(bits=4, group=16, scale_bits=8), matmuls=("nvfp4", "mxfp4"), narrow=1),
        "int8": NumberFormat(weights=Format(bits=8), matmuls=("int8",)),
        "int4": NumberFormat(weights=Format(bits=4, group=128, scale_bits=16), matmuls=("bf16", "fp16")),
    }
)
"""By name. "fp4" is nvfp4, 16 values to a scale of 8 bits, where a chip has it; "int4" are weights alone, 128 to a
scale of 16 bits, which are multiplied in 16 bits."""

KV_FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "bf16": BF16,
        "fp16": BF16,
        "fp32": FP32,
        "fp8": Format(bits=8),
        "int8": Format(bits=8),
        "fp4": Format(bits=4, group=16, scale_bits=8),
    }
)
"""Formats of keys and values by name."""


def matmul_kind(precision: str | NumberFormat, chip: Chip) -> str:
    """The number type in which a chip multiplies a precision's weights. InputError where it has none."""
    kinds = number_format(precision).matmuls
    kind = next((one for one in kinds if one in chip.peak_flops), None)
    if kind is None:
        able = [name for name, one in NUMBER_FORMATS.items() if any(k in chip.peak_flops for k in one.matmuls)]
        raise InputError(f"{chip.name} has no {precision} matmuls: take one of {', '.join(able)}")
    return kind


def number_format(precision: str | NumberFormat) -> NumberFormat:
    """The precision of a name; InputError with the nearest for another."""
    if isinstance(precision, NumberFormat):
        return precision
    if precision not in NUMBER_FORMATS:
        near = close_names(precision, NUMBER_FORMATS) or list(NUMBER_FORMATS)
        raise InputError(f"no precision of serving is called {precision!r}: take one of {', '.join(near)}")
    return NUMBER_FORMATS[precision]


def check_formats(engine: ServingEngine, precision: str, kv: str) -> None:
    """InputError where an engine has no weights of a precision, or no such keys and values."""
    number_format(precision)
    if precision not in engine.formats:
        raise InputError(f"{engine.label} has no {precision} weights: take one of {', '.join(engine.formats)}")
    if kv not in engine.kv:
        raise InputError(f"{engine.label} keeps no keys and values in {kv!r}: take one of {', '.join(engine.kv)}")


def usual_kv(precision: str) -> str:
    """The format of keys and values where nobody says: as wide as what is multiplied, and at least 16 bits."""
    return precision if precision in ("fp16", "fp32") else "bf16"
