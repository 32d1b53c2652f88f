"""Warnings of a study's page: what names a run leads to its row, and the row says which warning names it."""

from froude.answers import Table
from froude.reporting.study.page import heaviest_row, link_runs, runs_named

RUNS = {"eff007ba", "5161e5cf", "e314c1d4"}
WARNINGS = (
    "2 runs diverged and were left out: row 6 (5161e5cf05b6f4e8), row 10 (e314c1d4acb97b34)",
    "leverage of single runs: without row 13 (eff007ba620c0495) alpha would be 0.5, not 0.3",
    "too little range, and 0123456789abcdef is no run of the table",
    "eff007ba620c0495 lies far off the law",
)


def test_a_run_that_a_warning_names_is_linked_by_the_tables_name() -> None:
    pieces = [list(link_runs(warning, RUNS)) for warning in WARNINGS]
    texts = ["".join(text for text, _ in each) for each in pieces]
    assert texts[0] == "2 runs diverged and were left out: run 5161e5cf, run e314c1d4"
    assert texts[1] == "leverage of single runs: without run eff007ba alpha would be 0.5, not 0.3"
    assert texts[2] == WARNINGS[2]
    assert [[run for _, run in each if run] for each in pieces] == [
        ["5161e5cf", "e314c1d4"],
        ["eff007ba"],
        [],
        ["eff007ba"],
    ]


def test_a_row_bears_the_number_of_every_warning_that_names_it() -> None:
    named = runs_named([list(link_runs(warning, RUNS)) for warning in WARNINGS])
    assert named == {"5161e5cf": [1], "e314c1d4": [1], "eff007ba": [2, 4]}


def test_the_law_with_the_largest_share_is_the_one_to_stand_out() -> None:
    rows = tuple((str(i),) for i in range(3))
    assert heaviest_row(Table(title="Laws", columns=("law",), rows=rows, shares=(0.2, 0.5, 0.3))) == 1
