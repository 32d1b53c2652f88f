"""What is said of how far forecasts can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import percent
from froude.fitting.calibration import JudgedCase, summarise
from froude.fitting.extrapolation import Extrapolation

INTERVALS = "Intervals"
"""The title of the table of coverage by level."""


def answer_of_calibration(cases: Sequence[JudgedCase], learned: Extrapolation, written: Sequence[Path] = ()) -> Answer:
    """How often intervals hold on held-out runs of published studies, and how wide they are; `written` are files.

    InputError for cases of fewer than two studies.
    """
    figures = summarise(cases)
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
    return Answer(
        headline=(
            f"{figures['cases']} cases of {figures['studies']} studies, {figures['runs']} runs held out, each study "
            "judged by what the others teach"
        ),
        facts=(
            Fact("mean error", f"{percent(figures['mean_error'])} ({percent(low)} to {percent(high)})"),
            Fact("hindsight", f"{percent(figures['hindsight'])} with the one law that turned out best"),
        ),
        tables=(intervals,),
        notes=("half-widths are relative, the median of the cases",),
        next_steps=tuple(f"written: {path}" for path in written),
        data={"learned": learned.to_dict(), "summary": figures, "written": [str(path) for path in written]},
    )
