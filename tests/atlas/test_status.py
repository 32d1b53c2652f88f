"""The atlas's status: a pure function of evidence that running checks left, and nothing else."""

import re

import pytest

from evidence import ROOT, is_there
from froude.atlas import atlas_records, status_page
from froude.atlas.page import missing
from froude.atlas.status import LEVELS, Evidence, Level, atlas_status, count_levels, shipped_evidence


def evidence(row: str, shows: Level = "works", passed: bool = True) -> Evidence:
    """Evidence of a check that is not."""
    return Evidence(row=row, check="tests/x.py::test", shows=shows, commit="0", date="2026-01-01", passed=passed)


def level_of(row: str, *checks: Evidence) -> Level:
    """The status of a row after some checks."""
    return next(one.level for one in atlas_status(evidence=checks) if one.record.id == row)


def test_a_row_is_as_far_as_its_passing_checks_show():
    row = atlas_records()[0].id
    assert level_of(row) == "recorded"
    assert level_of(row, evidence(row, "modelled")) == "modelled"
    assert level_of(row, evidence(row, "modelled"), evidence(row)) == "works"
    assert level_of(row, evidence("another")) == "recorded"


def test_a_check_that_fails_takes_its_row_back():
    row = atlas_records()[0].id
    assert level_of(row, evidence(row), evidence(row, passed=False)) == "recorded"


def test_counts_are_of_every_row():
    rows = atlas_status()
    assert sum(count_levels(rows)["all"].values()) == len(atlas_records())
    assert sum(sum(n.values()) for kind, n in count_levels(rows).items() if kind.startswith("role ")) == len(
        atlas_records()
    )


def test_evidence_that_ships_has_a_row_and_a_check_that_is_there():
    rows = {record.id for record in atlas_records()}
    assert [one for one in shipped_evidence() if one.row not in rows or one.shows not in LEVELS] == []
    assert [one for one in shipped_evidence() if not is_there(vars(one))] == []


def test_evidence_of_a_check_that_is_gone_is_not_there():
    one = vars(next(one for one in shipped_evidence() if "[" not in one.check))
    assert is_there(one)
    assert not is_there(one | {"check": one["check"] + "_no_more"})
    assert not is_there(one | {"check": "tests/test_none.py::test"})
    assert not is_there(one | {"row": "no-such-row"})


def test_the_page_in_the_documents_is_that_of_the_evidence_that_ships():
    assert (ROOT / "docs" / "atlas.md").read_text() == status_page(atlas_status())


def test_the_page_tells_of_every_row_once():
    page = status_page(atlas_status())
    assert [record.id for record in atlas_records() if page.count(f"`{record.id}`") != 1] == []


def test_exactly_the_modelled_rows_say_what_they_lack():
    rows = atlas_status()
    assert {*missing()} <= {row.record.id for row in rows}
    assert [row.record.id for row in rows if row.level == "works" and row.record.id in missing()] == []
    assert [row.record.id for row in rows if row.level == "modelled" and row.record.id not in missing()] == []


def test_the_suite_knows_the_option_that_writes_evidence(pytestconfig):
    assert pytestconfig.getoption("--atlas-evidence") in (True, False)


RECORDED = ["deep-optimizer-states", "halonet", "lifl", "mgbp", "momentum-gs", "pansplat", "universal-checkpointing"]
"""Rows whose checks could not have come out otherwise: nothing is claimed of them until a check can fail."""

MODELLED = [
    "bf16-or-death",
    "bottleneck-sampling",
    "clip-mammut-scaling-comparison",
    "crysbfn",
    "datastates-llm",
    "farseer",
    "fireq",
    "flashattention-2",
    "flute",
    "frontier-llm-comparison",
    "hnsw",
    "lut-tensor-core",
    "matmul-free-lm",
    "megablocks",
    "mgard",
    "neupims",
    "pyra",
    "quip-sharp",
    "sequence-parallelism",
    "specexec",
    "svdquant",
    "triforce",
    "tsfm-laws",
    "unraveling-scaling-laws",
]
"""Rows of which an essential part was put in or left out: modelled, with what they lack, until they are redone."""

MARK = re.compile(r'(?:mark\.atlas\(|RowClaim\(row=)\s*"([\w.-]+)"([^)]*)\)')


def marks(row: str) -> list[str]:
    """What each check of a row says that it shows."""
    files = [path for top in ("tests", "src/froude/growth/examples") for path in (ROOT / top).rglob("*.py")]
    pairs = [mark for path in files for mark in MARK.findall(path.read_text(encoding="utf-8"))]
    return ["modelled" if "modelled" in rest else "works" for name, rest in pairs if name == row]


@pytest.mark.parametrize("row", RECORDED)
def test_a_row_whose_check_could_not_fail_is_claimed_by_no_check(row):
    assert marks(row) == []
    assert missing()[row]


@pytest.mark.parametrize("row", MODELLED)
def test_a_row_shown_in_part_is_modelled_and_says_what_it_lacks(row):
    assert {*marks(row)} == {"modelled"}
    assert missing()[row]


def test_marks_of_tests_and_examples_are_read():
    assert marks("marlin") == ["works"]
    assert "modelled" in marks("kivi")
    assert marks("ft-strassen") == ["works"]
    assert marks("no-row-of-ours") == []
