"""The document on all laws and its pictures: written from the laws, true to them, and fit to look at."""

import importlib
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from froude.answers.law_texts import by_family, published_constants, variants
from froude.drawing.laws import Drawing, can_be_drawn, drawing, figure_of, has_picture, law_points
from froude.drawing.svg import svg
from froude.laws import Law, all_laws, get_law
from froude.quantity import parse_assignments
from froude.reporting.laws.document import document, write_documents
from paths import ROOT

DOCS = ROOT / "docs"
REMEDY = "the laws have changed: give `froude laws --docs docs` in the repository"
DRAWN = [pytest.param(law, id=law.name) for law in all_laws() if can_be_drawn(law)]
LIGHT_BYTES = 25_000


@pytest.fixture(scope="module")
def text() -> str:
    """The document on all laws, written now."""
    return document(all_laws())


def section(text: str, law: Law) -> str:
    """What the document says of a law."""
    return text.partition(f"\n### {law.name}\n")[2].partition("\n### ")[0].partition("\n## ")[0]


def test_the_document_in_the_repository_is_what_the_laws_say(text):
    assert (DOCS / "laws.md").read_text() == text, REMEDY


def test_the_repository_holds_exactly_one_picture_a_law():
    names = {f"{law.name}.svg" for law in all_laws() if has_picture(law)}
    there = {path.name for path in (DOCS / "laws").iterdir()}
    assert names - there == set(), REMEDY
    assert there - names == set(), "pictures of laws that are no more: delete them"


def test_the_document_and_its_pictures_are_the_same_bytes_each_time(tmp_path):
    laws = [get_law(name) for name in ("chinchilla", "power-lr")]
    first, second = (write_documents(laws, tmp_path / name) for name in ("a", "b"))
    assert [path.relative_to(tmp_path / "a") for path in first] == [path.relative_to(tmp_path / "b") for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_every_law_has_a_picture():
    assert all(has_picture(law) for law in all_laws())
    for name in ("annealing", "multi-power", "root-annealing"):
        constant, cosine, late = (curve.y for curve in drawing(get_law(name)).curves)
        assert late[-1] < constant[-1]
        assert cosine[-1] < constant[-1]
        np.testing.assert_allclose(late[:60], constant[:60])  # nothing has happened yet


def test_every_link_of_the_document_leads_somewhere(text):
    heads = {head.lower().replace(" ", "-") for head in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert {link for link in links if link.startswith("#")} <= {f"#{head}" for head in heads}
    assert {f"#{law.name}" for law in all_laws()} | {f"#family-{name}" for name in by_family(all_laws())} <= {*links}
    assert {link for link in links if link.endswith(".svg")} == {
        f"laws/{law.name}.svg" for law in all_laws() if has_picture(law)
    }


@pytest.mark.parametrize("law", all_laws(), ids=lambda law: law.name)
def test_the_document_says_of_a_law_its_constants_doubts_and_test_numbers(text, law):
    passage = section(text, law)
    assert all(part in passage for part in (law.about, law.wrong_when))
    assert any(f"```math\n{variant.latex}\n```" in passage for variant in variants(law))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in passage.splitlines() if line.startswith("| ")]
    for each in published_constants(law):
        row = next(row for row in rows if row[0] == each.name and (not law.choices or row[1] == each.x))
        numbers = [f"{value:.6g}" for value in each.values.values()]
        assert [cell for cell in row if cell in numbers] == numbers
        assert each.doubt in row or not each.doubt
    for variant in variants(law):
        for example in variant.examples:
            assert any(row[0] == example.constants and row[2] == example.gives for row in rows)
    assert published_constants(law) or "No constants are published." in passage


@pytest.mark.parametrize("law", all_laws(), ids=lambda law: law.name)
def test_a_formula_can_be_typeset(law):
    from matplotlib.mathtext import MathTextParser

    assert MathTextParser("path").parse(f"${law.latex}$").width > 0


def named_values(label: str) -> dict[str, float]:
    """The assignments of a label or caption; 3.2 × 10⁻⁸ is written with an e first."""
    plain = label.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
    return parse_assignments(re.sub(r"(?:([\d.]+) × |\b)10(-?\d+)\b", lambda m: f"{m[1] or 1}e{m[2]}", plain))


@pytest.mark.parametrize("law", DRAWN)
def test_the_lines_of_a_picture_are_the_law_at_its_labels(law):
    shown = drawing(law)
    taken, (x, *_) = shown.law, shown.law.inputs
    lines = figure_of(shown).axes[0].lines
    assert (shown.x[0], shown.x[-1]) == pytest.approx(taken.domain[x])
    assert len(lines) == len(shown.curves)
    for line, curve in zip(lines, shown.curves, strict=True):
        labelled = named_values(curve.label) if curve.label else {}
        constants = taken.published[shown.name] if shown.name else curve.constants
        at = {**shown.at, **{name: value for name, value in labelled.items() if name in taken.inputs}}
        assert labelled.items() <= {**constants, **at}.items()
        expected = taken(**{x: shown.x}, **constants, **at)
        np.testing.assert_array_equal(line.get_xdata(), shown.x)
        np.testing.assert_allclose(np.asarray(line.get_ydata()), expected, rtol=1e-12)
        assert all(f"{name} = " in shown.caption for name in (*constants, *shown.at))
        assert all(f"{value:.6g}" in shown.caption for value in constants.values())


@pytest.mark.parametrize("law", DRAWN)
def test_a_picture_is_light_and_no_word_lies_over_another(law):
    figure = figure_of(drawing(law))
    data = svg(figure, law.name)
    assert len(data) < LIGHT_BYTES
    assert ElementTree.fromstring(data).get("width") == f"{figure.bbox.width:g}"
    (axes,) = figure.axes
    labels = [*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label]
    boxes = [text.get_window_extent().padded(-1) for text in labels if text.get_text()]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert all(figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_law_is_drawn_over_the_input_whose_constants_are_published():
    shown: Drawing = drawing(get_law("power"))
    assert (shown.law.inputs, shown.name) == (("C",), "kaplan-2020")
    assert shown.caption == "Drawn under kaplan-2020: A = 35.2384, alpha = 0.057."


def test_dots_of_a_picture_are_rows_of_the_published_table(monkeypatch, tables):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    measured = importlib.import_module("law_points").law_points()
    assert measured == dict(law_points()), "the tables or pictures have changed: run benchmarks/law_points.py"
    assert {"multi-power", "overtrained"} <= {*measured}
    for name, each in measured.items():
        shown = drawing(get_law(name))
        (axes,) = figure_of(shown).axes
        dots = [np.asarray(marks.get_offsets()) for marks in axes.collections]
        for group, places in zip(each["groups"], dots, strict=True):
            np.testing.assert_array_equal(places.T, [group["x"], group["y"]])
        assert each["licence"].startswith(("MIT", "Apache-2.0"))
        assert each["table"] in shown.caption


def test_published_constants_lie_near_the_runs_they_are_drawn_with():
    shown = drawing(get_law("multi-power"))
    curves = {curve.label: curve.y for curve in shown.curves}
    groups = law_points()["multi-power"]["groups"]
    errors = [np.interp(group["x"], shown.x, curves[group["curve"]]) / group["y"] - 1 for group in groups]
    assert np.abs(np.concatenate(errors)).mean() < 0.0011  # as its authors state for this model


def test_a_law_without_constants_is_drawn_for_a_few_values():
    shown = drawing(get_law("power-lr"))
    assert shown.caption.startswith("Drawn with k = ")
    assert shown.caption.endswith(": values from which a fit might start.")
    assert [curve.label.partition(" = ")[0] for curve in shown.curves] == ["p", "p", "p"]
    # A scale moves the line and bends nothing, so that it is not what lines differ by.
    middle = [curve.y[len(shown.x) // 2] for curve in shown.curves]
    assert middle == pytest.approx([middle[0]] * 3, rel=0.1)


def test_further_inputs_stand_in_the_middle_of_their_domain():
    shown = drawing(get_law("kaplan-trajectory"))
    low, high = shown.law.domain["B"]
    assert shown.at["B"] == pytest.approx(np.sqrt(low * high), rel=0.05)
    assert shown.caption.endswith(", at B = 350k.")


def test_a_law_of_a_whole_history_is_told_of_without_a_picture():
    from dataclasses import replace

    law = get_law("chinchilla")
    unbounded = replace(law, domain={"N": law.domain["N"]})
    assert can_be_drawn(law)
    assert not can_be_drawn(unbounded)
    assert "![" not in document([unbounded])
    assert "D in tokens\n" in document([unbounded])
