"""What is known of a training at a share of its way, as numbers that a forecast of its end goes by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.fitting.watching.course import Course

CURVE_FEATURES = ("level", "slope", "earlier slope")
"""Of the curve so far: the logarithm of the loss, and its fall for each factor e of steps, lately and before."""


@final
@dataclass(frozen=True, kw_only=True)
class SettingsCode:
    """How settings become numbers: those that differ among trainings, numbers by their scale and words by equality."""

    numbers: tuple[tuple[str, bool], ...]  # the name of a setting, and whether its logarithm is taken
    words: tuple[tuple[str, str], ...]  # the name of a setting, and one of its values

    @classmethod
    def of(cls, courses: Sequence[Course]) -> SettingsCode:
        """The code for trainings by the settings that all of them have; "length" is one of them."""
        numbers: list[tuple[str, bool]] = []
        words: list[tuple[str, str]] = []
        common = set.intersection(*(set(_settings(course)) for course in courses)) if courses else set()
        for name in sorted(common):
            values = [_settings(course)[name] for course in courses]
            distinct = sorted({str(value) for value in values})
            if len(distinct) < 2:
                continue
            if all(isinstance(value, int | float) and math.isfinite(value) for value in values):
                numbers.append((name, all(float(value) > 0 for value in values)))
            elif len(distinct) < len(values):
                words += [(name, value) for value in distinct]
        return cls(numbers=tuple(numbers), words=tuple(words))

    def encode(self, course: Course) -> list[float]:
        """The settings of a training as numbers; NaN where one is missing."""
        own = _settings(course)
        row = [_number(own.get(name), is_log) for name, is_log in self.numbers]
        return row + [float(str(own.get(name)) == value) for name, value in self.words]


def curve_features(course: Course, share: float) -> list[float]:
    """The features of the curve up to a share of the way, by what is known until then only."""
    first = course.at[0] / course.end
    shares = np.maximum(share * np.array([1.0, 0.5, 0.25]), min(first, share))
    now, half, quarter = course.level(shares)
    gaps = np.log(shares[:-1] / shares[1:]) if shares[-1] > 0 else np.zeros(2)
    slopes = [(b - a) / gap if gap > 0 else 0.0 for a, b, gap in ((half, now, gaps[0]), (quarter, half, gaps[1]))]
    return [float(now), *map(float, slopes)]


def _settings(course: Course) -> dict[str, float | str]:
    return {"length": course.end, **course.settings}


def _number(value: object, is_log: bool) -> float:
    if not isinstance(value, int | float) or (is_log and value <= 0):
        return math.nan
    return math.log(value) if is_log else float(value)
