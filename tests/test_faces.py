"""One number everywhere: a question gets the same numbers in Python, as JSON, on the terminal and on a page."""

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, final

import pytest

from froude.answers.strict_json import strict
from froude.cli import run
from pages import Page
from paths import ROOT
from shown import unmatched
from verbs import VERBS, Verb, given, keys_of

KEYS: dict[str, list[str]] = json.loads((ROOT / "tests" / "fixtures" / "json_keys.json").read_text())


def each(*verbs: Verb) -> pytest.MarkDecorator:
    """The test for each of these verbs."""
    given = [pytest.param(verb, id=verb.name, marks=[pytest.mark.slow] if verb.slow else []) for verb in verbs]
    return pytest.mark.parametrize("verb", given)


AXES = ("svg", "style", "pre", "script")
"""Parts of a page that say no number of the answer: ticks of axes, and the JSON itself."""

DERIVED = re.compile(
    r"\d+(\.\d+)?%(?=\s+[▏▎▍▌▋▊▉█])"  # the share of a part, beside its bar
    r"|^\d+(\.\d+)?%$"  # and in a cell of its own
    r"|(?<=\s\s)\d+\.\d%(?=\s|$)"  # and in a column of its own
    r"|^(free|all else)\b.*"  # what is left of a whole
    r"|\b90% (interval|bands)|^(intervals +)?90%, from"  # the level of every interval of growth
    r"|over 99%"  # the most that is claimed
    r"|[\d.]+ times as much|\d+ micro-batches"  # a ratio and a count of what stands beside it
    r"|^\d+\.\d+\.\d+$"  # a version
)
"""What a face derives from numbers that stand in the JSON, and shows beside them."""

HEADS = {"machine list": (1e9, 1e12, 2**30)}
"""Verbs whose tables say a unit at the head of a column: what cells without a unit are multiplied by."""


@final
@dataclass(frozen=True, kw_only=True)
class Faces:
    """What a verb showed: its JSON, the lines of the terminal, and the texts of its page."""

    data: Any
    lines: list[str]
    page: list[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that verbs are given."""
    return given(tmp_path_factory.mktemp("given"), run)


@pytest.fixture(scope="module")
def faces(folder: Path) -> Callable[[Verb], Faces]:
    """The faces of a verb, each asked once, in its folder and 200 columns wide."""

    @cache
    def seen(verb: Verb) -> Faces:
        words = [str(word) for word in verb.words(folder)]
        page = folder / verb.page if verb.page else None
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("COLUMNS", "200")
            lines = printed(words)
            (*_, data) = printed([*words, "--json", *(["--page", str(page)] if page else [])])
        texts = Page(page.read_text(), unread=AXES).texts if page else []
        return Faces(data=json.loads(data), lines=lines, page=texts)

    return seen


def printed(words: list[str]) -> list[str]:
    """The lines that a command prints on stdout."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        run(words)
    return out.getvalue().splitlines()


def test_every_verb_has_its_keys_on_record():
    assert {verb.name for verb in VERBS} == {*KEYS}


@each(*VERBS)
def test_json_keeps_the_keys_of_version_0_1(verb: Verb, faces):
    assert {*KEYS[verb.name]} - keys_of(faces(verb).data) == set()


@each(*VERBS)
def test_every_json_says_which_command_made_it(verb: Verb, faces):
    data = faces(verb).data
    for document in data if isinstance(data, list) else [data]:
        assert {*document["provenance"]} == {"version", "command", "call", "seed", "data_sha256", "date"}
        assert document["provenance"]["command"].startswith(f"froude {verb.name.split()[0]}")


@each(*VERBS)
def test_every_number_on_the_terminal_stands_in_the_json(verb: Verb, faces):
    seen = faces(verb)
    assert unmatched(own(seen.lines), seen.data, HEADS.get(verb.name, ())) == []


@each(*(verb for verb in VERBS if verb.page))
def test_every_number_on_a_page_stands_in_the_json(verb: Verb, faces):
    seen = faces(verb)
    assert unmatched(own(seen.page), seen.data) == []


@each(*(verb for verb in VERBS if verb.python))
def test_python_and_json_give_the_same(verb: Verb, faces, folder):
    assert verb.python is not None
    assert differences(strict(verb.python(folder)), faces(verb).data) == []


def own(texts: Iterable[str]) -> list[str]:
    """Texts without what is derived from the numbers in them; what is left of a whole may stand in the next cell."""
    texts = [text.strip() for text in texts]
    before = ["", *texts]
    return [
        DERIVED.sub("", text) for text, head in zip(texts, before, strict=False) if head not in ("free", "all else")
    ]


HOW = ("command", "call", "date")
"""What of a provenance differs between faces, and between days."""


def differences(mine: Any, printed: Any, at: str = "") -> list[str]:
    """Where what Python gives is not in what JSON says, which may say more."""
    if isinstance(mine, Mapping):
        if not isinstance(printed, Mapping):
            return [at]
        keys = [key for key in mine if key not in HOW]
        return [each for key in keys for each in differences(mine[key], printed.get(str(key)), f"{at}.{key}")]
    if isinstance(mine, list | tuple):
        if not isinstance(printed, list) or len(mine) != len(printed):
            return [at]
        pairs = zip(mine, printed, strict=True)
        return [each for i, pair in enumerate(pairs) for each in differences(*pair, f"{at}[{i}]")]
    return [] if mine == printed else [f"{at}: {mine!r} in Python, {printed!r} as JSON"]
