"""Scores of the planner on measured trainings, asked as a user would, beside constants learned on the other rows.

A refusal counts as an error of 100% and as not covered. Errors are averaged over rows, then models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

import froude
from froude.cost.machine.known_machines import get_machine
from froude.cost.machine.rates import peak_flops
from froude.cost.model.catalogue import get_model
from froude.cost.model.plain_decoder import MATMUL_PASSES
from froude.cost.papers.fine_tuning import fine_tune_cost
from froude.cost.stack.known_stacks import known_stacks
from froude.cost.training.assumptions import TrainCost
from froude.errors import InputError
from planner_rows import Peak, Question

LEVEL = 0.9


@final
@dataclass(frozen=True, kw_only=True)
class Score:
    """A question and what came of it, in logarithms of seconds over the measured ones.

    `error` is None where the planner refused, with its `refusal`, and where the table has no time. `below` and `above`
    are the ends of the 90% interval. `mfu` is the measured share of the peak, None where Froude knows no such model.
    """

    question: Question
    error: float | None = None
    below: float = 0.0
    above: float = 0.0
    mfu: float | None = None
    memory_error: float | None = None
    refusal: str = ""

    @property
    def relative(self) -> float:
        """Predicted over measured, less one; 100% for a refusal."""
        return 1.0 if self.error is None else float(np.expm1(self.error))

    @property
    def covered(self) -> bool:
        """Whether the interval holds the measurement."""
        return self.error is not None and self.below <= 0 <= self.above

    @property
    def half_width(self) -> float:
        """Of the interval, in logarithms."""
        return (self.above - self.below) / 2

    @property
    def interval_score(self) -> float:
        """Width, and what the measurement lies beyond it times 2 / 0.1 (Gneiting and Raftery 2007, eq. 43)."""
        return interval_score(self.below, self.above)


def interval_score(below: float, above: float) -> float:
    """The interval score of an interval of logarithms around a measurement at 0."""
    return above - below + 2 / (1 - LEVEL) * max(below, -above, 0.0)


def ask(question: Question, *, named: bool = True) -> Score:
    """What the planner answers, through the public interface, with the stack named or not."""
    share = measured_mfu(question)
    try:
        cost = answer(question, named=named)
    except InputError as refusal:
        return Score(question=question, mfu=share, refusal=str(refusal).splitlines()[0])
    memory = None
    if question.peak_bytes is not None:
        memory = float(getattr(cost.cost.memory, question.peak)) / question.peak_bytes - 1
    rate = measured_rate(question)
    if rate is None:
        return Score(question=question, memory_error=memory)
    seconds = float(cost.cost.tokens) / rate
    error, below, above = np.log(np.array([float(cost.cost.step_seconds), *cost.interval]) / seconds).tolist()
    return Score(question=question, error=error, below=below, above=above, mfu=share, memory_error=memory)


def answer(question: Question, *, named: bool = True) -> TrainCost:
    """The cost that Froude gives. Of a stack that it does not know none is named, so that all likely ones count."""
    known = {one.name for one in known_stacks()}
    stack = question.stack if named and question.stack.partition("@")[0] in known else None
    asked = (question.model, question.machine)
    if question.adapter:
        return fine_tune_cost(*asked, question.adapter, stack=stack, **question.fields)
    return froude.train_cost(*asked, stack=stack, **question.fields)


def measured_rate(question: Question) -> float | None:
    """Tokens a second of all devices."""
    if question.seconds is not None:
        return question.fields["global_batch"] * question.fields["seq_len"] / question.seconds
    return question.tokens_per_s


def measured_mfu(question: Question) -> float | None:
    """The measured share of the peak of the row's format; None without a time or a model that Froude can count."""
    rate = measured_rate(question)
    try:
        model, machine = get_model(question.model), get_machine(question.machine)
    except InputError:
        return None
    if rate is None:
        return None
    seq_len = question.fields.get("seq_len", model.context)
    flops = MATMUL_PASSES * float(model.forward_flops(seq_len))
    return rate * flops / machine.devices / peak_flops(machine.chip, question.precision)


@final
@dataclass(frozen=True, kw_only=True)
class Judged:
    """Rows held out in turn: their scores, and log errors of a constant MFU and of one of the row's kind and format."""

    name: str
    scores: Sequence[Score]
    constant: Sequence[float | None]
    of_kind: Sequence[float | None]
    constant_score: Sequence[float]

    def row(self) -> dict[str, str]:
        """The row of the table."""
        answered = [score for score in self.scores if score.error is not None]
        widths = [score.half_width for score in answered]
        return {
            "measured rows": self.name,
            "rows": str(len(self.scores)),
            "refused": str(len(self.scores) - len(answered)),
            "mean error": percent(self.mean(lambda score: abs(score.relative))),
            "signed": f"{100 * self.mean(lambda score: score.relative):+.1f}%",
            "in 90%": f"{self.mean(lambda score: score.covered):.0%}",
            "half-width": percent(float(np.median(widths))) if widths else "",
            "interval score": f"{np.mean([score.interval_score for score in answered]):.2f}" if answered else "",
            "of a constant width": f"{np.mean(self.constant_score):.2f}" if len(self.constant_score) else "",
            "constant MFU": self.baseline(self.constant),
            "of its kind": self.baseline(self.of_kind),
        }

    def mean(self, value: Callable[[Score], float]) -> float:
        """Over the rows of a model, then over models."""
        return by_model([(score.question.name, value(score)) for score in self.scores])

    def baseline(self, errors: Sequence[float | None]) -> str:
        """The mean error of a constant, by the same weights, over the rows whose FLOPs are known."""
        known = [
            (score.question.name, abs(float(np.expm1(error))))
            for score, error in zip(self.scores, errors, strict=True)
            if error is not None
        ]
        return percent(by_model(known)) if known else ""


def by_model(values: Sequence[tuple[str, float]]) -> float:
    """The mean over the values of a name, then over names."""
    names = dict.fromkeys(name for name, _ in values)
    return float(np.mean([np.mean([value for name, value in values if name == one]) for one in names]))


def percent(value: float) -> str:
    """As the table writes it."""
    return f"{100 * value:.1f}%"


def judged(
    name: str, held: Sequence[Score], others: Sequence[Score], by: Callable[[Question], object] | None = None
) -> Judged:
    """Held rows in groups by some property, each beside constants from all rows outside of its group.

    Rows that measure the same again (`Question.twin`) leave the training side with those held out.
    """
    constant, of_kind, widths = [], [], []
    for score in held:
        mine = by(score.question) if by else None
        apart = [
            one
            for one in others
            if one.mfu is not None
            and one.question.twin != score.question.twin
            and (by is None or by(one.question) != mine)
        ]
        constant.append(_log_error(score, apart))
        of_kind.append(_log_error(score, list(alike(score.question, apart))))
        if score.error is not None:
            half = _constant_width(apart)
            widths.append(interval_score(score.error - half, score.error + half))
    return Judged(name=name, scores=held, constant=constant, of_kind=of_kind, constant_score=widths)


def alike(question: Question, others: Sequence[Score]) -> Iterable[Score]:
    """The rows of the same kind and format; of the same kind where there are none; else all."""
    kind = [one for one in others if one.question.kind == question.kind]
    same = [one for one in kind if one.question.precision == question.precision]
    return same or kind or others


def _log_error(score: Score, training: Sequence[Score]) -> float | None:
    """Seconds by the training rows' median MFU over measured, in logarithms."""
    shares = [one.mfu for one in training if one.mfu is not None]
    if score.mfu is None or not shares:
        return None
    return float(np.log(score.mfu / np.median(shares)))


def _constant_width(training: Sequence[Score]) -> float:
    """The half-width that, around Froude's own predictions, holds as many training rows as its intervals do."""
    answered = [one for one in training if one.error is not None]
    if not answered:
        return 0.0
    level = float(np.mean([one.covered for one in answered]))
    return float(np.quantile([abs(one.error or 0.0) for one in answered], level))


def memory_rows(scores: Sequence[Score]) -> Iterator[dict[str, str]]:
    """Errors of memory by table, where it was measured, what tensors used apart from what the allocator held."""
    known = [score for score in scores if score.memory_error is not None]
    kinds: dict[tuple[str, Peak], None] = dict.fromkeys((one.question.table, one.question.peak) for one in known)
    for table, peak in kinds:
        yield memory_row(table, peak, memory_errors(known, table, peak))


def memory_errors(scores: Sequence[Score], table: str, peak: Peak) -> np.ndarray:
    """Relative errors of counted memory of a table's rows."""
    mine = [score for score in scores if (score.question.table, score.question.peak) == (table, peak)]
    return np.array([score.memory_error for score in mine if score.memory_error is not None])


def memory_row(table: str, peak: Peak, errors: np.ndarray) -> dict[str, str]:
    """A row of the table of memory."""
    return {
        "peak memory": table,
        "of what is": peak,
        "rows": str(len(errors)),
        "mean error": percent(float(np.mean(abs(errors)))),
        "signed": f"{100 * float(np.mean(errors)):+.1f}%",
        "worst": percent(float(np.max(abs(errors)))),
    }


def pairs_in_order(scores: Sequence[Score]) -> tuple[int, int]:
    """Of pairs of rows of one model and machine that differ by schedule alone: how many are in the measured order."""
    timed = [score for score in scores if score.error is not None and score.question.release == "schedules"]
    rates = [(score.question, measured_rate(score.question) or 0.0, score.error or 0.0) for score in timed]
    right, many = 0, 0
    for i, (one, rate, error) in enumerate(rates):
        for other, other_rate, other_error in rates[:i]:
            if (one.name, one.machine) == (other.name, other.machine):
                predicted = (np.log(rate) - error) - (np.log(other_rate) - other_error)
                right += (predicted > 0) == (rate > other_rate)
                many += 1
    return right, many
