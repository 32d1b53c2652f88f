"""The README's picture, drawn from a finished pilot study.

Command: python benchmarks/picture.py froude-studies/benchmark/5-0
"""

import sys
from pathlib import Path

from froude import Study
from froude.answers.studies import read_study_record
from froude.drawing.charts import figure_of_view
from froude.drawing.studies import tokens_view
from froude.drawing.svg import svg

WIDTH, HEIGHT = 560, 350  # CSS pixels: its words are 12 high, and still 8 on a phone


def main() -> None:
    """Draws loss against tokens, with the law, its forecast and what was measured."""
    figure = figure_of_view(tokens_view(read_study_record(Study.open(sys.argv[1]))), WIDTH, HEIGHT, left=46)
    place = Path(__file__).parent.parent / "docs" / "pilot.svg"
    place.write_bytes(svg(figure, "pilot"))
    print(place)


if __name__ == "__main__":
    main()
