"""What formats of weights, keys and values lose of a model's quality, as published, and which a limit admits."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, final

from froude.cost.serving.engines import ServingEngine


@final
@dataclass(frozen=True, kw_only=True)
class QualityLoss:
    """The share of a score that a format loses against 16 bits, how far to believe it, and where it is from."""

    share: float
    trust: str
    source: str


@functools.cache
def quality_losses() -> Mapping[Literal["weights", "kv"], Mapping[str, QualityLoss]]:
    """Those that ship, of weights and of keys and values, by format."""
    document = tomllib.loads((files("froude.planning.serving") / "quality.toml").read_text(encoding="utf-8"))
    read = {
        kind: {
            name: QualityLoss(share=share, trust=trust, source=source) for name, (share, trust, source) in own.items()
        }
        for kind, own in document.items()
    }
    return {"weights": read["weights"], "kv": read["kv"]}


def loss_of(precision: str, kv: str) -> float:
    """The share of quality that a deployment's formats lose together."""
    losses = quality_losses()
    return losses["weights"][precision].share + losses["kv"][kv].share


def admitted_formats(engine: ServingEngine, limit: float) -> tuple[tuple[str, str], ...]:
    """Pairs of formats, of weights and of keys and values, that an engine takes and that lose no more than a limit.

    Formats wider than 16 bits are left out, as they take more, and so is the second of two of 16.
    """
    same = {"fp32"} | ({"fp16"} if "bf16" in engine.formats else set())
    pairs = [(one, kv) for one in engine.formats for kv in engine.kv if one not in same and kv != "fp32"]
    return tuple(pair for pair in pairs if loss_of(*pair) <= limit + 1e-12)
