"""The line of an error: one line, short, and nothing in it that a terminal obeys."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from froude.errors import MOST_LETTERS, InputError, one_line, visible

REMEDY = "give one such as 'C'"


@given(st.text(), st.integers(1, 5000))
def test_every_error_is_one_short_line_that_can_be_printed(text, times):
    line = str(InputError(f"{text * times} is no column: {REMEDY}"))
    assert len(line) <= MOST_LETTERS
    assert line.isprintable()
    assert line.endswith(REMEDY)


@pytest.mark.parametrize("echo", ["x" * 5000, "x y " * 2000, "it's " * 1000, '"' * 3000, "\\" * 3000])
def test_what_is_quoted_is_cut_and_what_stands_around_it_is_kept(echo):
    line = one_line(f"no column {echo!r} in {echo!r}: {REMEDY}")
    assert line.startswith("no column ")
    assert line.endswith(REMEDY)
    assert len(line) <= MOST_LETTERS


def test_a_line_that_is_short_enough_is_left_as_it_is():
    line = f"no column {'x' * 200!r}: {REMEDY}"
    assert one_line(line) == line
    assert one_line(" two\n lines ") == "two lines"


def test_what_a_terminal_would_obey_is_shown_as_an_escape():
    assert str(InputError("a \x1b[31mred\x07 \u202eword")) == r"a \x1b[31mred\x07 \u202eword"
    assert visible("µ ≤ 3 · λ 漢") == "µ ≤ 3 · λ 漢"


def test_an_error_is_pickled_with_its_line():
    assert str(pickle.loads(pickle.dumps(InputError("x" * 9000)))) == "x" * 40 + "…"
