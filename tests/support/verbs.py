"""Every verb of the command line with words that make it answer in a moment: what tests of all faces go through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from planted import QUICK, planted, write_csv

QWEN = ("--model", "qwen2.5-0.5b", "--machine", "8 x h100")
ON_TOKENS = ("plan", "train", *QWEN, "--tokens", "1B")
BUDGET = ("plan", "train", "--machine", "8 x h100", "--budget", "1 day", "--fix", "tensor=1,pipeline=1,context=1")
TOO_LARGE = ("plan", "train", "--model", "llama-3.1-70b", "--machine", "1 x a100-40", "--tokens", "1B")
CHARACTERS = (
    "grow",
    "--command",
    "wc -c {n}.txt",
    "--command",
    "cat {n}.txt",
    "--prepare",
    "sh -c 'seq {n} > {n}.txt'",
)


@final
@dataclass(frozen=True, kw_only=True)
class Verb:
    """A command, the words that it is given in a folder with `given`, and whether it can write a page there."""

    name: str
    words: Callable[[Path], tuple[object, ...]]
    page: str = ""


def given(folder: Path, run: Callable[[list[str]], int]) -> Path:
    """The folder with what verbs are given: tables of runs, a saved fit, a study."""
    write_csv(folder / "runs.csv", planted())
    write_csv(folder / "small.csv", {name: values[::7] for name, values in planted(seed=1).items()})
    low, high = planted(seed=2), planted(seed=3)
    for name, columns, factor in (("adam.csv", low, 1.0), ("muon.csv", high, 0.99)):
        compute = 6 * columns["N"] * columns["D"]
        write_csv(folder / name, {"C": compute, "loss": factor * columns["loss"]})
    assert run(["fit", str(folder / "runs.csv"), *QUICK, "--out", str(folder / "fit.json")]) == 0
    return folder


def of(*words: object) -> Callable[[Path], tuple[object, ...]]:
    """Words that are the same in every folder, but for paths, which lie in it."""
    return lambda folder: tuple(folder / word if isinstance(word, Path) else word for word in words)


RUNS, FIT = Path("runs.csv"), Path("fit.json")

VERBS: tuple[Verb, ...] = (
    Verb(name="fit", words=of("fit", RUNS, *QUICK)),
    Verb(name="fit auto", words=of("fit", RUNS, *QUICK, "--law", "auto")),
    Verb(name="predict", words=of("predict", FIT, "--at", "N=7B,D=1T", "--at", "N=70B,D=1.4T")),
    Verb(name="backtest", words=of("backtest", RUNS, *QUICK, "--law", "chinchilla,power", "--hold-out", "N > 2e9")),
    Verb(name="compare", words=of("compare", Path("adam.csv"), Path("muon.csv"), *QUICK, "--at", "C=1e24")),
    Verb(name="laws", words=of("laws")),
    Verb(name="laws NAME", words=of("laws", "chinchilla")),
    Verb(name="published", words=of("published")),
    Verb(name="published NAME", words=of("published", "steplaw")),
    Verb(name="grow", words=of(*CHARACTERS, "--sizes", "10,100,1000", "--repeats", "4"), page="growth.html"),
    Verb(name="atlas search", words=of("atlas", "search", "KV cache memory", "--limit", "3")),
    Verb(name="atlas show", words=of("atlas", "show", "kivi")),
    Verb(name="atlas check", words=of("atlas", "check")),
    Verb(name="atlas status", words=of("atlas", "status")),
    Verb(name="plan train tokens", words=of(*ON_TOKENS, "--law", "chinchilla", "--pareto"), page="plan.html"),
    Verb(name="plan train budget", words=of(*BUDGET, "--pareto"), page="budget.html"),
    Verb(name="plan train infeasible", words=of(*TOO_LARGE), page="infeasible.html"),
    Verb(name="cost train", words=of("cost", "train", *QWEN)),
    Verb(name="cost model", words=of("cost", "model", "deepseek-v3")),
    Verb(name="cost model list", words=of("cost", "model")),
    Verb(name="machine list", words=of("machine", "list")),
    Verb(name="machine show", words=of("machine", "show", "h100")),
)
"""Verbs that answer in seconds, without a training; `--json` makes each of them print what a program reads."""


def keys_of(value: Any, at: str = "") -> set[str]:
    """Paths of all keys in JSON: "cost.memory.weights", "[]" for what is in a list."""
    if isinstance(value, dict):
        own = {f"{at}.{key}".lstrip(".") for key in value}
        return own.union(*(keys_of(item, f"{at}.{key}".lstrip(".")) for key, item in value.items()))
    if isinstance(value, list):
        return set().union(*(keys_of(item, f"{at}[]") for item in value))
    return set()
