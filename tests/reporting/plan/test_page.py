"""The page of a plan: whole, self-contained, and true to the plan's own numbers."""

import json
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import froude
from froude.answers.costs import memory_table, step_table
from froude.answers.plans import answer_of_plan
from froude.cost.machine.known_machines import get_machine
from froude.cost.training.evaluation import evaluate
from froude.cost.training.layout import Layout, Precision
from froude.drawing.bars import Swing, percent_change, tornado
from froude.drawing.paints import MEMORY_PARTS, STEP_PARTS
from froude.drawing.plans import front_view
from froude.drawing.timelines import Span, Strip, timeline
from froude.errors import InputError
from froude.planning.layouts.names import layout_label
from froude.planning.plans import candidate_of
from froude.quantity import format_bytes, format_seconds
from froude.reporting.plan.page import plan_page
from froude.reporting.plan.sensitivity import plan_sensitivities, with_fabric
from froude.reporting.plan.timeline import timeline_of
from froude.reporting.sheet import write_html
from froude.version import __version__
from made_plans import FLAT, MACHINE, MODEL, PIPED, POINTS, infeasible, planned
from pages import Page

SECTIONS = ["memory", "step", "timeline", "sensitivity", "runners-up", "assumed", "json"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The page of a pipeline with a front, of a layout without one, and of what is not possible."""
    folder = tmp_path_factory.mktemp("pages")
    loss = {"loss": 2.125, "unit": "nats/token", "interval": None, "level": None, "law": "chinchilla:besiroglu-2024"}
    law = planned(PIPED, forecast=loss, front=POINTS)
    written = {
        "pipeline": write_html(folder / "a.html", plan_page(law, model=MODEL)),
        "flat": write_html(folder / "b.html", plan_page(planned(FLAT), model=MODEL)),
        "infeasible": froude.write_page(infeasible(), folder / "c.html"),
    }
    return {name: path.read_text() for name, path in written.items()}


@pytest.mark.parametrize(
    ("name", "sections", "drawn"),
    [
        ("pipeline", [*SECTIONS[:3], "front", *SECTIONS[3:]], 6),
        ("flat", SECTIONS, 4),
        ("infeasible", ["memory", "assumed", "json"], 1),
    ],
)
def test_the_page_is_whole_html_that_needs_nothing_but_itself(
    pages: dict[str, str], name: str, sections: list[str], drawn: int
) -> None:
    html = pages[name]
    page = Page(html)
    assert page.unbalanced == []
    assert [a["id"] for tag, a in page.tags if tag == "section"] == sections
    assert sum(tag == "svg" and a.get("role") == "img" for tag, a in page.tags) == 2 * drawn  # wide, and for a phone
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "image"}
    assert "http:" not in html
    assert "https:" not in html
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_every_colour_of_a_picture_is_one_of_the_page_in_both_themes(pages: dict[str, str]) -> None:
    html = pages["pipeline"]
    pictures = re.findall(r"<svg.*?</svg>", html, re.S)
    assert [c for svg in pictures for c in re.findall(r"#[0-9a-fA-F]{6}\b", svg)] == []
    used = set(re.findall(r"var\((--\w+)\)", html))
    for theme in re.findall(r":root \{(.*?)\}", html, re.S):
        assert used <= set(re.findall(r"(--\w+):", theme))


def test_the_page_states_the_numbers_of_the_plan(pages: dict[str, str]) -> None:
    plan, text = planned(PIPED), Page(pages["pipeline"]).text
    for said in (
        *(format_seconds(plan.seconds), "$123k", "98.8 MWh", "100,000 steps", "2.1250"),
        *(format_seconds(plan.choice.step_seconds), format_bytes(plan.choice.memory_bytes)),
        *("slower by a planted amount", "planted reason", "$2.50 a <device> hour"),
    ):
        assert said in text, said


def test_the_page_of_what_is_impossible_says_why_and_the_least_change(pages: dict[str, str]) -> None:
    text = Page(pages["infeasible"]).text
    for said in ("No plan", "of 7 layouts none fits", "4096 devices would fit", "times as much", "a device has 80 GiB"):
        assert said in text, said


@pytest.mark.parametrize("name", ["flat", "infeasible"])
def test_the_twin_in_the_page_is_the_plan_for_programs(pages: dict[str, str], name: str) -> None:
    (shown,) = re.findall(r"<pre[^>]*>(.*?)</pre>", pages[name], re.S)
    made = planned(FLAT) if name == "flat" else infeasible()
    twin = json.loads(unescape(shown))
    assert twin.pop("provenance")["version"] == __version__
    assert twin == json.loads(json.dumps(made.to_dict()))


@pytest.mark.parametrize("title", ["Memory of a device", "A step", "Runners-up", "What binds", "What can be had"])
def test_the_page_holds_every_cell_of_the_answer(pages: dict[str, str], title: str) -> None:
    loss = {"loss": 2.125, "unit": "nats/token", "interval": None, "level": None, "law": "chinchilla:besiroglu-2024"}
    answer = answer_of_plan(planned(PIPED, forecast=loss, front=POINTS))
    text = Page(pages["pipeline"]).text
    table = answer.table(title)
    assert table.rows
    for cell in (*(cell for row in table.rows for cell in row), *table.details):
        assert cell in text, cell
    assert answer.headline in text
    assert all(fact.text in text for fact in answer.facts)


def test_listed_parts_add_up_to_the_step_and_to_the_memory() -> None:
    cost = candidate_of(MODEL, MACHINE, PIPED).cost
    for table in (step_table(cost), memory_table(cost, MACHINE)):
        assert sum(table.shares) == pytest.approx(1)
        assert sum(float(row[2].rstrip("%")) for row in table.rows) == pytest.approx(100, abs=len(table.rows) / 2)
    shown = {title: amount for title, amount, _ in memory_table(cost, MACHINE).rows}
    assert shown["context, communication buffers"] == format_bytes(float(cost.memory.context))
    assert shown["activations"] == format_bytes(float(cost.memory.activations))


def test_every_part_of_a_cost_has_a_name_and_a_colour() -> None:
    choice = candidate_of(MODEL, MACHINE, PIPED)
    assert set(STEP_PARTS) == set(vars(choice.cost.step))
    assert set(MEMORY_PARTS) == set(vars(choice.cost.memory))


@pytest.mark.parametrize(
    "layout", [PIPED, FLAT, replace(PIPED, interleave=1), replace(PIPED, interleave=1, schedule="gpipe")]
)
def test_the_timeline_takes_as_long_as_the_plans_step_without_waiting(layout: Layout) -> None:
    choice = candidate_of(MODEL, MACHINE, layout)
    strip = timeline_of(MODEL, MACHINE, choice)
    drawn = choice.step_seconds - choice.cost.step.waiting
    assert strip.seconds == pytest.approx(drawn, rel=0.02)  # what the closed form of pipelines is held to
    assert strip.rows == layout.pipeline
    for row in range(strip.rows):
        spans = sorted((s for s in strip.spans if s.row == row), key=lambda s: s.start)
        assert all(b.start >= a.end - 1e-9 for a, b in pairwise(spans))  # one thing at a time


def test_a_long_timeline_shows_its_beginning_and_its_end_alone() -> None:
    spans = tuple(Span(row=0, start=i, end=i + 1, colour="n3", number=str(i)) for i in range(100))
    drawn = timeline(Strip(spans=spans, rows=1, seconds=100.0, worked=100.0, shown=5.0), 840)
    numbers = {text.get_text() for text in drawn.axes[0].texts}
    assert {"0", "4", "95", "99", "⋯", "1.5 min more"} <= numbers
    assert not {"5", "50", "94"} & numbers


def test_of_many_stages_the_first_and_the_last_are_drawn() -> None:
    spans = tuple(Span(row=i, start=0, end=1, colour="n3") for i in range(64))
    strip = Strip(spans=spans, rows=64, seconds=1.0, worked=1.0, shown=1.0)
    for width, rows in ((840, 8), (350, 4)):
        said = {text.get_text() for text in timeline(strip, width).axes[0].texts}
        assert {"1", str(rows), "⋮", str(65 - rows), "64"} <= said
        assert not {str(rows + 1), str(64 - rows)} & said


def test_levers_are_what_the_cost_model_says_and_come_furthest_first() -> None:
    plan = planned(PIPED)
    found = plan_sensitivities(plan, MODEL)
    assert [one.reach for one in found] == sorted((one.reach for one in found), reverse=True)
    by_name = {one.name.split(":")[0]: one for one in found}
    slow = evaluate(MODEL, with_fabric(MACHINE, 0.5), PIPED).step_seconds / plan.choice.step_seconds
    assert by_name["fabric"].hi == pytest.approx(slow)
    assert by_name["fabric"].hi > 1 >= by_name["fabric"].lo
    assert (by_name["price"].lo, by_name["price"].hi) == pytest.approx((0.7, 1.3))
    assert "attention kernel" in by_name
    assert "compiled kernels" not in by_name  # the plan does not list it as assumed


def test_a_node_alone_has_no_fabric_to_move() -> None:
    machine = get_machine("8 x h100")
    layout = replace(FLAT, devices=8)
    plan = planned(FLAT, machine=machine, choice=candidate_of(MODEL, machine, layout))
    assert not [one for one in plan_sensitivities(plan, MODEL) if one.name.startswith("fabric")]


def test_swings_are_changes_and_what_does_not_move_is_not_drawn() -> None:
    assert [percent_change(x) for x in (1.124, 0.9957, 1.0001, 0.7, 1.0)] == ["+12%", "−0.4%", "0%", "−30%", "0%"]
    said = [t.get_text() for t in tornado([Swing(label="a", lo=1.0, hi=1.124)], 840).axes[0].texts]
    assert said == ["a", "+12%"]


@pytest.mark.parametrize(("aim", "best"), [("dollars", [100.0, 400.0]), ("days", [1e5 / 86400, 4e5 / 86400])])
def test_the_line_of_a_front_joins_what_nothing_beats_in_both(aim: str, best: list[float]) -> None:
    view = front_view(POINTS, planned(PIPED), aim)
    np.testing.assert_allclose(view.lines[0].x, best)
    np.testing.assert_allclose(view.lines[0].y, [2.5, 2.25])
    assert sum(len(points.x) for points in view.points) == 3
    assert [points.name for points in view.points] == ["8 devices", "16 devices"]
    assert view.marks == ()  # no loss is forecast


def test_a_layout_is_labelled_by_what_it_uses() -> None:
    assert layout_label(PIPED) == "TP 2 · PP 4×4 · ZeRO 1 · all blocks recomputed"
    assert layout_label(replace(FLAT, recompute="none", precision=Precision(matmuls="fp8"))) == "TP 2 · ZeRO 1 · fp8"
    assert layout_label(replace(PIPED, tensor=1, zero=0, recompute="none", micro_batch=2)) == "PP 4×4 · no ZeRO · MB 2"


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        froude.write_page(infeasible(), tmp_path)
