"""The README's picture, drawn from a finished pilot study.

Command: python benchmarks/picture.py froude-studies/benchmark/5-0
"""

import sys
from pathlib import Path

from froude import Study
from froude.answers.studies import read_study_record
from froude.reporting.charts import chart
from froude.reporting.study.pictures import tokens_view
from froude.reporting.style import COLOURS

WIDTH = 840  # CSS pixels


def main() -> None:
    """Draws loss against tokens, with the law, its forecast and what was measured."""
    figure = chart(tokens_view(read_study_record(Study.open(sys.argv[1]))), WIDTH)
    place = Path(__file__).parent.parent / "docs" / "pilot.svg"
    figure.savefig(place, facecolor=COLOURS["paper"], metadata={"Date": None})
    print(place)


if __name__ == "__main__":
    main()
