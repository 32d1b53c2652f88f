"""What is to be served: requests of a rate, of users in a loop, or of a trace, with the lengths that they have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.bounds import MOST_COUNT, finite_number, positive_number, whole_number
from froude.cost.serving.simulation import Requests, loop_requests, poisson_requests
from froude.cost.serving.simulation.requests import varied_requests
from froude.cost.serving.simulation.traces import read_trace
from froude.errors import InputError
from froude.quantity import parse_quantity

BLOCK = 512
"""Tokens of a block whose hash a trace names: those of Mooncake's (arXiv:2407.00079)."""

TRACED = 1000
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

    def requests(self, count: int, seed: int, *, in_step: bool = False) -> Requests:
        """So many requests as a simulation takes them, at least thrice as many as users; of a trace its first.

        Lengths of users that are all one are drawn a little around it, unless users keep `in_step`, as equal lengths
        do for ever and no real load does.
        """
        rng = np.random.default_rng(seed)
        if self.arrival is not None:
            many = min(len(self.arrival), max(count, TRACED))
            hashes = None if self.hashes is None else self.hashes[:many]
            return Requests(
                input=self.inputs[:many], output=self.outputs[:many], arrival=self.arrival[:many], hashes=hashes,
                block=BLOCK,
            )  # fmt: skip
        if self.users is not None and not in_step and not np.ptp(self.inputs) and not np.ptp(self.outputs):
            drawn = varied_requests(self.users, self.input, self.output, count=max(count, 3 * self.users), rng=rng)
        elif self.users is not None:
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
        return _traced(Path(text))
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


def _traced(path: Path) -> ServedLoad:
    """The load of a trace. InputError where its requests do not come one after the other."""
    requests = read_trace(path)
    rate = requests.mean_rate
    if requests.arrival is None or rate is None:
        raise InputError(f"the requests of {str(path)!r} arrive all at once: give a trace with times")
    hashes = requests.hashes
    return ServedLoad(
        inputs=requests.input,
        outputs=requests.output,
        rate=rate,
        arrival=requests.arrival,
        hashes=hashes,
        reused=0.0 if hashes is None else _reused(requests.input, hashes),
        trace=path.name,
    )


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
