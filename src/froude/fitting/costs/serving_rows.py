"""Measured serving as a table has it: a deployment in a user's words, its load, and how soon it answered."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class ServingRow:
    """One measured deployment; what a table does not say is None.

    `machine` is a text or the name of a chip, of which `devices` are used; `engine` is one of `known_engines()` by
    name, `version` its release. `input` and `output` are mean tokens of a request. The load is `concurrency`, users
    who ask again as soon as they are answered (a static batch: requests that start together), or `rate`, requests a
    second. Seconds are means over requests: to the first token, of each token after it, and to the last one.
    """

    model: str
    machine: str
    devices: int
    engine: str
    version: str = ""
    tp: int = 1
    pp: int = 1
    ep: int = 1
    dp: int = 1
    precision: str | None = None
    kv: str | None = None
    input: float
    output: float
    concurrency: float | None = None
    rate: float | None = None
    ttft_seconds: float | None = None
    tpot_seconds: float | None = None
    e2e_seconds: float | None = None
    output_tokens_per_second: float | None = None


SERVING_COLUMNS = tuple(field.name for field in fields(ServingRow))
"""The columns of a table of serving rows, by their names there."""
