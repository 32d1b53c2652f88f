"""What is said of how far forecasts can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import count, percent, signed_percent
from froude.fitting.calibration import JudgedCase
from froude.fitting.coverage import LEVEL, STUDY_LEVELS, summarise
from froude.fitting.extrapolation import Learned

INTERVALS = "Intervals"
"""The title of the table of coverage by level."""

BY_SET = "By set"
"""The title of the table of errors by set of cases."""

BY_DISTANCE = "By distance"
"""The title of the table of errors by how many times larger a run is than the largest fitted one."""

BY_STUDY = "By study"
"""The title of the table of errors by study."""


def answer_of_judged_case(case: JudgedCase) -> Answer:
    """One case of a published study: how far off its forecasts were, by law."""
    mean = {law: float(np.abs(np.expm1(errors)).mean()) for law, errors in case.candidate_errors.items()}
    return Answer(
        headline=f"{case.case.name}: {count(len(case.errors), 'run')} held out, predicted from {case.n_fit}",
        tables=(
            Table(
                title="",
                columns=("law", "mean error"),
                rows=(
                    (f"the average: {case.law}", percent(case.mean_error)),
                    *((k, percent(e)) for k, e in mean.items()),
                ),
            ),
        ),
        data={
            "case": case.case.name,
            "study": case.case.study,
            "hold_out": case.case.hold_out,
            "law": case.law,
            "n_fit": case.n_fit,
            "n_held_out": len(case.errors),
            "mean_error": case.mean_error,
            "mean_errors": mean,
            **case.origin,
        },
    )


def answer_of_calibration(
    cases: Sequence[JudgedCase],
    learned: Learned,
    written: Sequence[Path] = (),
    others: Mapping[str, Learned] | None = None,
) -> Answer:
    """How often intervals hold on held-out runs of published studies, and how wide they are; `written` are files.

    `others` is what all other studies teach, by study, where that is known. InputError for cases of fewer than two
    studies.
    """
    figures = summarise(cases, others)
    intervals = Table(
        title=INTERVALS,
        columns=("level", "holds", "between studies", "half-width", "constant that holds as many"),
        rows=tuple(
            (
                percent(row["level"], 0),
                percent(row["coverage"], 1),
                " to ".join(percent(share, 0) for share in row["coverage_interval"]),
                percent(row["half_width"]),
                percent(row["constant"]),
            )
            for row in figures["intervals"]
        ),
    )
    low, high = figures["mean_error_interval"]
    of_curves = (
        f"{figures['runs_of_curves']:,} of the {figures['runs']:,} runs held out are points along the trainings of "
        f"{count(figures['curves'], 'case')}; studies weigh equally all the same"
    )
    return Answer(
        headline=(
            f"{figures['cases']} cases of {figures['studies']} studies, {figures['runs']} runs held out, each study "
            "judged by what the others teach"
        ),
        facts=(
            Fact("mean error", f"{percent(figures['mean_error'])} ({percent(low)} to {percent(high)})"),
            Fact("too high by", signed_percent(figures["signed_error"])),
            Fact("hindsight", f"{percent(figures['hindsight'])} with the one law that turned out best"),
        ),
        tables=(
            intervals,
            _by_set(figures["by_set"]),
            _by_distance(figures["by_distance"]),
            _by_study(figures["by_study"]),
        ),
        notes=(
            "half-widths are relative, the median of the cases",
            *([of_curves] if figures["curves"] else []),
        ),
        next_steps=tuple(f"written: {path}" for path in written),
        data={"learned": learned.to_dict(), "summary": figures, "written": [str(path) for path in written]},
    )


def _by_set(rows: Sequence[Mapping[str, Any]]) -> Table:
    level = percent(LEVEL, 0)
    return Table(
        title=BY_SET,
        columns=("set", "studies", "cases", "mean error", "too high by", f"inside {level}", "half-width"),
        rows=tuple(
            (
                row["set"] or "all",
                str(row["studies"]),
                str(row["cases"]),
                percent(row["mean_error"]),
                signed_percent(row["signed_error"]),
                percent(row["coverage"], 0),
                percent(row["half_width"]),
            )
            for row in rows
        ),
    )


def _by_distance(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        title=BY_DISTANCE,
        columns=("times larger", "runs", "studies", "mean error", f"inside {percent(LEVEL, 0)}"),
        rows=tuple(
            (
                _range(*row["distance"]),
                f"{row['runs']:,}",
                str(row["studies"]),
                percent(row["mean_error"]),
                percent(row["coverage"], 0),
            )
            for row in rows
        ),
    )


def _range(low: float, high: float | None) -> str:
    if high is None:
        return f"above {low:g}"
    return f"{low:g} to {high:g}" if low else f"up to {high:g}"


def _by_study(rows: Sequence[Mapping[str, Any]]) -> Table:
    levels = " / ".join(percent(level, 0) for level in STUDY_LEVELS)
    return Table(
        title=BY_STUDY,
        columns=(
            "study",
            "cases",
            "runs",
            "mean error",
            "too high by",
            f"inside {levels}",
            f"half-width at {percent(LEVEL, 0)}",
        ),
        rows=tuple(
            (
                row["study"],
                str(row["cases"]),
                f"{row['runs']:,}",
                percent(row["mean_error"]),
                signed_percent(row["signed_error"]),
                " / ".join(percent(share, 0) for share in row["coverage"].values()),
                percent(row["half_width"], 1),
            )
            for row in rows
        ),
    )
