"""What a pilot with somebody's own trainer is asked for, checked before a folder is made for it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.bounds import MOST_MINUTES, MOST_SEED, positive_number, whole_number
from froude.engines import ANY_ENGINE, Needs, get_engine
from froude.errors import InputError, close_names, shown
from froude.quantity import read_quantity
from froude.runs.study.run_file import run_id
from froude.sweeps.dials import Ladder
from froude.sweeps.expressions import evaluate
from froude.sweeps.space import Config
from froude.sweeps.template import OWN
from froude.sweeps.trainer import Trainer

TOKENS, SEED = "tokens", "seed"
"""What a pilot sets of each run beside the dial; the seed where the command has a place for it."""
RATIO = 20.0  # arXiv:2203.15556: about where a loss is lowest for its compute
FIRST_TOKENS = 100_000  # of the first short run; a trainer of large batches wants more


@final
@dataclass(frozen=True, kw_only=True)
class Dial:
    """The setting that makes the model larger, between two ends; whole numbers where both are, of `multiple_of`."""

    name: str
    low: int | float
    high: int | float
    multiple_of: int = 1

    def sizes(self, low: float, high: float, steps: int) -> tuple[int | float, ...]:
        """So many sizes from low to high, each the same factor above the one before; equal ones come once."""
        ends = (round(low), round(high)) if isinstance(self.low, int) and isinstance(self.high, int) else (low, high)
        values = Ladder(geometric=ends, steps=steps, multiple_of=self.multiple_of).values(self.name)
        return tuple(float(value) if isinstance(value, float) else int(value) for value in values)


def read_dial(text: str | None) -> Dial:
    """The dial that "width=16:256" or "width=16:256:16" names. InputError where it names none, or is not given."""
    if text is None:
        raise InputError(
            "a trainer needs a dial, the setting that makes its model larger: give its range, as in --dial width=16:256"
        )
    name, _, range_text = text.partition("=")
    parts = [part.strip() for part in range_text.split(":")]
    try:
        low, high = (int(part) if part.lstrip("+").isdigit() else float(part) for part in parts[:2])
        multiple_of = int(parts[2]) if len(parts) == 3 else 1
    except (ValueError, IndexError):
        low, high, multiple_of = 0, 0, 0
    name = name.strip()
    if not (name.isidentifier() and 0 < low < high < 1e15 and 1 <= multiple_of <= high and len(parts) <= 3):
        raise InputError(f"dial {shown(text)} is none: give a name, two ends and a multiple, as in width=16:256:16")
    return Dial(name=name, low=low, high=high, multiple_of=multiple_of)


@final
@dataclass(frozen=True, kw_only=True)
class CommandSettings:
    """What makes two pilots of a trainer the same. InputError for a setting that cannot be.

    The target trains on `ratio` tokens a parameter; the whole takes `minutes`, or `flops` where they are given.
    `derived` are numbers or arithmetic over the dial, the tokens, the seed and what stands above, by their names.
    """

    trainer: Trainer
    dial: Dial
    derived: Mapping[str, int | float | str]
    minutes: float
    flops: float | None
    ratio: float
    first_tokens: int
    seed: int
    engine: str
    needs: Needs | None = None

    def __post_init__(self) -> None:
        positive_number("minutes", self.minutes, MOST_MINUTES)
        positive_number("ratio", self.ratio)
        positive_number("first tokens", self.first_tokens)
        if self.flops is not None:
            positive_number("flops", self.flops)
        whole_number("seed", self.seed, 0, MOST_SEED)
        get_engine(self.engine, self.needs)
        own = (self.dial.name, TOKENS, SEED, *OWN)
        for name in self.derived:
            if not name.isidentifier() or name in own:
                raise InputError(f"{shown(name)} cannot be set, as {', '.join(own)} are: give another name")
        config = self.config(self.dial.low, self.first_tokens)
        for place in self.trainer.template.places:
            if place not in config and place not in OWN:
                near = close_names(place, config)
                remedy = f"is it {{{near[0]}}}?" if near else f"give it a value, as in --set {place}=1"
                raise InputError(f"the command has {{{place}}}, which nothing sets ({', '.join(config)}): {remedy}")
        smaller = self.config(self.dial.low, 2 * self.first_tokens)
        self.trainer.check([config, self.config(self.dial.high, self.first_tokens), smaller])

    @property
    def takes_seed(self) -> bool:
        """Whether the trainer is told which seed to take, so that others may be tried."""
        return SEED in self.trainer.template.places

    def config(self, size: int | float, tokens: int, seed: int | None = None) -> Config:
        """The settings of a run. InputError where what is derived cannot be computed."""
        config: dict[str, Any] = {self.dial.name: size, TOKENS: tokens, SEED: self.seed if seed is None else seed}
        for name, value in self.derived.items():
            config[name] = evaluate(value, config) if isinstance(value, str) else value
        return config

    def to_dict(self) -> dict[str, Any]:
        """The settings as a study keeps them: not where it is trained, which may change from one day to another."""
        dial = {"name": self.dial.name, "from": self.dial.low, "to": self.dial.high, "of": self.dial.multiple_of}
        names = ("minutes", "flops", "ratio", "first_tokens", "seed")
        rest = {name: getattr(self, name) for name in names}
        return {
            "kind": "pilot",
            **self.trainer.settings,
            "dial": dial,
            "derived": dict(self.derived),
            **rest,
            "engine": ANY_ENGINE,
        }

    @property
    def id(self) -> str:
        """The hash of the settings."""
        return run_id(self.to_dict())

    @property
    def command(self) -> str | None:
        """The command line with these settings; None for a function of Python."""
        if self.trainer.template.places and "froude.sweeps.function" in self.trainer.template.words:
            return None
        dial = self.dial
        multiple = f":{dial.multiple_of}" if dial.multiple_of > 1 else ""
        words = ["--command", self.trainer.command, "--dial", f"{dial.name}={dial.low:g}:{dial.high:g}{multiple}"]
        words += [word for name, value in self.derived.items() for word in ("--set", f"{name}={value}")]
        words += ["--minutes", f"{self.minutes:g}"] if self.flops is None else ["--flops", f"{self.flops:g}"]
        usual = {"ratio": RATIO, "first_tokens": FIRST_TOKENS, "seed": 0}
        for name, value in usual.items():
            if getattr(self, name) != value:
                words += [f"--{name.replace('_', '-')}", f"{getattr(self, name):g}"]
        words += ["--metrics", self.trainer.metrics] if self.trainer.metrics else []
        if self.trainer.columns:
            words += ["--columns", ",".join(f"{role}={column}" for role, column in self.trainer.columns.items())]
        return shlex.join(["froude", "pilot", *words])


def read_flops(flops: float | str | None) -> float | None:
    """A number of FLOPs, or None. InputError for what is none."""
    return None if flops is None else float(read_quantity(flops, "FLOP") if isinstance(flops, str) else flops)
