"""Of which kind an outcome is: a loss, an error rate or an accuracy. Each has laws of its own."""

import re
from dataclasses import dataclass
from typing import Literal, final, get_args

import numpy as np

from froude.errors import InputError
from froude.fitting.direction import rank_correlation
from froude.fitting.shares import finite_outcomes
from froude.laws import Law
from froude.runs import Runs

OutcomeKind = Literal["loss", "error-rate", "accuracy"]
KINDS: tuple[OutcomeKind, ...] = get_args(OutcomeKind)

LAWS: dict[OutcomeKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # All of N and D but that of an accuracy's floor: text has entropy, and small runs hide it.
    "loss": (("chinchilla", "chinchilla-tied", "varying-exponent", "kaplan-floor"), ("power-floor", "m3")),
    "error-rate": (("error-chinchilla", "error-tied", "error-joint"), ("error-power",)),
    "accuracy": (("accuracy-chinchilla", "accuracy-tied", "accuracy-joint"), ("accuracy-power",)),
}
"""By kind, the laws that are averaged: those of N and D, and those of one input."""

_WORDS: dict[OutcomeKind, str] = {
    "loss": "ce|nll|bpb|bpc|ppl|perplexity|entropy|nats|bits|likelihood|logprob|mse|mae",
    "error-rate": "err|error|errors|wer|cer",
    "accuracy": "acc|accuracy|accuracies|em|exact|match|recall|precision|f1|auc|auroc|top1|top5|map|miou|iou|pass|hit"
    "|hits|winrate|success|score",
}
_CLEAR = 0.5  # rank correlation with size, by which accuracies rise and error rates fall, whatever they are called
_NEAR_ONE = 0.5  # below, the laws of losses and of error rates are nearly the same


@final
@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The kind of a column, and why it is taken to be of it. `is_open` where a loss may as well be an error rate."""

    kind: OutcomeKind
    why: str
    is_open: bool = False


def recognise(runs: Runs, y: str, kind: OutcomeKind | None = None) -> Outcome:
    """The kind of the outcome y of runs: by name, range and direction against size, or the one that is given.

    InputError for a kind that is none, or that values beyond its range contradict.
    """
    if kind is not None:
        if kind not in KINDS:
            raise InputError(f"kind = {kind!r}: give {', '.join(KINDS[:-1])} or {KINDS[-1]}")
        return Outcome(kind=kind, why="as said")
    values = finite_outcomes(runs, y)
    called = next((column for column, role in runs.read_as.items() if role == y), y)
    named: OutcomeKind | None = next((each for each in KINDS if _names(each, called)), None)
    if values.size == 0 or named == "loss" or values.min() < 0 or values.max() > _most(named):
        return Outcome(kind="loss", why="by its name" if named == "loss" else "by its range")
    seen = f"{values.min():.3g} to {values.max():.3g}"
    rising = _trend(runs, y)
    if named is None:
        return Outcome(kind="loss", why=f"its values go from {seen}", is_open=bool(_NEAR_ONE < values.max() <= 1))
    if abs(rising) > _CLEAR:
        goes: OutcomeKind = "accuracy" if rising > 0 else "error-rate"
        return Outcome(kind=goes, why=f"{seen}, and {'rising' if rising > 0 else 'falling'} with size")
    return Outcome(kind=named, why=f"by its name; {seen}")


def check_kind(law: Law, outcome: Outcome, y: str) -> None:
    """InputError where a law is of another kind of outcome, naming the right one."""
    theirs = kind_of(law)
    if theirs is None or theirs == outcome.kind or outcome.is_open:
        return
    joint, single = LAWS[outcome.kind]
    better = (joint if len(law.inputs) > 1 else single)[0]
    raise InputError(
        f"{y} is {an(outcome.kind)} ({outcome.why}) and {law.name} a law of {an(theirs)}: take --law {better} or "
        f"--law auto; --kind {theirs} takes it for {an(theirs)}"
    )


def kind_of(law: Law) -> OutcomeKind | None:
    """The kind of outcome that a law is of; None for one of any."""
    units: dict[str, OutcomeKind] = {"error rate": "error-rate", "accuracy": "accuracy", "nats/token": "loss"}
    return units.get(law.unit)


def an(kind: OutcomeKind) -> str:
    """The kind with its article, in words."""
    return f"{'a' if kind == 'loss' else 'an'} {kind.replace('-', ' ')}"


def _names(kind: OutcomeKind, column: str) -> bool:
    return re.search(rf"(?<![a-z0-9])({_WORDS[kind]})(?![a-z0-9])", column.lower()) is not None


def _most(named: OutcomeKind | None) -> float:
    return 1.0 if named is None else 100.0


def _trend(runs: Runs, y: str) -> float:
    """The rank correlation of the outcome with the size of the runs; 0 where nobody knows their size."""
    size = next((x for x in ("C", "N", "D") if x in runs), None)
    if size is None:
        return 0.0
    known = runs.finite(y, (size,))
    return rank_correlation(runs[size][known], np.asarray(runs[y][known], dtype=float))
