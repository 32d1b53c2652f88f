"""The contract of answers: one suite over a sample of each."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from answered import ANSWERS, DERIVED, ON_A_PAGE_ONLY
from froude.answers import Answer, Table
from froude.answers.registry import answer_of
from froude.answers.strict_json import strict
from froude.cli.show import show
from froude.quantity import UNITS
from froude.rendering.layout import INDENT, LONG_WORD, blocks_of
from paths import ROOT
from results import RESULTS
from shown import unmatched

READABLE = 24  # columns of words beside other cells
SOURCE = ROOT / "src" / "froude" / "answers"


OF_PYTHON = (
    *("runs", "study", "forecast of several", "backtest", "allocation", "allocation of several", "approaches"),
    *("approach", "optimum", "sweep optima", "fit report", "report of a fit", "report of a rule", "schedule"),
    *("best schedule", "entry", "layout", "experiment", "pilot", "profile"),
    *("judged case", "growth example", "status", "finding", "hit", "published fit"),
)
"""Results whose answer no command prints."""

ALL: Mapping[str, Callable[[], Answer]] = {
    **ANSWERS,
    **{f"a {name}": lambda name=name: answer_of(RESULTS[name]()) for name in OF_PYTHON},
}
"""Answers of commands, and those that only results of Python show themselves by."""


@pytest.fixture(scope="module", params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    """The name of an answer."""
    return request.param


@pytest.fixture(scope="module")
def answer(name: str) -> Answer:
    """One sample of it."""
    return ALL[name]()


def texts(answer: Answer) -> list[str]:
    """All that an answer says, but for what a program gets."""
    facts = [part for fact in answer.facts for part in fact]
    cells = [text for table in answer.tables for text in texts_of(table)]
    return [answer.headline, *facts, *cells, *answer.notes, *answer.warnings, *answer.next_steps]


def texts_of(table: Table) -> list[str]:
    """Title, heads, cells and details of a table."""
    return [table.title, *table.columns, *(cell for row in table.rows for cell in row), *table.details]


def with_units(answer: Answer) -> Iterator[str]:
    """All that an answer says; a number below a unit stands with it."""
    for table in answer.tables:
        heads = [head if head in UNITS else "" for head in table.columns] or [""] * len(table.rows[0])
        yield from (f"{cell} {head}" for row in table.rows for head, cell in zip(heads, row, strict=True))
        yield from (table.title, *table.columns, *table.details)
    yield from texts(replace(answer, tables=()))


def test_every_function_that_answers_has_its_sample():
    functions = {
        name for path in SOURCE.rglob("*.py") for name in re.findall(r"^def (answer_of_\w+)", path.read_text(), re.M)
    }
    sampled = (ROOT / "tests" / "support" / "answered.py", SOURCE / "registry.py")
    assert functions == {name for path in sampled for name in re.findall(r"\banswer_of_\w+", path.read_text())}


def test_what_an_answer_says_is_text_without_line_breaks(answer):
    assert answer.headline
    assert [text for text in texts(answer) if not isinstance(text, str) or "\n" in text] == []


def test_rows_are_as_wide_as_their_table_and_have_their_parts(answer):
    for table in answer.tables:
        width = len(table.columns) or len(table.rows[0])
        assert {len(row) for row in table.rows} <= {width}
        assert all(0 <= i < width for i in table.left)
        assert len(table.shares) in (0, len(table.rows))
        assert len(table.details) in (0, len(table.rows))


def test_what_a_program_gets_is_strict_json(answer):
    printed = json.dumps(strict(answer.to_dict()), allow_nan=False)
    assert json.loads(printed) == strict(answer.to_dict())
    assert answer.to_dict()


def test_every_number_shown_stands_in_the_json_at_the_precision_shown(answer, name):
    data = answer.to_dict()
    if name in ON_A_PAGE_ONLY:
        answer = replace(answer, tables=(), notes=(), warnings=())
    derived = DERIVED[name](data) if name in DERIVED else []
    assert unmatched(with_units(answer), [strict(data), derived]) == []


def is_long(word: str) -> bool:
    """Whether a word may stand out to the right: what is longer is not broken."""
    return len(word) >= LONG_WORD


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_the_terminal_keeps_to_its_width_and_breaks_no_word(answer, width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    show(answer)
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if line not in answer.next_steps]
    assert [line for line in lines if len(line) > width and not is_long(line.split()[-1])] == []
    assert {word for text in texts(answer) for word in text.split()} - set(out.split()) == set()
    assert out.count("…") == sum(text.count("…") for text in texts(answer))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_words_of_a_table_have_room_or_a_line_of_their_own(answer, width):
    for table in answer.tables:
        for block in blocks_of(table, width - INDENT * bool(table.details)):
            words = [column for column in block.columns[1:] if column.is_words]
            assert [column.head for column in words if column.least < min(READABLE, column.natural)] == []
            assert [column.head for column in block.below if not column.is_words] == []
