"""The page of growth: whole, self-contained, and true to what was measured."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from froude.answers.growth import answer_of_growth, crossing_sentence
from froude.answers.growth_views import view_of
from froude.drawing.colours import COLOURS
from froude.drawing.growth import binary_ticks, growth_chart
from froude.growth import Crossing, GrowthResult, RowClaim, analyse_timings
from froude.growth.command import Command
from froude.reporting.growth.page import growth_page
from grown import MACHINE, planted_growth
from pages import Page

pytest_plugins = ["door"]

MADE = {"experiment": "a <planted> file", "kept in": "a folder"}


def holds(result: GrowthResult) -> Mapping[str, bool]:
    """Two statements, one of them false."""
    return {f"steep has exponent {result.growth('steep').exponent:.2f} & more": True, "the moon is a cheese": False}


def page_of(result: GrowthResult) -> str:
    """The page of a result."""
    return growth_page(answer_of_growth(result), MADE)


@pytest.fixture(scope="module")
def html() -> str:
    """The page of a whole experiment with a claim of the atlas and one of a row that it lacks."""
    pytest.importorskip("matplotlib")
    claims = (RowClaim(row="fasterpam", holds=holds), RowClaim(row="no-such-row", holds=lambda f: {}, shows="modelled"))
    return page_of(planted_growth(claims=claims))


def test_the_page_is_whole_html_that_needs_nothing_but_itself(html):
    page = Page(html)
    assert page.unbalanced == []
    sections = [a["id"] for tag, a in page.tags if tag == "section"]
    assert sections == ["time", "memory", "quality", "claims", "measured"]
    assert sum(tag == "svg" and a.get("role") == "img" for tag, a in page.tags) == 6  # wide, and for a phone
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "image"}
    assert "http:" not in html
    assert "https:" not in html
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_every_colour_of_a_picture_is_one_of_the_page_in_both_themes(html):
    pictures = re.findall(r"<svg.*?</svg>", html, re.S)
    assert [c for svg in pictures for c in re.findall(r"#[0-9a-fA-F]{6}\b", svg)] == []
    used = set(re.findall(r"var\((--\w+)\)", html))
    for theme in re.findall(r":root \{(.*?)\}", html, re.S):
        assert used <= set(re.findall(r"(--\w+):", theme))


def test_the_page_says_what_was_expected_found_and_where(html):
    answer, text = answer_of_growth(planted_growth()), Page(html).text
    sentences = ["Slow start < steep", "Expected: exponents 1 and 2.", MACHINE, "2026-01-01 to 2026-01-03"]
    sentences += [*MADE.values(), answer.headline, *answer.warnings, *(text for _, text in answer.facts)]
    sentences += [cell for table in answer.tables for row in table.rows for cell in row]
    assert [one for one in sentences if one not in text] == []


def test_a_claim_stands_with_its_paper_and_each_statement(html):
    text = Page(html).text
    assert "fasterpam: not shown" in text
    assert "Faster k-Medoids Clustering: Improving the PAM, CLARA, and CLARANS Algorithms: " in text
    assert "✓ steep has exponent 2.0" in text
    assert "✗ the moon is a cheese" in text
    assert "no-such-row: shown in part" in text


def test_a_page_without_quality_and_claims_lacks_their_sections():
    pytest.importorskip("matplotlib")
    page = Page(page_of(planted_growth(quality=False)))
    assert [a["id"] for tag, a in page.tags if tag == "section"] == ["time", "memory", "measured"]


def test_the_picture_shows_repetitions_fitted_curve_and_crossing():
    result = planted_growth()
    view = view_of(result, "time")
    (crossing,) = view.crossings
    assert crossing.size == result.crossings[0].size == pytest.approx(1000, rel=0.1)
    assert crossing.seconds == pytest.approx(1e-5 * crossing.size, rel=0.1)
    assert crossing.label == f"n = {crossing.size:.3g}"
    assert [each.x.size for each in view.series] == [15, 15]
    for each in view.series:
        assert each.curve is not None
        assert each.curve.y == pytest.approx(result.growth(each.name).at(each.curve.x))
        assert (each.curve.lo <= each.curve.hi).all()
        assert not each.curve.is_extrapolated
    assert [each.order for each in view.series] == [0, 1]


def test_curves_are_carried_on_to_a_crossing_near_by_and_not_to_a_far_one():
    near, far = (
        view_of(planted_growth(steep=1e-9), "time"),
        view_of(planted_growth(steep=1e-5 / 160_000), "time"),
    )  # at 10 000, 160 000
    assert [round(one.size, -3) for one in near.crossings] == [10_000]
    curves = [each.curve for each in near.series if each.curve]
    assert [curve.measured_to for curve in curves] == [1600, 1600]
    assert [curve.x[-1] for curve in curves] == pytest.approx([near.crossings[0].size] * 2)
    assert far.crossings == ()
    assert [each.curve.x[-1] for each in far.series if each.curve] == pytest.approx([1600, 1600])


@pytest.mark.parametrize("measure", ["memory", "quality"])
def test_only_the_picture_of_time_has_crossings(measure):
    view = view_of(planted_growth(), measure)
    assert view.crossings == ()
    assert all(np.isfinite(each.y).all() for each in view.series)


@pytest.mark.parametrize(("low", "high", "places"), [
    (600, 1900, [768, 1024, 1536]), (2**10, 2**20, [2**10, 2**12, 2**14, 2**16, 2**18, 2**20]),
    (2**9, 2**12, [2**9, 2**10, 2**11, 2**12]),
])  # fmt: skip
def test_places_of_bytes_are_powers_of_two_or_halves_between(low, high, places):
    ticks = binary_ticks(low, high, 6).tolist()
    assert ticks == places or set(ticks) < set(places)
    assert len(ticks) >= 3


def test_a_picture_lies_within_its_axes_and_names_its_crossing():
    agg = pytest.importorskip("matplotlib.backends.backend_agg")
    for width in (840, 350):
        figure = growth_chart(view_of(planted_growth(), "time"), width)
        (axes,) = figure.axes
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        labels = [text for text in axes.texts if text.get_text().startswith("n = ")]
        assert len(labels) == 1
        box = labels[0].get_window_extent(agg.FigureCanvasAgg(figure).get_renderer())
        assert 0 <= box.x0 < box.x1 <= width
        assert labels[0].get_color() == COLOURS["ink"]


def test_values_that_differ_by_noise_do_not_fill_the_picture_of_memory():
    pytest.importorskip("matplotlib")
    result = planted_growth()
    flat = [replace(t, peak_bytes=1e6 + t.size) for t in result.timings if t.method == "steep"]
    (axes,) = growth_chart(view_of(analyse_timings(result.experiment, flat), "memory"), 840).axes
    low, high = axes.get_ylim()
    assert high / low >= 4
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["512 KiB", "768 KiB"]


def test_one_size_alone_has_a_page():
    pytest.importorskip("matplotlib")
    result = planted_growth()
    one = analyse_timings(result.experiment, [t for t in result.timings if t.size == 100 and t.method == "steep"])
    text = Page(page_of(one)).text
    assert "1 sizes, 4 are needed" in text
    assert "0 sizes, 4 are needed" in text


def test_methods_that_do_not_cross_are_compared_where_they_can_be():
    same = Crossing(first="a", second="b", kind="none")
    assert crossing_sentence(same, "n") == "a and b do not cross in this range; no size tells them apart"
    faster = replace(same, faster_above="b")
    assert crossing_sentence(faster, "n").endswith("range; b is faster at the largest size that tells them apart")


@pytest.mark.parametrize(("kind", "at"), [("none", ""), ("inside", " = 10;"), ("extrapolated", " = 10, ")])
def test_too_few_repetitions_for_a_crossing_are_said_and_give_no_interval(kind, at):
    few = Crossing(first="a", second="b", kind=kind, faster_above="b", size=10, lo=10, hi=10, repetitions=2)
    sentence = crossing_sentence(few, "n")
    assert sentence.endswith("; not sure, with fewer than 4 repetitions (2)")
    assert at in sentence
    assert "(10 to 10)" not in sentence
    assert "not sure" not in crossing_sentence(replace(few, repetitions=4), "n")


def test_days_and_repetitions_are_those_of_the_timings():
    result = planted_growth()
    one, most = (analyse_timings(result.experiment, some) for some in (result.timings[:1], result.timings[1:]))
    assert dict(answer_of_growth(one).facts)["timed"] == "2026-01-01"
    assert dict(answer_of_growth(result).facts)["repeated"].startswith("3 times")
    assert dict(answer_of_growth(most).facts)["repeated"].startswith("2 to 3 times")


def test_memory_of_a_command_is_called_what_it_is():
    pytest.importorskip("matplotlib")
    text = Page(page_of(planted_growth(program=Command(words=("true", "{n}"))))).text
    assert "resident memory of the process at its peak" in text
    assert "NumPy" not in text


FILE = """
from froude import growth

def holds(result):
    return {"NumPy is not slower": result.median("b", 4000, "cpu_seconds") > 0, "never": False}

EXPERIMENT = growth.Experiment(
    title="sums", source="a test", sizes=(1000, 2000, 4000), prepare=lambda size, rng: range(int(size)),
    methods={"a": sum, "b": lambda data: sum(x * x for x in data)},
    claims=(growth.RowClaim(row="strassen", holds=holds, shows="modelled"),),
)
"""


def test_the_command_prints_claims_and_remakes_the_page_from_the_study(cli, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "sums.py").write_text(FILE)
    words = ("grow", tmp_path / "sums.py", "--repeats", "1", "--study", tmp_path / "kept", "--page")
    first = cli(*words, tmp_path / "a.html")
    assert (first.code, first.err) == (0, "")
    assert "\nstrassen: not shown, not even in part\n" in first.out
    assert "✓  NumPy is not slower\n✗  never\n" in first.out
    assert first.out.endswith(f"written: {tmp_path / 'a.html'}\n")
    again = cli(*words, tmp_path / "b.html", "--json")
    assert f'"page": "{tmp_path / "b.html"}"' in again.out
    pages = [re.sub(r"froude grow [^·<]*", "", Path(tmp_path / name).read_text()) for name in ("a.html", "b.html")]
    assert pages[0] == pages[1]  # nothing was timed again
    assert "a.html" not in pages[0]


def test_a_page_that_cannot_be_written_is_refused_after_the_answer(cli, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "sums.py").write_text(FILE)
    done = cli("grow", tmp_path / "sums.py", "--repeats", "1", "--page", tmp_path / "sums.py" / "a.html")
    assert done.code == 1
    assert done.err.startswith("froude: cannot write")
    assert done.err.count("\n") == 1
    assert "not shown, not even in part" in done.out
