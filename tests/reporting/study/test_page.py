import json
import math
import re
import sys
from collections import Counter
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from froude.answers.numbers import loss_text, power_of_ten
from froude.answers.studies import read_study_record, sentences
from froude.answers.studies.sentences import flops_words
from froude.answers.studies.values import CURVES_DRAWN, drawn_trunks, flops_per_token, frontier, trunk_names
from froude.cost import Decoder
from froude.drawing.axes import log_ticks, spread
from froude.drawing.studies import curves_view, parameters_view, tokens_view
from froude.drawing.svg import without_font_families
from froude.errors import InputError
from froude.fitting import fit
from froude.reporting import write_report
from froude.reporting.study import page
from froude.runs import Runs, Study
from froude.version import __version__
from piloted import (
    LENGTHS,
    SHAPE,
    STAGES,
    TARGET_TOKENS,
    TARGET_WIDTH,
    WIDTHS,
    advance,
    at_target,
    forecast,
    plan,
    plant,
    planted_loss,
    result,
    train,
)

SECTIONS = ("headline", "curves", "tokens", "parameters", "frontier", "sure", "further", "runs", "repeat")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of one's own to change."""
    return plant(tmp_path / "pilot-planted")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page at every stage, for tests that only read it."""
    folder = tmp_path_factory.mktemp("stages")
    return {stage: write_report(advance(plant(folder / stage), stage)) for stage in STAGES}


@dataclass
class Page:
    """A parsed page: its tags with their attributes, its text, and the tags left open or closed too often."""

    tags: list[tuple[str, dict[str, str]]]
    text: str
    unbalanced: list[str]


def parse(path: Path) -> Page:
    page, texts, open_tags = Page(tags=[], text="", unbalanced=[]), [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            page.tags.append((tag, dict(attrs)))
            if tag not in ("meta", "br"):
                open_tags.append(tag)

        def handle_startendtag(self, tag: str, attrs: Any) -> None:
            page.tags.append((tag, dict(attrs)))

        def handle_endtag(self, tag: str) -> None:
            if not open_tags or open_tags.pop() != tag:
                page.unbalanced.append(tag)

        def handle_data(self, data: str) -> None:
            if not open_tags or open_tags[-1] != "style":
                texts.append(data)

    Reader().feed(path.read_text())
    page.unbalanced.extend(open_tags)
    page.text = re.sub(r"\s+", " ", " ".join(texts))
    return page


# The page as a document


@pytest.mark.parametrize("stage", STAGES)
def test_the_page_is_whole_html_with_every_section_at_every_stage(pages: dict[str, Path], stage: str) -> None:
    page = parse(pages[stage])
    assert page.unbalanced == []
    assert [a["id"] for tag, a in page.tags if tag == "section"] == list(SECTIONS)
    drawn = sum(tag == "svg" and a.get("role") == "img" for tag, a in page.tags)
    assert drawn == 2 * (8 if stage in ("forecast", "checked") else 4)  # each for a wide page and for a phone


@pytest.mark.parametrize("stage", STAGES)
def test_the_page_needs_nothing_but_itself(pages: dict[str, Path], stage: str) -> None:
    path = pages[stage]
    html, page = path.read_text(), parse(path)
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "image"}
    pointing = [v for _, a in page.tags for k, v in a.items() if k in ("src", "href", "srcset", "data")]
    assert [target for target in pointing if not target.startswith("#")] == []
    assert re.findall(r"url\((?!#)", html) == []


def test_every_id_is_unique_and_every_reference_has_its_id(pages: dict[str, Path]) -> None:
    path = pages["checked"]
    html, page = path.read_text(), parse(path)
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    used = {a["href"][1:] for _, a in page.tags if "href" in a} | set(re.findall(r"url\(#([^)]+)\)", html))
    assert used
    assert used <= set(ids)


def test_every_colour_and_font_of_a_picture_is_the_pages_own(pages: dict[str, Path]) -> None:
    html = pages["checked"].read_text()
    pictures = re.findall(r"<svg.*?</svg>", html, re.S)
    assert [c for svg in pictures for c in re.findall(r"#[0-9a-fA-F]{6}\b", svg)] == []
    assert "DejaVu" not in html  # nor does its text name a font of its own
    variables = set(re.findall(r"var\((--\w+)\)", html))
    for theme in re.findall(r":root \{(.*?)\}", html, re.S):
        assert variables <= set(re.findall(r"(--\w+):", theme))


# What it says


def test_the_page_states_the_numbers_of_the_documents(pages: dict[str, Path]) -> None:
    text = parse(pages["checked"]).text
    for words in (
        *("2.345", "2.222 to 2.468", "80% interval", "2.400"),  # forecast and target
        *("1.11%", "2.22%", "3.33%", "4.15%"),  # the parts, and what they add up to
        *("1.2%", "not held out", "2.456", "75%", "25%"),  # the laws
        *("0.150", "0.100 to 0.200", "0.015"),  # 10 and 100 times more
        *("0.18%", "0.47%", "the floor <E> is not identified"),
        *("froude pilot --minutes 7", "c0ffee" * 10, "1 MiB in 1744 files", "2 KiB in 19 files"),
        *("2026-11-21 22:31:47 UTC", "Difference Engine", "3.11.9", "11", "pilots 2 min, target 1 min"),
        *("400k, 800k, 1.6M", "4M"),  # the plan
    ):
        assert words in text, words


@pytest.mark.parametrize(("measured", "where"), [(2.4, "2.29% off, inside"), (2.5, "6.20% off, outside")])
def test_the_headline_says_whether_the_target_lies_inside(study: Study, measured: float, where: str) -> None:
    advance(study, "forecast")
    train(study, TARGET_WIDTH, TARGET_TOKENS, measured)
    text = re.sub(r"\s+([,:])", r"\1", parse(write_report(study)).text)
    assert f"Forecast 2.345, measured {loss_text(measured)}: {where} the interval." in text
    assert "the diamond what was measured" in text


def test_the_page_says_so_where_nothing_was_checked(study: Study) -> None:
    advance(study, "forecast")
    unchecked = {k: v for k, v in result().items() if k not in ("measured", "target_seconds", "validation_halving")}
    study.write_json("result.json", unchecked)
    text = parse(write_report(study)).text
    assert "the target has not been run yet" in text
    assert "diamond" not in text


def test_a_target_that_diverged_is_told_as_such(study: Study) -> None:
    advance(study, "forecast")
    train(study, TARGET_WIDTH, TARGET_TOKENS, math.nan)
    assert "the target diverged" in parse(write_report(study)).text


def test_every_run_is_in_the_table_with_its_loss(pages: dict[str, Path]) -> None:
    runs = Study.open(pages["checked"].parent).runs()
    rows = re.findall(r'<tr id="run-\w+"(?: class="[^"]*")?>.*?</tr>', pages["checked"].read_text())
    for id, N, loss in zip(runs["id"], runs["N"], runs["loss"], strict=True):
        name = ">target<" if at_target()["N"] == N else f"<code>{id[:8]}</code>"
        (row,) = (row for row in rows if name in row)
        assert f"<td>{loss_text(loss)}</td>" in row
    assert "10 finished runs" in parse(pages["checked"]).text


def test_a_diverged_run_is_marked_counted_and_in_no_picture_as_a_point(study: Study) -> None:
    advance(study, "planned")
    id = train(study, 40, 400_000, math.nan)
    path = write_report(study)
    row = re.search(rf'<tr id="run-{id[:8]}" class="([^"]*)">.*?</tr>', path.read_text())
    assert row is not None
    assert "quiet" in row[1]
    assert ">diverged<" in row[0]
    assert "1 pilot run diverged" in parse(path).text
    assert len(tokens_view(read_study_record(study)).points[0].x) == 9


def test_a_diverging_curve_squeezes_no_other_and_changes_no_colour(study: Study) -> None:
    before = curves_view(read_study_record(study))
    shared = {"width": 40, **SHAPE, "seed": 0, "lr": 9.0}
    with study.writer({**shared, "D": 400_000, "trunk": "wild"}) as writer:
        for step, loss in enumerate((5.5, 4.0, 3.0, 70.0, 9e9, math.inf), start=1):
            writer.step(step=step, tokens=60_000 * step, loss=loss)
        writer.finish(loss=math.nan, N=38_400, C=1e12)
    after = curves_view(read_study_record(study))
    assert max(line.y.max() for line in after.lines) <= max(5.5, *(line.y.max() for line in before.lines))
    for line in tokens_view(read_study_record(study)).lines:
        (points,) = after.points
        near = [
            c for x, y, c in zip(points.x, points.y, points.colours, strict=True) if (x, y) == (line.x[-1], line.y[-1])
        ]
        assert near == [line.colour]


def test_a_study_of_which_every_run_diverged_still_has_its_page(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "s", {})
    train(study, 16, 400_000, math.nan)
    assert "1 pilot run diverged" in parse(write_report(study)).text


def test_the_page_is_written_from_what_is_on_disk_now(study: Study) -> None:
    advance(study, "forecast")
    before = parse(write_report(study)).text
    study.write_json("forecast.json", forecast() | {"predicted": 2.3987})
    assert "2.399" not in before
    assert "2.399" in parse(write_report(study)).text


def test_the_foot_names_version_seed_and_the_hash_of_the_pilots(pages: dict[str, Path]) -> None:
    for stage in ("planned", "checked"):
        record, html = read_study_record(Study.open(pages[stage].parent)), pages[stage].read_text()
        foot = html[html.index("<footer>") :]
        assert f"Froude {__version__}" in foot
        assert f"data {record.pilots.sha256[:12]}" in foot or record.fit is not None
        assert "seed" in foot


def test_text_from_the_documents_is_never_markup(study: Study) -> None:
    advance(study, "planned")
    study.write_json("plan.json", plan() | {"command": "<script>alert(1)</script>"})
    page = parse(write_report(study))
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script>alert(1)</script>" in page.text


# What cannot be told


def test_a_study_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "empty", {})
    with pytest.raises(InputError, match="has no finished run"):
        write_report(study)
    assert not (study.path / "report.html").exists()


def test_a_damaged_document_is_refused_and_the_old_page_stays(study: Study) -> None:
    old = write_report(advance(study, "forecast")).read_text()
    (study.path / "forecast.json").write_text('{"predicted": 2.')
    with pytest.raises(InputError, match=r"forecast\.json' cannot be read .* makes it again"):
        write_report(study)
    assert (study.path / "report.html").read_text() == old


def test_a_page_that_cannot_be_written_is_one_line(study: Study) -> None:
    (study.path / "report.html").mkdir()
    with pytest.raises(InputError, match=r"cannot write .*report\.html"):
        write_report(study)
    assert list(study.path.glob(".report*")) == []


@pytest.mark.parametrize("missing", ["matplotlib.figure", "jinja2"])
def test_a_missing_library_is_named_with_the_line_that_installs_it(
    study: Study, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=re.escape("pip install 'froude[report]'")):
        write_report(study)


# What the pictures show


def test_the_law_drawn_through_the_points_is_the_planted_one(study: Study) -> None:
    story = read_study_record(advance(study, "forecast"))
    sizes = [Decoder(width=w, **SHAPE).n_non_embedding for w in WIDTHS]
    lines = [line for line in tokens_view(story).lines if line.role == "law"]
    for N, line in zip(sizes, lines, strict=True):
        np.testing.assert_allclose(line.y, [planted_loss(N, D) for D in line.x], rtol=0.004)  # noise of 0.1%


@pytest.mark.parametrize("view", [tokens_view, parameters_view])
def test_the_law_is_drawn_out_to_the_target_and_its_interval_ends_there(study: Study, view: Any) -> None:
    story = read_study_record(advance(study, "forecast"))
    (path,) = (line for line in view(story).lines if line.role == "path")
    at, fitted = story.target, story.fit
    assert at is not None
    assert fitted is not None
    there = fitted.predict(N=at.N, D=at.D)
    assert path.x[-1] == pytest.approx(at.D if view is tokens_view else at.N)
    assert (path.y[-1], path.lo[-1], path.hi[-1]) == pytest.approx((there.mean, there.lo, there.hi))


def test_runs_of_nearly_equal_tokens_are_drawn_as_one_length(study: Study) -> None:
    for width, tokens in ((40, 1_700_000), (48, 1_640_000), (40, 1_200_000)):
        train(study, width, tokens, planted_loss(Decoder(width=width, **SHAPE).n_non_embedding, tokens))
    lengths = {line.label: len(line.x) for line in parameters_view(read_study_record(study)).lines}
    assert lengths == {"400k bytes": 3, "800k bytes": 3, "1.6M bytes": 5}  # and a single run of 1.2M draws no line


def test_a_branch_is_drawn_only_from_where_it_leaves_its_trunk(study: Study) -> None:
    runs = study.runs()
    lines = [line for line in curves_view(read_study_record(study)).lines if line.role == "curve"]
    assert len(lines) == len(runs)
    for width, colour in zip(WIDTHS, dict.fromkeys(line.colour for line in lines), strict=False):
        whole, *branches = sorted((ln for ln in lines if ln.colour == colour), key=lambda ln: -ln.x[-1])
        assert whole.x[-1] == pytest.approx(max(LENGTHS), rel=0.05), width
        for branch, tokens in zip(branches, sorted(LENGTHS[:-1], reverse=True), strict=True):
            assert branch.x[0] == pytest.approx(0.8 * tokens, rel=0.05)
            assert np.interp(branch.x[0], whole.x, whole.y) == pytest.approx(branch.y[0], rel=0.01)
            assert branch.y[-1] < np.interp(branch.x[-1], whole.x, whole.y)


def test_the_frontier_of_a_study_without_a_target_is_the_closed_form(study: Study) -> None:
    made = fit("chinchilla", study.runs(), draws=20)
    made.save(study.path / "fit.json")
    story = read_study_record(study)
    C = np.array([1e12, 1e14])
    losses, sizes = frontier(story, made, C)
    p = made.params
    G = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    best = G * (C / 6) ** (p["beta"] / (p["alpha"] + p["beta"]))  # Hoffmann et al. 2022, eq. 4
    np.testing.assert_allclose(sizes, best, rtol=0.02)  # the search has steps of 1.6%
    np.testing.assert_allclose(losses, made.law(N=best, D=C / 6 / best, **p), rtol=1e-4)
    assert "6·N·D" in parse(write_report(study)).text


def test_flops_a_token_are_those_of_the_decoders_that_the_plan_names(study: Study) -> None:
    record = read_study_record(advance(study, "planned"))
    flops, words = flops_per_token(record), flops_words(record)
    for width in (8, 16, 64, 256):
        decoder = Decoder(width=width, **SHAPE)
        assert flops(decoder.n_non_embedding) == pytest.approx(decoder.training_flops_per_token, rel=1e-3)
    assert "2 layers" in words


def test_a_law_of_compute_alone_has_its_page_too(study: Study) -> None:
    advance(study, "planned")
    fit("power", study.runs(), x="C", draws=20).save(study.path / "fit.json")
    study.write_json("forecast.json", forecast())
    assert parse(write_report(study)).unbalanced == []


# Small parts


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12), st.floats(0.01, 30))
def test_labels_end_up_apart_in_their_order_and_move_only_where_they_must(places: list[float], gap: float) -> None:
    spaced = spread(places, gap)
    order = np.argsort(places, kind="stable")
    assert (np.diff(spaced[order]) >= gap * (1 - 1e-9) - 1e-9).all()
    assert spaced.mean() == pytest.approx(np.mean(places), abs=1e-6)
    np.testing.assert_allclose(spread(list(spaced), gap), spaced, atol=1e-6)


@given(st.floats(1e-3, 1e15), st.floats(1.5, 1e9), st.integers(2, 9))
def test_ticks_are_round_inside_the_axis_and_not_too_many(low: float, ratio: float, most: int) -> None:
    ticks = log_ticks(low, low * ratio, most)
    assert len(ticks) <= most
    assert ((ticks >= low * 0.998) & (ticks <= low * ratio * 1.002)).all()
    assert all(len(f"{tick:.1e}".split("e")[0].rstrip("0").rstrip(".")) <= 3 for tick in ticks)


def test_text_keeps_size_and_weight_and_loses_its_font() -> None:
    old = "<text style=\"font: 700 11.5px 'DejaVu Sans', sans-serif; text-anchor: end\">"
    new = "<text style=\"font-weight: 700; font-size: 11.5px; font-family: 'DejaVu Sans'; text-anchor: end\">"
    plain = "<text style=\"font: 12px 'DejaVu Sans', sans-serif; fill: #000\">"
    expected = '<text style="font-weight: 700; font-size: 11.5px; text-anchor: end">'
    assert [without_font_families(svg) for svg in (old, new)] == [expected, expected]
    assert without_font_families(plain) == '<text style="font-size: 12px; fill: #000">'


def test_compute_is_written_as_people_write_it() -> None:
    assert [power_of_ten(v) for v in (1e11, 4.364e11, 9.999e11, 2e-5)] == [
        "10¹¹",
        "4.36 × 10¹¹",
        "10¹²",
        "2 × 10⁻⁵",
    ]


def test_the_plan_in_the_page_is_the_plan_on_disk(pages: dict[str, Path]) -> None:
    (shown,) = re.findall(r"<pre[^>]*>(.*?)</pre>", pages["planned"].read_text(), re.S)
    assert json.loads(unescape(shown)) == plan()


def test_of_many_trainings_some_of_every_size_are_drawn_and_that_is_said(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 3 * CURVES_DRAWN
    runs = Runs.from_columns(
        {
            "id": [f"{7 * i % n:016x}" for i in range(n)],
            "N": np.repeat([1e6, 2e6, 4e6], n // 3),
            "D": np.geomspace(1e8, 1e9, n)[np.random.default_rng(0).permutation(n)],
            "loss": np.linspace(4, 3, n),
        }
    )
    drawn = drawn_trunks(runs)
    length = dict(zip(runs["id"], runs["D"], strict=True))
    assert len({*drawn}) == CURVES_DRAWN
    assert drawn == sorted(drawn, key=lambda id: -length[id])
    sizes = dict(zip(runs["id"], runs["N"], strict=True))
    assert Counter(sizes[id] for id in drawn) == dict.fromkeys((1e6, 2e6, 4e6), CURVES_DRAWN // 3)
    monkeypatch.setattr(sentences, "CURVES_DRAWN", 2)
    assert "training loss of 2 of 3 trainings, of all sizes, dots" in parse(write_report(study)).text


def test_a_run_that_names_no_training_is_its_own() -> None:
    runs = Runs.from_columns({"id": ["a", "b", "c"], "trunk": ["t", None, "t"], "N": [1e6] * 3, "D": [1e8, 3e8, 2e8]})
    assert trunk_names(runs).tolist() == ["t", "b", "t"]
    assert drawn_trunks(runs) == ["b", "t"]


def test_many_runs_are_folded_in_groups_with_every_run_in_one(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_report(advance(study, "checked")).read_text()
    monkeypatch.setattr(page, "RUNS_UNFOLDED", 4)
    folded = parse(write_report(study))
    assert folded.unbalanced == []
    ids = re.findall(r'id="(run-\w+)"', whole)
    assert len(ids) == 10
    assert [a["id"] for tag, a in folded.tags if tag == "tr" and "id" in a] == ids
    titles = re.findall(r"<summary>(Runs [\d, to]+):", (study.path / "report.html").read_text())
    assert titles == ["Runs 1 to 4", "Runs 5 to 8", "Runs 9 to 10"]
    assert "Runs 1 to" not in whole
