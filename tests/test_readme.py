"""The README: short, true, and what it shows is what a reader gets."""

import re
from pathlib import Path

import pytest

from paths import ROOT
from readme import DOCUMENTS, README, compare_pilot, performed, recorded_story, words_and_numbers

TEXT = README.read_text()
CLOSE = 0.02  # refits of resampled runs end a little elsewhere under another processor's rounding


def test_the_readme_is_short_and_narrow() -> None:
    lines = TEXT.splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 120] == []
    assert len(TEXT.split()) <= 1300


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_of_a_document_prints_what_it_shows(document: Path, tmp_path: Path) -> None:
    done = list(performed(document.read_text(), tmp_path))
    assert len(done) >= 4
    for block, now in done:
        (words, numbers), (words_now, numbers_now) = words_and_numbers(block.text), words_and_numbers(now)
        assert words_now == words
        assert numbers_now == pytest.approx(numbers, rel=CLOSE)


def test_a_block_whose_number_or_word_differs_is_found() -> None:
    words, numbers = words_and_numbers("beta  1.04    0.727 to 1.75\n!  12 runs")
    assert words == ["beta # # to #", "! # runs"]
    assert numbers == [1.04, 0.727, 1.75, 12]


def test_a_pilot_that_tells_another_story_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = tmp_path / "story.txt"
    run = "      run  3.46k parameters, 696k bytes, seed 1: loss 2.172\n"
    for told, differ in (
        (recorded_story().replace("   pilots  training", run + "   pilots  training"), 0),
        (re.sub(r"\d", "7", recorded_story()), 0),
        (recorded_story().replace("held out;", "kept;"), 1),
        (recorded_story().replace("    speed", "  slowness"), 1),
        (recorded_story()[: recorded_story().index("     page")], 1),
    ):
        story.write_text(told)
        assert compare_pilot(story) == differ, told
    assert "README" in capsys.readouterr().out


def test_links_of_the_documents_lead_somewhere() -> None:
    for page in (README, *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
            name, _, fragment = target.partition("#")
            place = (page.parent / name) if name else page
            assert place.exists(), f"{page.name}: {target}"
            if fragment:
                heads = re.findall(r"^#+ (.+)$", place.read_text(), re.MULTILINE)
                assert fragment in {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}, target
