"""What is to be served: requests of a rate, of users in a loop, or of a trace, with the lengths that they have."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.bounds import MOST_COUNT, finite_number, positive_number, whole_number
from froude.cost.serving.simulation import Requests, loop_requests, poisson_requests
from froude.errors import InputError
from froude.quantity import parse_quantity

BLOCK = 512
"""Tokens of a block whose hash a trace names: those of Mooncake's (arXiv:2407.00079)."""

TRACED = 2000
"""Requests of a trace that a simulation serves, its first."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ServedLoad:
    """Requests to be served: `users` who ask again as soon as they are answered, or `rate` a second at random times.

    `inputs` and `outputs` are tokens of prompts and answers, from which requests are drawn in pairs. A trace has its
    own `arrival` in seconds and `hashes` of its prompts' blocks. `reused` is the share of prompts' tokens that other
    prompts began with before.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    users: int | None = None
    rate: float | None = None
    arrival: np.ndarray | None = None
    hashes: Sequence[Sequence[int]] | None = None
    reused: float = 0.0
    trace: str = ""

    @property
    def input(self) -> float:
        """Mean tokens of a prompt."""
        return float(np.mean(self.inputs))

    @property
    def output(self) -> float:
        """Mean tokens of an answer."""
        return float(np.mean(self.outputs))

    def times(self, factor: float) -> ServedLoad:
        """The same requests, so many times as often or from so many times as many users."""
        return replace(
            self,
            users=None if self.users is None else max(int(self.users * factor), 1),
            rate=None if self.rate is None else self.rate * factor,
            arrival=None if self.arrival is None else self.arrival / factor,
        )

    def requests(self, count: int, seed: int) -> Requests:
        """So many requests as a simulation takes them, at least twice as many as users; of a trace its first."""
        rng = np.random.default_rng(seed)
        if self.arrival is not None:
            many = min(len(self.arrival), max(count, TRACED))
            hashes = None if self.hashes is None else self.hashes[:many]
            return Requests(
                input=self.inputs[:many], output=self.outputs[:many], arrival=self.arrival[:many], hashes=hashes,
                block=BLOCK,
            )  # fmt: skip
        if self.users is not None:
            drawn = loop_requests(self.users, self.inputs, self.outputs, count=max(count, 3 * self.users), rng=rng)
        else:
            drawn = poisson_requests(self.rate or 1.0, self.inputs, self.outputs, count=count, rng=rng)
        return replace(drawn, hashes=self._shared(drawn.input)) if self.reused else drawn

    def _shared(self, inputs: np.ndarray) -> list[list[int]]:
        """Blocks that all prompts begin with."""
        shared = int(self.reused * self.input / BLOCK)
        return [list(range(min(shared, int(tokens) // BLOCK))) for tokens in inputs]

    def words(self) -> str:
        """Who asks, and for how much."""
        who = f"{self.users:,} users" if self.users is not None else f"{self.rate:.4g} requests/s"
        lengths = f"{self.input:,.0f} tokens in, {self.output:,.0f} out"
        on_average = " on average" if np.ptp(self.inputs) or np.ptp(self.outputs) else ""
        return f"{who}, {lengths}{on_average}" + (f", as in {self.trace}" if self.trace else "")

    def to_dict(self) -> dict[str, Any]:
        """The load as JSON."""
        return {
            "users": self.users,
            "rate": self.rate,
            "input": self.input,
            "output": self.output,
            "reused": self.reused,
            "trace": self.trace or None,
        }


def read_load(
    text: str, *, input: int | None, output: int | None, lengths: str | None = None, prefix_share: float = 0.0
) -> ServedLoad:
    """The load of a text: "200 users", "20/s", or a trace (a CSV table or lines of JSON), which has lengths of its own.

    `lengths` "uniform:0.8-1.0" draws prompts and answers between these shares of `input` and `output`. `prefix_share`
    of every prompt is the same in all. InputError for what is none of these.
    """
    finite_number("prefix share", prefix_share, 0.0, 0.95)
    match = re.fullmatch(r"\s*([\d.,_]+\w?)\s*(users?|/\s*s)\s*", text)
    if match is None:
        if not Path(text).suffix:
            raise InputError(f'--load {text!r} is no load: write "200 users", 20/s, or name a trace')
        if input is not None or output is not None or lengths is not None or prefix_share:
            raise InputError(
                f"{text} has lengths of its own: leave out --input, --output, --lengths and --prefix-share"
            )
        return read_trace(Path(text))
    if input is None or output is None:
        raise InputError(f"--load {text!r} needs lengths: give --input and --output tokens")
    for name, tokens in {"input": input, "output": output}.items():
        whole_number(name, tokens, 1, MOST_COUNT)
    amount = parse_quantity(match[1])
    is_users = match[2].startswith("user")
    positive_number("load", amount)
    factors = drawn_shares(lengths)
    return ServedLoad(
        inputs=np.maximum(np.round(factors[0] * input), 1).astype(np.int64),
        outputs=np.maximum(np.round(factors[1] * output), 1).astype(np.int64),
        users=whole_number("users", amount, 1, MOST_COUNT) if is_users else None,
        rate=None if is_users else float(amount),
        reused=prefix_share,
    )


def drawn_shares(lengths: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the longest prompt and answer, in pairs: all 1 where nothing is said."""
    if lengths is None:
        return np.ones(1), np.ones(1)
    match = re.fullmatch(r"\s*uniform:([\d.]+)-([\d.]+)\s*", lengths)
    low, high = (float(match[1]), float(match[2])) if match else (1.0, 0.0)
    if not 0 < low <= high:
        raise InputError(f"--lengths {lengths!r}: write uniform:LOW-HIGH in shares of the lengths, as uniform:0.8-1.0")
    grid = low + (high - low) * (np.arange(31) + 0.5) / 31
    return np.repeat(grid, 31), np.tile(grid, 31)


def read_trace(path: Path) -> ServedLoad:
    """A trace of requests: `timestamp` in ms, `input_length`, `output_length` and `hash_ids` in lines of JSON, or the
    columns TIMESTAMP, ContextTokens and GeneratedTokens of a CSV table. InputError with the line that cannot be read.
    """
    if not path.is_file():
        raise InputError(f"there is no trace {str(path)!r}: name a .jsonl or .csv file")
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = _json_rows(path, text) if path.suffix in (".jsonl", ".json") else _csv_rows(path, text)
    if len(rows) < 2:
        raise InputError(f"{path} has {len(rows)} requests: a trace needs at least 2")
    rows.sort(key=lambda row: row[0])
    arrival = np.array([row[0] for row in rows]) - rows[0][0]
    if not arrival[-1] > 0:
        raise InputError(f"all requests of {path} arrive at once: give a trace with times")
    hashes = [row[3] for row in rows] if all(row[3] is not None for row in rows) else None
    inputs = np.array([row[1] for row in rows], dtype=np.int64)
    return ServedLoad(
        inputs=inputs,
        outputs=np.array([row[2] for row in rows], dtype=np.int64),
        rate=(len(rows) - 1) / float(arrival[-1]),
        arrival=arrival,
        hashes=hashes,
        reused=0.0 if hashes is None else _reused(inputs, hashes),
        trace=path.name,
    )


def _json_rows(path: Path, text: str) -> list[tuple[float, int, int, Any]]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
            rows.append(
                (
                    float(one["timestamp"]) / 1000,
                    int(one["input_length"]),
                    int(one["output_length"]),
                    one.get("hash_ids"),
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}, line {number}: {error!r}: a request has timestamp (ms), input_length and output_length"
            ) from None
    return _whole(path, rows)


def _csv_rows(path: Path, text: str) -> list[tuple[float, int, int, Any]]:
    rows = []
    for number, one in enumerate(csv.DictReader(text.splitlines()), 2):
        try:
            moment = datetime.fromisoformat(one["TIMESTAMP"].strip()[:26]).timestamp()
            rows.append((moment, int(one["ContextTokens"]), int(one["GeneratedTokens"]), None))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}, line {number}: {error!r}: columns are TIMESTAMP, ContextTokens and GeneratedTokens"
            ) from None
    return _whole(path, rows)


def _whole(path: Path, rows: list[tuple[float, int, int, Any]]) -> list[tuple[float, int, int, Any]]:
    """The rows whose prompt and answer have tokens. InputError where none has."""
    whole = [row for row in rows if row[1] >= 1 and row[2] >= 1 and np.isfinite(row[0])]
    if rows and not whole:
        raise InputError(f"{path}: no request has tokens of a prompt and of an answer")
    return whole


def _reused(inputs: np.ndarray, hashes: Sequence[Sequence[int]]) -> float:
    """The share of prompts' tokens in blocks that an earlier prompt had, were all of them kept."""
    seen: set[int] = set()
    found = 0
    for blocks in hashes:
        known = 0
        for one in blocks:
            if one not in seen:
                break
            known += 1
        found += known
        seen.update(blocks)
    return float(min(found * BLOCK / np.sum(inputs), 0.95))
