"""The page that every result has: whole, self-contained, with its JSON; and its picture under other endings."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

import froude
from froude.answers.registry import answer_of
from pages import Page
from results import RESULTS, planted_fit

pytest_plugins = ["door"]

QUICK = ("forecast", "difference", "published fit", "registration", "law", "machine", "model", "infeasible", "record")
"""Results whose pages are written in a moment."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in RESULTS if name != "plan"],
)
def test_the_page_of_a_result_is_whole_and_holds_its_json(name: str, tmp_path: Path) -> None:
    result = RESULTS[name]()
    text = froude.write_page(result, tmp_path / "page.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.unbalanced == []
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"}
    if name.startswith(("report", "fit report", "growth")):
        return  # which have pages of their own
    (printed,) = re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.S)
    mine, there = answer_of(result).to_dict(), json.loads(html.unescape(printed))
    assert {**flat(mine), "provenance": None} == {**flat(there), "provenance": None}


def flat(data: Any) -> dict[str, Any]:
    """JSON without how it was made, as text, in which NaN equals itself."""
    first = data[0] if isinstance(data, list) else data
    return {key: json.dumps(value) for key, value in first.items()}


@pytest.mark.parametrize(("kind", "begins"), [("pdf", b"%PDF"), ("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_another_ending_writes_the_picture(kind: str, begins: bytes, tmp_path: Path) -> None:
    forecasts = [planted_fit().predict(N=N, D=1e12) for N in (7e9, 7e10)]
    assert froude.write_page(forecasts, tmp_path / f"picture.{kind}").read_bytes().startswith(begins)


def test_a_result_without_a_picture_has_a_page_and_no_figure(tmp_path: Path) -> None:
    record = froude.atlas_record("kivi")
    assert "<figure" not in froude.write_page(record, tmp_path / "kivi.html").read_text(encoding="utf-8")
    with pytest.raises(froude.InputError, match="Record has no picture"):
        froude.write_page(record, tmp_path / "kivi.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["kivi.html"]


def test_a_page_of_another_ending_is_wrong_usage_before_anything_is_read(refused, tmp_path: Path) -> None:
    line = refused("optimal", tmp_path / "none.csv", "--at", "C=1e21", "--page", "page.txt", code=2)
    assert "'page.txt' names no page and no figure: let it end in .html, .pdf, .svg, .png" in line
