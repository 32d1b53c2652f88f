"""How often intervals of calibration cases hold: in all, by study, and by distance from the fitted runs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from froude.fitting.calibration import (
    LEVELS,
    JudgedCase,
    as_unseen,
    best_in_hindsight,
    constant_half_width,
    coverage_of,
    group_by_study,
    half_widths,
    interval_over_studies,
    leave_one_out,
    mean_over_studies,
    studies_of,
)
from froude.fitting.extrapolation import Learned

LEVEL = 0.9
STUDY_LEVELS = (0.5, 0.8, LEVEL)
DISTANCES = (0.0, 4.0, 16.0, 64.0, np.inf)
"""Edges, in how many times larger a run is than the largest fitted one, by the product of the law's inputs."""


def summarise(cases: Sequence[JudgedCase], others: Mapping[str, Learned] | None = None) -> dict[str, Any]:
    """What matters of these cases, each study judged by what the others show (`leave_one_out`), as `--json` prints it.

    For every level: the coverage, with its interval between studies, the median over cases of the median relative
    half-width, and the constant half-width that would hold as many; then by study and by distance. `runs_of_curves` of
    the runs are points along the trainings of `curves` cases.
    """
    others = leave_one_out(cases) if others is None else others
    cases = as_unseen(cases, others)
    intervals = []
    for level in LEVELS:
        inside = {id(each): coverage_of(each, others[each.case.study], level) for each in cases}
        widths = [float(np.median(half_widths(each, others[each.case.study], level))) for each in cases]
        coverage = mean_over_studies(cases, lambda each, inside=inside: inside[id(each)])
        between = interval_over_studies(cases, lambda each, inside=inside: inside[id(each)])
        constant = constant_half_width(cases, coverage)
        intervals.append(
            {
                "level": level,
                "coverage": coverage,
                "coverage_interval": list(between),
                "half_width": float(np.expm1(np.median(widths))),
                "constant": float(np.expm1(constant)),
            }
        )
    return {
        "cases": len(cases),
        "studies": len(others),
        "runs": sum(each.errors.size for each in cases),
        "curves": sum(each.case.curve for each in cases),
        "runs_of_curves": sum(each.errors.size for each in cases if each.case.curve),
        "mean_error": mean_over_studies(cases, lambda each: each.mean_error),
        "signed_error": mean_over_studies(cases, lambda each: each.signed_error),
        "mean_error_interval": list(interval_over_studies(cases, lambda each: each.mean_error)),
        "hindsight": best_in_hindsight(cases),
        "intervals": intervals,
        "by_set": summarise_sets(cases, others),
        "by_study": summarise_studies(cases, others),
        "by_distance": summarise_distances(cases, others),
    }


def summarise_sets(cases: Sequence[JudgedCase], others: Mapping[str, Learned]) -> list[dict[str, Any]]:
    """A row a set of cases: studies, cases, mean error without and with its sign, coverage and median relative
    half-width at 90%; the studies of a set weigh equally, and so do the cases of a study."""
    rows = []
    for name in dict.fromkeys(each.case.set for each in cases):
        some = [each for each in cases if each.case.set == name]
        rows.append(
            {
                "set": name,
                "studies": len(studies_of(some)),
                "cases": len(some),
                "mean_error": mean_over_studies(some, lambda each: each.mean_error),
                "signed_error": mean_over_studies(some, lambda each: each.signed_error),
                "coverage": mean_over_studies(some, lambda each: coverage_of(each, others[each.case.study], LEVEL)),
                "half_width": float(np.median([relative_half_width(each, others[each.case.study]) for each in some])),
            }
        )
    return rows


def summarise_studies(cases: Sequence[JudgedCase], others: Mapping[str, Learned]) -> list[dict[str, Any]]:
    """A row a study: cases, held-out runs, mean error without and with its sign (above zero where forecasts are too
    high), coverage by level, median relative half-width at 90%.

    `others` says for each study what all the others teach; cases of a study weigh equally.
    """
    return [
        {
            "study": study,
            "cases": len(some),
            "runs": sum(each.errors.size for each in some),
            "mean_error": float(np.mean([each.mean_error for each in some])),
            "signed_error": float(np.mean([each.signed_error for each in some])),
            "coverage": {
                f"{level:g}": float(np.mean([coverage_of(each, others[study], level) for each in some]))
                for level in STUDY_LEVELS
            },
            "half_width": float(np.median([relative_half_width(each, others[study]) for each in some])),
        }
        for study, some in group_by_study(cases, lambda each: each).items()
    ]


def summarise_distances(cases: Sequence[JudgedCase], others: Mapping[str, Learned]) -> list[dict[str, Any]]:
    """A row a range of distance that has runs: held-out runs, studies, mean error and coverage at 90%.

    Studies weigh equally, and so do the cases of a study. A run no larger than the fitted ones is in the first row.
    """
    rows = []
    for low, high in itertools.pairwise(DISTANCES):
        times = [np.where(each.reaches > 0, np.exp(each.reaches), 1.0) for each in cases]
        near = [(each, which) for each, t in zip(cases, times, strict=True) if (which := (t > low) & (t <= high)).any()]
        if near:
            by_study: dict[str, list[tuple[float, float]]] = {}
            for each, which in near:
                inside = np.abs(each.errors) <= half_widths(each, others[each.case.study], LEVEL)
                error = np.abs(np.expm1(each.errors[which])).mean()
                by_study.setdefault(each.case.study, []).append((float(error), float(inside[which].mean())))
            error, coverage = np.mean([np.mean(some, axis=0) for some in by_study.values()], axis=0)
            rows.append(
                {
                    "distance": [low, high if np.isfinite(high) else None],
                    "runs": sum(int(which.sum()) for _, which in near),
                    "studies": len(by_study),
                    "mean_error": float(error),
                    "coverage": float(coverage),
                }
            )
    return rows


def relative_half_width(case: JudgedCase, learned: Learned, level: float = LEVEL) -> float:
    """The median over a case's runs of the relative half-width of its intervals at a level."""
    return float(np.median(np.expm1(half_widths(case, learned, level))))
