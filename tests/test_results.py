"""The contract of results: what public functions return shows itself, and can be pickled."""

import copy
import inspect
import json
import multiprocessing
import pickle
import sys
import typing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, is_dataclass
from html.parser import HTMLParser

import numpy as np
import pytest

import froude
from froude.answers.registry import answer_of
from froude.provenance import Computed
from froude.result import Result
from results import RESULTS

LONGEST, WIDEST = 25, 80
VOID = ("br", "img", "hr")


@pytest.fixture(scope="module", params=RESULTS)
def result(request: pytest.FixtureRequest) -> Result:
    """One sample of each kind of result."""
    return RESULTS[request.param]()


class Tags(HTMLParser):
    """The tags of a piece of HTML, and those left open or closed twice."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens a tag."""
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Closes the last one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keeps a text."""
        self.texts.append(data)


def parts_of(function: object) -> Iterator[type]:
    """The classes that a function says it returns, those in tuples, lists and unions too."""
    left = [typing.get_type_hints(function).get("return")]
    while left:
        one = left.pop()
        left += [part for part in typing.get_args(one) if part is not Ellipsis]
        if isinstance(one, type):
            yield one


def test_all_that_public_functions_return_is_a_result():
    functions = [getattr(froude, name) for name in froude.__all__ if inspect.isfunction(getattr(froude, name))]
    returned = {part for function in functions for part in parts_of(function)}
    ours = {part for part in returned if part.__module__.startswith("froude.")}
    assert len(ours) > 20
    # What is written into, a log, is no result.
    assert {part for part in ours if not issubclass(part, Result) and not hasattr(part, "__enter__")} == set()


def test_every_kind_of_result_has_an_answer_and_a_sample():
    bases = {*Result.__subclasses__(), *Computed.__subclasses__()} - {Computed}
    kinds = {kind for kind in bases if vars(sys.modules[kind.__module__])[kind.__name__] is kind}
    assert {kind for kind in kinds if kind not in answer_of.registry} == set()
    assert {kind.__name__ for kind in kinds} - {type(make()).__name__ for make in RESULTS.values()} == set()


def test_a_result_prints_a_short_table_of_its_answer(result):
    lines = repr(result).splitlines()
    assert len(lines) <= LONGEST
    assert [line for line in lines if len(line) > WIDEST and len(line.split()) > 1] == []
    assert not any(part in repr(result) for part in ("<froude", "mappingproxy", "array(", "lambda"))
    shown = " ".join(repr(result).split())
    assert " ".join(answer_of(result).headline.split()) in shown


def test_a_notebook_gets_one_element_that_loads_nothing(result):
    tags = Tags(result._repr_html_())
    assert tags.open == []
    assert tags.seen <= {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert answer_of(result).headline in "".join(tags.texts)


def test_texts_of_an_answer_are_escaped_in_a_notebook():
    runs = froude.Runs.from_columns({"N": [1e6], "D": [1e8], "<b>&": ["<script>alert(1)</script>"]})
    html = runs._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_summary_is_all_that_the_terminal_says(result):
    answer = answer_of(result)
    said = "".join(result.summary().split())
    sentences = [
        answer.headline,
        *answer.warnings,
        *answer.notes,
        *(cell for t in answer.tables for r in t.rows for cell in r),
    ]
    assert [text for text in sentences if len(text) < 20 and "".join(text.split()) not in said] == []


def test_the_summary_is_what_the_command_prints_into_a_pipe(capsys, monkeypatch):
    from froude.cli import run

    monkeypatch.delenv("COLUMNS", raising=False)
    assert run(["machine", "show", "h100"]) == 0
    assert capsys.readouterr().out == froude.get_machine("h100").summary() + "\n"


def test_a_function_that_no_other_process_finds_says_so_when_called():
    again = pickle.loads(pickle.dumps(RESULTS["growth"]()))
    with pytest.raises(froude.InputError, match="was not pickled with its experiment"):
        again.experiment.prepare(10, None)


def test_a_long_table_says_how_many_rows_are_left_out():
    runs = RESULTS["runs"]()
    assert "… and 26 more" in repr(runs)
    assert "… and 26 more" in runs._repr_html_()
    assert "… and" not in runs.summary()


def test_to_dict_is_json_and_the_data_of_the_answer(result):
    from froude.answers.strict_json import strict

    data = answer_of(result).to_dict()
    (data,) = data if isinstance(data, list) else (data,)
    assert json.loads(json.dumps(strict(result.to_dict()), allow_nan=False))
    assert {key: value for key, value in strict(data).items() if key in result.to_dict()} == strict(result.to_dict())


def test_a_result_is_pickled_and_copied_whole(result):
    if isinstance(result, froude.Experiment | froude.GrowthResult):  # what they call may be found by no name
        assert repr(pickle.loads(pickle.dumps(result))) == repr(result)
        return
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert type(again) is type(result)
        assert differing(again, result) == []


@pytest.mark.slow  # another process imports all that the results are made of
def test_results_pass_to_a_spawned_process_and_back():
    results = [make() for name, make in RESULTS.items() if name not in ("experiment", "growth")]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        again = list(pool.map(copy.copy, results))
    assert [differing(there, here) for there, here in zip(again, results, strict=True)] == [[]] * len(results)


def differing(one: object, other: object, at: str = "") -> list[str]:
    """Where two values differ, in fields of dataclasses, items of collections and elements of arrays."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return (
            []
            if np.array_equal(np.asarray(one), np.asarray(other), equal_nan=np.asarray(one).dtype.kind == "f")
            else [at]
        )
    if type(one) is not type(other):
        return [at]
    if is_dataclass(one) and not isinstance(one, type) and not isinstance(one, froude.Law):
        pairs = {field.name: (getattr(one, field.name), getattr(other, field.name)) for field in fields(one)}
    elif isinstance(one, typing.Mapping) and isinstance(other, typing.Mapping):
        if [*one] != [*other]:
            return [at]
        pairs = {str(key): (one[key], other[key]) for key in one}
    elif isinstance(one, tuple | list) and isinstance(other, tuple | list):
        if len(one) != len(other):
            return [at]
        pairs = {str(i): pair for i, pair in enumerate(zip(one, other, strict=True))}
    elif hasattr(one, "equals"):
        return [] if one.equals(other) else [at]  # pyright: ignore[reportAttributeAccessIssue]
    else:
        return [] if one == other or (one != one and other != other) else [at]
    return [each for name, pair in pairs.items() for each in differing(*pair, f"{at}.{name}")]
