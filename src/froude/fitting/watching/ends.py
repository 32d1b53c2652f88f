"""Where a training will end: what finished ones went on to do from the same share of their way, with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any, final

import numpy as np

from froude.documents.json_text import parse_json
from froude.fitting.watching.course import Course
from froude.fitting.watching.features import SettingsCode, curve_features
from froude.fitting.watching.process import EndProcess

PRIOR_FREEDOM = 4.0
"""How many trainings the errors learned on other studies count for, beside those of a study's own."""
CHOSEN = 6
"""How many errors that are left out the choice of a kernel takes up: a guess, as many as constants of a linear one."""
MOST_FREEDOM = 8.0
"""Degrees of freedom however many have finished: a few trainings of a sweep go on in ways of their own."""
PRIOR_TRAININGS = 1.0
"""How many trainings what other studies say of the mean counts for, beside those of a study's own: a guess."""
UNSEEN = "unseen.json"
"""How trainings went on in other studies: written by `benchmarks/watch.py --learn`."""


@final
@dataclass(frozen=True, kw_only=True)
class EndForecast:
    """The loss at the end of a training: its median, and a Student t distribution of its logarithm.

    `deviation` is in units of log loss, about a relative error; `freedom` its degrees of freedom. `finished` is how
    many trainings it was learned from, 0 where only those of other studies speak.
    """

    loss: float
    deviation: float
    freedom: float
    finished: int

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """The interval that holds the end with this probability."""
        reach = t_quantile((1 + level) / 2, self.freedom) * self.deviation
        return self.loss * math.exp(-reach), self.loss * math.exp(reach)

    def probability_below(self, goal: float) -> float:
        """How likely the training ends at this loss or below."""
        return t_below((math.log(goal) - math.log(self.loss)) / self.deviation, self.freedom)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LearnedEnds:
    """What finished trainings teach at one share of the way: made once, asked for each training that runs."""

    share: float
    code: SettingsCode
    process: EndProcess | None
    deviation: float
    freedom: float
    finished: int

    @classmethod
    def learn(cls, finished: Sequence[Course], share: float, unseen: dict[str, Any] | None = None) -> LearnedEnds:
        """Learn from trainings that ended with a loss; those without a point before the share say nothing."""
        unseen = unseen or unseen_trainings()
        early = [(course, course.until(share)) for course in finished if course.is_sound and course.share >= 0.999]
        known = [(course, cut) for course, cut in early if cut is not None and cut.is_sound]
        code = SettingsCode.of([course for course, _ in known])
        if not known:
            alone = unseen_deviation(share, "alone", unseen)
            return cls(share=share, code=code, process=None, deviation=alone, freedom=PRIOR_FREEDOM, finished=0)
        features = np.array([[*curve_features(cut, share), *code.encode(cut)] for _, cut in known])
        values = np.array([math.log(course.end_loss) for course, _ in known]) - features[:, 0]
        values = values - [unseen_change(row, share, unseen) for row in features]
        process = EndProcess.fit(features, values)
        squares = float((process.left_out**2).sum()) if len(known) > 1 else 0.0
        n = max(len(known) - CHOSEN, len(known) / 2) if len(known) > 1 else 0
        prior = prior_deviation(share, len(known), unseen)
        own = math.sqrt((PRIOR_FREEDOM * prior**2 + squares) / (PRIOR_FREEDOM + n))
        freedom = min(PRIOR_FREEDOM + n, MOST_FREEDOM)
        return cls(share=share, code=code, process=process, deviation=own, freedom=freedom, finished=len(known))

    def forecast(self, course: Course, unseen: dict[str, Any] | None = None) -> EndForecast:
        """The end of a training that has come as far as the share, or further: its later points are not looked at."""
        unseen = unseen or unseen_trainings()
        cut = course.until(self.share) or course
        row = curve_features(cut, self.share)
        change, deviation = unseen_change(row, self.share, unseen), self.deviation
        if self.process is not None:
            mean, doubt = self.process.forecast(np.array([[*row, *self.code.encode(cut)]]))
            usual = float(np.sqrt(np.mean(self.process.doubt**2))) * _ratio(self.process)
            change += float(mean[0]) * self.finished / (self.finished + PRIOR_TRAININGS)
            deviation *= max(float(doubt[0]) / max(usual, 1e-12), 0.5)
        return EndForecast(
            loss=math.exp(row[0] + change), deviation=deviation, freedom=self.freedom, finished=self.finished
        )


def _ratio(process: EndProcess) -> float:
    return process.doubt_unit / process.spread


def forecast_end(course: Course, finished: Sequence[Course] = ()) -> EndForecast:
    """The loss at the planned end of a training, by its curve and by those of finished trainings.

    By the share of the way that it has gone, the fall from there to the end is a Gaussian process of the loss, its
    slopes and the settings that differ among the finished ones; its errors are those made where each of them is left
    out in turn. Without any, a straight line in loss and slopes that trainings of other studies follow. It errs for
    trainings whose schedule differs from those of all others in a way that no setting tells.
    """
    return LearnedEnds.learn(finished, course.share).forecast(course)


def unseen_change(features: Sequence[float] | np.ndarray, share: float, unseen: dict[str, Any]) -> float:
    """The change of the logarithm of the loss up to the end, by the curve so far, as trainings of other studies went.

    The sum of constants times 1, the level, slope and earlier slope, each with the octaves that are left.
    """
    left = math.log(1 / share)
    terms = unseen_terms(features, share)
    return left * float(np.dot(unseen["constants"], terms)) if left > 0 else 0.0


def unseen_terms(features: Sequence[float] | np.ndarray, share: float) -> np.ndarray:
    """What the constants of `unseen_change` multiply, (6,)."""
    _, slope, earlier = features[:3]
    return np.array([1.0, slope, earlier, share, share * slope, share * earlier])


def unseen_deviation(share: float, what: str, unseen: dict[str, Any]) -> float:
    """How far off such a forecast of the log loss has been at a share: alone, or beside finished trainings."""
    return float(np.interp(share, [*unseen["shares"], 1.0], [*unseen[what], 1e-4]))


def prior_deviation(share: float, finished: int, unseen: dict[str, Any]) -> float:
    """The error of the log loss to be expected beside so many finished trainings, from that of none to that of many."""
    alone, many = (unseen_deviation(share, what, unseen) for what in ("alone", "sibling"))
    return math.hypot(many, alone / (1 + finished / PRIOR_FREEDOM))


@cache
def unseen_trainings() -> dict[str, Any]:
    """The constants and errors learned on other studies."""
    return parse_json((Path(__file__).parent / UNSEEN).read_bytes())


@cache
def t_quantile(probability: float, freedom: float) -> float:
    """The quantile of a Student t distribution, by bisection of `t_below`."""
    low, high = -1e3, 1e3
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_below(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def t_below(value: float, freedom: float) -> float:
    """The probability of a Student t below a value: by Hill's 1970 transformation to a normal (CACM Algorithm 395).

    Within 0.002 of the truth from four degrees of freedom on.
    """
    if value == 0:
        return 0.5
    a = freedom - 0.5
    b = 48 * a * a
    z = math.sqrt(a * math.log1p(value * value / freedom))
    z += (z**3 + 3 * z) / b - (4 * z**7 + 33 * z**5 + 240 * z**3 + 855 * z) / (10 * b * (b + 0.8 * z**4 + 100))
    return NormalDist().cdf(math.copysign(z, value))
