"""An answer on the terminal: what stands where, and what is never cut."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from froude.answers import Answer, Fact, Table
from froude.cli.show import present, show
from froude.cost import get_model
from froude.rendering.layout import table_lines
from froude.rendering.text import SUMMARY_WIDTH

pytest_plugins = ["door"]

COMMAND = "saved: froude predict a-folder/with-a-long-name/and-another/and-one-more/fit.json --at N=…,D=…"


@pytest.fixture
def shown(capsys, monkeypatch):
    """Shows an answer in 80 columns and returns the lines."""
    monkeypatch.setenv("COLUMNS", "80")

    def lines(answer: Answer) -> list[str]:
        show(answer)
        return capsys.readouterr().out.splitlines()

    return lines


def test_parts_of_an_answer_stand_in_their_order(shown):
    table = Table(title="Parts", columns=("part", "bytes"), rows=(("weights", "1 GiB"), ("rest", "12 GiB")))
    answer = Answer(
        headline="A plan",
        facts=(Fact("devices", "8"), Fact("", "in one node")),
        tables=(table,),
        notes=("a note",),
        warnings=("a warning",),
        next_steps=("go on",),
    )
    assert shown(answer) == [
        *("A plan", "  devices     8", "              in one node", ""),
        *("Parts", "part       bytes", "────────────────", "weights    1 GiB", "rest      12 GiB"),
        *("", "a note", "! a warning", "go on"),
    ]


def test_a_sentence_is_wrapped_between_words_and_a_warning_below_its_mark(shown):
    lines = shown(Answer(headline="word " * 30, warnings=("word " * 30,)))
    assert all(len(line) <= 80 for line in lines)
    assert [line[:2] for line in lines[2:]] == ["! ", "  "]
    assert sum(line.count("word") for line in lines) == 60


def test_a_command_to_be_copied_and_a_path_in_a_sentence_stay_whole(shown):
    path = "/".join(["a-long-name"] * 9)
    assert shown(Answer(headline=f"a page at {path}", next_steps=(COMMAND,))) == ["a page at", path, COMMAND]


def test_a_detail_stands_below_its_row_and_columns_below_one_another(shown):
    rows = (("power", "A·C^-alpha"), ("a-longer-name", "E"))
    table = Table(title="", columns=(), rows=rows, left=(0, 1), details=("It falls.", "It stays."))
    assert shown(Answer(headline="laws", tables=(table,)))[2:] == [
        *("  power          A·C^-alpha", "    It falls.", "  a-longer-name  E", "    It stays."),
    ]


def test_details_stand_beside_their_rows_where_all_of_them_have_room(shown):
    def lines(detail: str) -> list[str]:
        table = Table(title="", columns=("s", "name"), rows=(("1", "a"),), left=(1,), details=(detail,))
        return shown(Answer(headline="laws", tables=(table,)))[2:]

    room = 80 - len("  1  name  ")
    assert lines("x" * room) == ["  s  name", f"  1  a     {'x' * room}"]
    assert lines("x " * room)[:2] == ["  s  name", "  1  a"]


WHY = "it waits for the slowest device and writes more to the network than any other does"


def test_words_without_room_stand_below_their_row_under_their_head(shown):
    numbers = tuple(f"{i}{i}.{i} TFLOP/s" for i in range(1, 6))
    table = Table(title="", columns=("layout", *"abcde", "why it lost"), rows=(("ZeRO 1", *numbers, WHY),), left=(0, 6))
    head, why, rule, row, first, second = shown(Answer(headline="a", tables=(table,)))[2:]
    assert (head.split(), why, {*rule}) == (["layout", *"abcde"], "  why it lost", {"─"})
    assert row == "ZeRO 1  " + "  ".join(numbers)
    assert f"{first.strip()} {second.strip()}" == WHY
    assert len(first) > 70


def test_words_beside_numbers_are_wrapped_between_them(shown):
    table = Table(title="", columns=("name", "s", "why it lost"), rows=(("a", "1", WHY), ("b", "2", "")), left=(0, 2))
    assert shown(Answer(headline="a", tables=(table,)))[2:] == [
        *("name   s   why it lost", "─" * 80),
        "a      1   it waits for the slowest device and writes more to the network than",
        *("           any other does", "b      2"),
    ]


def test_numbers_without_room_go_on_below_beside_their_names(shown):
    numbers = tuple(f"{i}.000 to {i}.111" for i in range(7))
    table = Table(title="", columns=("fit", *"abcdefg"), rows=(("one", *numbers),))
    lines = shown(Answer(headline="a", tables=(table,)))[2:]
    assert [line.split()[:2] for line in lines if line[:1].isalpha()] == [
        *(["fit", "a"], ["one", "0.000"], ["fit", "e"], ["one", "4.000"]),
    ]
    assert " ".join(lines).count(" to ") == len(numbers)


def test_a_head_is_folded_before_its_numbers_are_moved(shown):
    heads = ("name", *(f"the error of the held-out runs {i}" for i in range(4)))
    table = Table(title="", columns=heads, rows=(("a", *"1234"),))
    lines = shown(Answer(headline="a", tables=(table,)))[2:]
    assert [line.split()[0] for line in lines[:2]] == ["the", "name"]
    assert len(lines) == 4


def test_a_path_in_a_table_stays_whole(shown):
    path = "/".join(["a-long-name"] * 9)
    table = Table(title="", columns=(), rows=(("kept", f"in {path}"), ("size", "1 GiB")), left=(0, 1))
    assert shown(Answer(headline="a", tables=(table,)))[2:] == ["kept  in", f"      {path}", "size  1 GiB"]


def test_letters_that_take_two_columns_are_counted_as_two(shown):
    table = Table(title="", columns=(), rows=(("実験", "1"), ("abcd", "2")))
    assert shown(Answer(headline="a", tables=(table,)))[2:] == ["実験  1", "abcd  2"]


def test_a_share_is_drawn_as_a_bar(shown):
    table = Table(title="Memory", columns=(), rows=(("a", "1"), ("b", "3")), shares=(0.25, 0.75))
    lines = shown(Answer(headline="m", tables=(table,)))[-2:]
    assert [line.count("█") for line in lines] == [10, 30]


def test_bars_are_shorter_or_left_out_where_there_is_no_room(shown):
    def bars(name: str) -> list[int]:
        table = Table(title="", columns=(), rows=((name, "1"), ("b", "3")), shares=(0.0, 1.0))
        return [line.count("█") for line in shown(Answer(headline="m", tables=(table,)))[-2:]]

    assert [bars("a" * n) for n in (50, 70)] == [[0, 25], [0, 0]]


def test_a_pipe_is_as_wide_as_columns_says_or_of_one_width(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    show(Answer(headline="word " * 40))
    lines = capsys.readouterr().out.splitlines()
    assert SUMMARY_WIDTH - 5 < max(map(len, lines)) <= SUMMARY_WIDTH


def test_an_answer_is_printed_as_its_json_where_that_is_asked(capsys):
    present(Answer(headline="a", data={"a": float("nan"), "b": (1, 2)}), json=True)
    out = capsys.readouterr().out
    assert out.startswith('{"a": null, "b": [1, 2], "provenance": {')
    assert (out[-2:], out.count("\n")) == ("}\n", 1)


WORDS = st.text("abcdé実", min_size=1, max_size=8)
CELLS = st.lists(WORDS, max_size=3).map(" ".join)
SENTENCES = st.lists(WORDS, max_size=30).map(" ".join)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Tables of up to eight columns, of which some are words, with or without heads, details and shares."""
    n_columns, n_rows = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    left = tuple(sorted(draw(st.sets(st.integers(0, n_columns - 1)))))
    rows = [tuple(draw(SENTENCES if i in left and i else CELLS) for i in range(n_columns)) for _ in range(n_rows)]
    return Table(
        title="",
        columns=tuple(draw(CELLS) for _ in range(n_columns)) if draw(st.booleans()) else (),
        rows=tuple(rows),
        left=left,
        shares=tuple(draw(st.floats(0, 1)) for _ in range(n_rows)) if draw(st.booleans()) else (),
        details=tuple(draw(SENTENCES) for _ in range(n_rows)) if draw(st.booleans()) else (),
    )


@given(table=tables(), width=st.integers(80, 160))
@settings(deadline=None, max_examples=20)
def test_any_table_keeps_its_words_whole_and_to_the_width(table, width):
    lines = ["".join(span.text for span in line).rstrip() for line in table_lines(table, width)]
    assert [line for line in lines if cell_len(line) > width] == []
    texts = [*table.columns, *(cell for row in table.rows for cell in row), *table.details]
    shown = Counter(word for line in lines for word in line.split())
    assert Counter(word for text in texts for word in text.split()) - shown == Counter()


def test_what_a_terminal_would_obey_is_shown_and_not_sent(cli, tmp_path):
    folder = tmp_path / "a\x1b[31m\udcff"
    folder.mkdir()
    sizes = {"n_layer": 2, "n_embd": 64, "n_head": 4, "n_positions": 128, "vocab_size": 500}
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", **sizes}))
    done = cli("cost", "model", folder)
    assert done.code == 0
    assert done.out.startswith(r"a\x1b[31m\udcff: ")
    assert repr(get_model(str(folder))).startswith(r"a\x1b[31m\udcff: ")
