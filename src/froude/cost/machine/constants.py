"""The calibrated constants of the step-time model: few, physical, and in one file, `constants.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import final

import numpy as np


@final
@dataclass(frozen=True, kw_only=True)
class Constants:
    """What the step-time model cannot count or read from a datasheet; `constants.toml` says what each one is."""

    matmul: float
    grouped: float
    block_scaled: float
    fp4: float
    matmul_memory: float
    bandwidth: float
    attention: float
    unfused_attention: float
    launch: float
    expert_launch: float
    step: float
    beside: float
    collective: float
    latency: float
    jitter: float
    timed: float

    def logs(self) -> np.ndarray:
        """Their logarithms, in the order of the fields."""
        return np.log(np.array(list(asdict(self).values())))

    @staticmethod
    def from_logs(logs: np.ndarray) -> Constants:
        """The constants with these logarithms."""
        names = [field.name for field in fields(Constants)]
        return Constants(**dict(zip(names, np.exp(logs).tolist(), strict=True)))


ROOFS = Constants.from_logs(np.zeros(len(fields(Constants))))
"""All constants one: links and memories at the bandwidth that they are sold with."""


@cache
def constants() -> Constants:
    """The constants that ship."""
    return Constants(**{name: float(entry["value"]) for name, entry in entries().items()})


@cache
def entries() -> Mapping[str, Mapping[str, float | str]]:
    """Value, prior, spread and meaning of every constant."""
    return {name: entry for name, entry in _document().items() if "prior" in entry}


@cache
def held_out_error() -> float:
    """Half-width of a 90% interval of log step seconds, from rows that the constants were not calibrated on."""
    return float(_document()["held_out"]["half_width"])


@cache
def between_stacks() -> Mapping[str, float]:
    """How far constants of a user's stack and machine lie from those that ship: a standard deviation, as a factor."""
    return {name: float(entry["between"]) for name, entry in entries().items()}


@cache
def unexplained() -> Mapping[str, float]:
    """Standard deviations of log step seconds that no constant explains, of "dense" models and of a "mixture"."""
    return {name: float(_document()["unexplained"][name]) for name in ("dense", "mixture")}


@cache
def _document() -> dict[str, dict[str, float | str]]:
    return tomllib.loads((files("froude.cost.machine") / "constants.toml").read_text(encoding="utf-8"))
