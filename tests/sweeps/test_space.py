"""Spaces are what they say: all combinations of their parts, ladders by a factor, draws within their ends."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from froude import InputError
from froude.sweeps.expressions import evaluate
from froude.sweeps.space import read_space

TOML = """
[ladder]
width = {geometric = [64, 1024], steps = 5, multiple_of = 16}
[grid]
lr = [1e-3, 3e-3]
optimizer = "adamw"
[random]
draws = 3
seed = 4
decay = {log_uniform = [1e-3, 1e-1]}
heads = {choice = [2, 4]}
[derived]
N = "12 * 4 * width**2"
tokens = "20 * N"
"""


def test_a_space_is_all_combinations_of_its_parts(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(TOML)
    runs = read_space(tmp_path / "space.toml")
    assert len(runs) == 5 * 2 * 3
    assert {run["width"] for run in runs} == {64, 128, 256, 512, 1024}
    assert {(run["width"], run["lr"], run["decay"]) for run in runs} == {
        (width, lr, decay) for width in (64, 128, 256, 512, 1024) for lr in (1e-3, 3e-3) for decay in drawn(runs)
    }
    assert all(run["tokens"] == 960 * int(run["width"]) ** 2 for run in runs)
    assert runs == read_space(tmp_path / "space.toml")


def drawn(runs: Any) -> set[float]:
    """The values drawn at random."""
    return {run["decay"] for run in runs}


def test_sizes_of_a_ladder_are_a_factor_apart_and_come_once() -> None:
    widths = [float(run["width"]) for run in read_space({"ladder": {"width": {"geometric": [10, 1000], "steps": 9}}})]
    assert (widths[0], widths[-1]) == (10, 1000)
    assert [b / a for a, b in pairwise(widths)] == pytest.approx([100 ** (1 / 8)] * 8, rel=0.05)  # rounded to integers
    small = read_space({"ladder": {"layers": {"geometric": [1, 3], "steps": 20}}})
    assert [run["layers"] for run in small] == [1, 2, 3]
    real = read_space({"ladder": {"lr": {"geometric": [1e-4, 1e-2], "steps": 3}}})
    assert [run["lr"] for run in real] == pytest.approx([1e-4, 1e-3, 1e-2])


def test_draws_are_spread_as_they_say() -> None:
    dials = {"a": {"uniform": [0, 1]}, "b": {"log_uniform": [1e-4, 1]}, "c": {"integer": [1, 3]}}
    runs = read_space({"random": {"draws": 4000, **dials}})
    means = [np.mean([float(run["a"]) for run in runs]), np.mean([math.log10(float(run["b"])) for run in runs])]
    assert means == pytest.approx([0.5, -2], abs=0.08)  # five standard errors
    assert {run["c"] for run in runs} == {1, 2, 3}
    assert {run["a"] for run in read_space({"random": {"draws": 9, "seed": 1, **dials}})} & {
        r["a"] for r in runs
    } == set()


def test_rows_of_a_table_keep_their_names_and_come_once(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("width,params,optimizer\n64,1000,adam\n64,1000,adam\n128,4000,\n")
    assert read_space(tmp_path / "runs.csv") == (
        {"width": 64, "params": 1000, "optimizer": "adam"},
        {"width": 128, "params": 4000},
    )


EXPRESSIONS = {
    "12 * layers * width**2": 12 * 3 * 64**2,
    "round(20 * width / 7)": 183,
    "max(width // 16, 2) % 3": 1,
    "-(width - 4) + 2**-1": -59.5,
    "sqrt(width) * log2(width)": 48,
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_are_arithmetic(text: str) -> None:
    value = evaluate(text, {"width": 64, "layers": 3})
    assert value == EXPRESSIONS[text]
    assert isinstance(value, int) == isinstance(EXPRESSIONS[text], int) or "sqrt" in text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("__import__('os').system('true')", "is no arithmetic"),
        ("width.real", "is no arithmetic"),
        ("[width for width in (1, 2)]", "is no arithmetic"),
        ("(lambda: 1)()", "is no arithmetic"),
        ("9**9**9**9", "math range error"),
        ("1e200 * 1e200", "is no finite number"),
        ("widht * 2", "nothing is called 'widht', is it 'width'?"),
        ("name * 2", "name = 'a' is no number"),
        ("width / 0", "division by zero"),
        ("2 *", "does not parse"),
        ("1" + "+1" * 300, "at most 500"),
    ],
)
def test_what_is_no_arithmetic_is_refused(text: str, why: str) -> None:
    with pytest.raises(InputError, match=r"expression") as caught:
        evaluate(text, {"width": 64, "name": "a"})
    assert why in str(caught.value)


WRONG = {
    "gives two ends": (
        {"ladder": {"w": {"geometric": [4, 2], "steps": 3}}},
        "give two ends above 0, the smaller first",
    ),
    "two ladders": (
        {"ladder": {n: {"geometric": [1, 2], "steps": 2} for n in "ab"}},
        "give one, the others as derived",
    ),
    "two distributions": ({"random": {"draws": 1, "a": {"uniform": [0, 1], "choice": [1]}}}, "give one of log_uniform"),
    "no draws": ({"random": {"a": {"uniform": [0, 1]}}}, "draws is missing"),
    "an unknown key": ({"random": {"draws": 1, "a": {"unifrm": [0, 1]}}}, "is it 'uniform'?"),
    "set twice": ({"grid": {"a": 1}, "run": [{"a": 2}]}, "'a' is set by two parts of the space"),
    "derived and set": ({"grid": {"a": 1}, "derived": {"a": "2"}}, "is derived and set too"),
    "a list as a value": ({"grid": {"a": [[1, 2]]}}, "is no setting of a run"),
    "nothing": ({}, "has no runs"),
    "too many": (
        {"grid": {name: [*range(100)] for name in "abc"}},
        "has 1,000,000 runs: give a space of at most 100,000",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_space_that_cannot_be_is_refused_with_the_remedy(case: str) -> None:
    space, said = WRONG[case]
    with pytest.raises(InputError) as caught:
        read_space(space)
    assert said in str(caught.value)
