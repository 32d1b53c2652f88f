"""Froude beside the published laws: the same runs fitted, all others judged, each comparison naming its split.

Both sides are given the same runs; nothing is fitted to runs that are judged, and what is chosen is chosen by hold-outs
inside the fitted ones. The learning rates and the schedules are judged by benchmarks of their own, which run first.
Command: FROUDE_PUBLISHED=... python benchmarks/published.py
"""

import warnings

from contests import elsewhere, overtraining, repetition, translation
from contests.reproductions import reproductions
from record import record

COMMAND = "python benchmarks/published.py"
NOTE = (
    "Mean relative error of the judged runs without sign, except where another measure is named. The interval is that "
    "of a bootstrap of the judged runs, those of one model taken together."
)


def main() -> None:
    """Holds every contest and records the tables."""
    warnings.simplefilter("ignore")  # of SciPy, on the authors' starts that lead nowhere
    made = [
        *overtraining.contests(),
        *repetition.contests(),
        *translation.contests(),
        *elsewhere.contests(),
    ]
    rows = [each.row() for each in made]
    for row in rows:
        print(*row.values(), sep=" | ")
    record("published", COMMAND, rows, notes=[NOTE, repetition.aside()])
    record("published_points", COMMAND, overtraining.single_points())
    record("reproductions", COMMAND, [each.row() for each in reproductions()])


if __name__ == "__main__":
    main()
