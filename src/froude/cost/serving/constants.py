"""The fitted constants of the serving model: few, physical, and in one file, `constants.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import final

from froude.cost.model.operators import Number


@final
@dataclass(frozen=True, kw_only=True)
class ServingConstants:
    """What the serving model cannot count or read from a data sheet; `constants.toml` says what each one is."""

    matmul: Number
    overlap: Number
    depth: Number
    bandwidth: Number
    fp4: Number
    kernel: Number
    eager: Number
    attention_memory: Number
    attention_compute: Number
    reduction: Number
    link: Number
    step: Number
    sequence: Number
    prompt: Number
    together: Number
    queueing: Number
    lockstep: Number
    sglang: Number
    tensorrt_llm: Number
    generation: Number


@cache
def serving_constants() -> ServingConstants:
    """The constants that ship."""
    return ServingConstants(**{name: float(entry["value"]) for name, entry in serving_entries().items()})


@cache
def serving_entries() -> Mapping[str, Mapping[str, float | str]]:
    """Value, prior, spread and meaning of every constant."""
    return {name: entry for name, entry in serving_document().items() if "prior" in entry}


@cache
def serving_document() -> Mapping[str, Mapping[str, float | str]]:
    """What `constants.toml` holds, by table."""
    return tomllib.loads((files("froude.cost.serving") / "constants.toml").read_text(encoding="utf-8"))
