"""Pages as a browser shows them: on a wide screen and on phones, light and dark, on paper, with everything unfolded."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import froude
import results
from browsers import chromium
from froude.answers.growth import answer_of_growth
from froude.growth import RowClaim
from froude.reporting import write_page, write_report
from froude.reporting.growth.page import growth_page
from froude.reporting.plan.page import plan_page
from froude.reporting.sheet import write_html
from froude.runs import Study
from grown import planted_growth
from made_plans import FLAT, MODEL, PIPED, POINTS, infeasible, planned
from pages import Page
from paths import ROOT
from piloted import advance, forecast, plant, train

pytestmark = pytest.mark.slow

PROBE = (ROOT / "tests" / "support" / "probe.js").read_text(encoding="utf-8")

COLOUR_WORDS = re.compile(r"\b(orange|red|blue|teal|green|gr[ae]y|black|white|dark(er)?|light(er)?|colou?rs?)\b", re.I)


def of_study(stage: str) -> Callable[[Path], Path]:
    """What writes the page of a planted study at a stage."""
    return lambda folder: write_report(advance(plant(folder), stage))


def of_troubled_study(folder: Path) -> Path:
    """The page of a study with runs that diverged and one far off the law, all of them named in warnings."""
    study = advance(plant(folder), "checked")
    lost = [train(study, width, 1_200_000, np.nan) for width in (40, 48)]
    off = str(study.runs()["id"][0])
    named = ", ".join(f"row {i} ({id})" for i, id in enumerate(lost))
    warnings = [f"2 runs diverged and were left out: {named}", f"1 run lies far off the law: row 3 ({off})"]
    study.write_json("forecast.json", forecast() | {"warnings": warnings})
    return write_report(study)


def of_old_study(folder: Path) -> Path:
    """The page of a study of 0.1.0, from a copy."""
    return write_report(Study.open(shutil.copytree(ROOT / "tests" / "fixtures" / "study_0_1_0", folder)))


def of_growth(folder: Path) -> Path:
    """The page of growth with a claim."""
    claim = RowClaim(row="fasterpam", holds=lambda result: {"steep grows": True, "the moon is a cheese": False})
    answer = answer_of_growth(planted_growth(claims=(claim,)))
    return write_html(folder.with_suffix(".html"), growth_page(answer, {"experiment": "a <planted> file"}))


def of_plan(plan: Any) -> Callable[[Path], Path]:
    """What writes the page of a plan."""
    return lambda folder: write_html(folder.with_suffix(".html"), plan_page(plan(), model=MODEL))


def of_fit(folder: Path) -> Path:
    """The page of a table of runs, with a diverged one and two forecasts."""
    at = [{"N": 7e10, "D": 1.4e12}, {"N": 2e10, "D": 4e11}]
    return write_report(results.runs(), folder.with_suffix(".html"), at, draws=50)


def of_result(result: Callable[[], Any]) -> Callable[[Path], Path]:
    """What writes the page that results have which have none of their own."""
    return lambda folder: write_page(result(), folder.with_suffix(".html"))


def of_rule(folder: Path) -> Path:
    """The page of a sweep."""
    return write_report(results.sweep(), folder.with_suffix(".html"), law="step-law-lr", draws=50)


LOSS = {"loss": 2.125, "unit": "nats/token", "interval": None, "level": None, "law": "chinchilla:besiroglu-2024"}
PAGES: dict[str, Callable[[Path], Path]] = {
    "study before its forecast": of_study("planned"),
    "study": of_study("checked"),
    "troubled study": of_troubled_study,
    "study of 0.1.0": of_old_study,
    "plan": of_plan(lambda: planned(PIPED, forecast=LOSS, front=POINTS)),
    "flat plan": of_plan(lambda: planned(FLAT)),
    "infeasible plan": of_plan(infeasible),
    "growth": of_growth,
    "fit": of_fit,
    "rule": of_rule,
    "forecasts": of_result(lambda: [results.planted_fit().predict(N=N, D=1e12) for N in (7e9, 7e10)]),
    "forecast by constants": of_result(lambda: froude.predict("chinchilla:besiroglu-2024", N=7e9, D=1e12)),
    "difference": of_result(results.RESULTS["difference"]),
    "optimal": of_result(results.RESULTS["compute optimal"]),
    "comparison": of_result(results.comparison),
    "ranking": of_result(results.ranking),
    "registered forecasts": of_result(lambda: [results.registration(), results.registration()]),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a page, written once."""
    folder, paths = tmp_path_factory.mktemp("pages"), dict[str, Path]()

    def path_of(name: str) -> Path:
        if name not in paths:
            paths[name] = PAGES[name](folder / name.replace(" ", "-"))
        return paths[name]

    return path_of


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for all tests of this file."""
    yield from chromium()


def shown(browser: Any, path: Path, width: int, scheme: str = "light", media: str = "screen") -> Any:
    """A page as it is shown, with all that is folded unfolded."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.emulate_media(media=media)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert requests == [path.as_uri()]
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 700, 400])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_legible_at_every_width(
    browser: Any, written: Callable[[str], Path], name: str, width: int, scheme: str
) -> None:
    page = shown(browser, written(name), width, scheme)
    assert page.evaluate(PROBE) == []
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_printed_page_keeps_to_its_paper_in_light_colours(
    browser: Any, written: Callable[[str], Path], name: str
) -> None:
    page = shown(browser, written(name), 720, "dark", "print")
    assert page.evaluate(PROBE) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 252, 249)"
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_word_of_a_page_names_a_colour(written: Callable[[str], Path], name: str) -> None:
    text = Page(written(name).read_text(encoding="utf-8")).text
    assert COLOUR_WORDS.findall(text) == []


def test_a_warning_leads_to_the_runs_row_and_the_row_back(browser: Any, written: Callable[[str], Path]) -> None:
    page = shown(browser, written("troubled study"), 400)
    page.click("text=read them")
    for number, runs in enumerate((2, 1), start=1):
        links = page.query_selector_all(f"#warning-{number} a")
        assert len(links) == runs
        for link in links:
            row = page.query_selector(link.get_attribute("href"))
            assert "named" in row.get_attribute("class")
            assert row.query_selector(f'a[href="#warning-{number}"]').inner_text() == str(number)
            assert link.inner_text() == "run " + row.query_selector("code").inner_text()
            plain = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert row.query_selector("th").evaluate("one => getComputedStyle(one).backgroundColor") != plain
    assert len(page.query_selector_all("tr.named")) == 3
    page.close()


def test_only_the_law_with_the_largest_share_is_bold(browser: Any, written: Callable[[str], Path]) -> None:
    page = shown(browser, written("study of 0.1.0"), 1400)
    rows = page.query_selector_all('[aria-label="table: Laws tried"] tbody tr')
    weights = [row.query_selector("td").evaluate("one => getComputedStyle(one).fontWeight") for row in rows]
    colours = {row.query_selector("td").evaluate("one => getComputedStyle(one).color") for row in rows}
    assert len(rows) > 2
    assert [int(weight) > 500 for weight in weights] == [True, *[False] * (len(rows) - 1)]
    assert len(colours) == 1
    page.close()


def test_why_a_layout_lost_is_readable_on_a_phone(browser: Any, written: Callable[[str], Path]) -> None:
    page = shown(browser, written("plan"), 400)
    for cell in page.query_selector_all("tr.detail td"):
        box = cell.bounding_box()
        assert 0 < box["x"] < box["x"] + box["width"] <= 400
        assert box["width"] > 250
    page.close()
