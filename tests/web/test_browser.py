"""The web application as a person uses it in Chromium: by mouse and by keyboard, on a wide screen and on a phone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import froude
from browsers import chromium, lacking
from froude.runs import Study
from webbed import fill_folder, served, start_run

pytestmark = pytest.mark.pages

AXE = "FROUDE_AXE"
"""The variable that names axe.min.js of the npm package axe-core, which no wheel and no tree carries."""

MOST_TABS = 200
SECONDS = 30_000
"""Milliseconds that a page may take to show something: a guard against hanging, and no measurement."""

LAW = "/law?path=runs.csv&law=chinchilla"
SERVING = "/serving?model=qwen2.5-0.5b&machine=8+x+h100&input=1000&output=100&load=8+users"
MAIN = {
    "studies": "/",
    "a study": "/study?path=pilots",
    "a table": "/study?path=runs.csv",
    "law, empty": "/law",
    "law": LAW,
    "optimal": "/optimal?path=fit.json&budget=1e23,1e24",
    "compare": "/compare?path=adam.csv&path=muon.csv&at=C%3D1e24&law=power-floor",
    "forecasts": "/forecasts",
    "plan": "/plan?machine=8+x+h100&model=qwen2.5-0.5b&tokens=1B",
    "serving": SERVING,
    "plan serving": "/plan-serving",
    "atlas": "/atlas?text=KV+cache",
    "a record": "/atlas?record=kivi",
    "an error": "/study?path=nowhere.csv",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_folder(tmp_path_factory.mktemp("web") / "folder")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for all tests of this file."""
    yield from chromium()


class Person:
    """Somebody at a page, who has a mouse or only a keyboard; nothing may fail on the page meanwhile."""

    def __init__(self, browser: Any, how: str, width: int, scheme: str = "light") -> None:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.how, self.page = how, context.new_page()
        self.page.set_default_timeout(SECONDS)
        self.failures: list[str] = []
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))
        self.page.on("console", lambda said: self.failures.append(said.text) if said.type == "error" else None)

    def focus(self, selector: str) -> None:
        """Goes to an element by Tab alone."""
        for _ in range(MOST_TABS):
            if self.page.evaluate("one => document.activeElement?.matches(one) ?? false", selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached by {MOST_TABS} times Tab")

    def press(self, selector: str) -> None:
        """Follows a link or presses a button."""
        if self.how == "mouse":
            self.page.locator(selector).first.click()
        else:
            self.focus(selector)
            self.page.keyboard.press("Enter")

    def write(self, selector: str, text: str) -> None:
        """Puts a text into a field."""
        if self.how == "mouse":
            self.page.locator(selector).click(click_count=3)
        else:
            self.focus(selector)
            self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, selector: str, option: str) -> None:
        """Chooses of a list; its popup is the system's, which no mouse of a test reaches."""
        if self.how == "mouse":
            self.page.locator(selector).select_option(option)
        else:
            self.focus(selector)
            self.page.keyboard.press("Home")
            for _ in range(MOST_TABS):
                if self.page.locator(selector).input_value() == option:
                    return
                self.page.keyboard.press("ArrowDown")
            raise AssertionError(f"{option} is not reached in {selector}")

    def wait(self, selector: str) -> Any:
        """An element, once it is there."""
        self.page.wait_for_selector(selector, timeout=SECONDS)
        return self.page.locator(selector).first

    def leave(self) -> None:
        """Closes the page; fails where something on it did."""
        self.page.context.close()
        assert self.failures == []


@pytest.fixture(params=[(how, width) for how in ("mouse", "keyboard") for width in (1400, 400)], ids=str)
def person(browser: Any, request: pytest.FixtureRequest) -> Iterator[Person]:
    """Each way of using a page, at each width."""
    somebody = Person(browser, *request.param)
    yield somebody
    somebody.leave()


def forecast_of(person: Person) -> tuple[float, str, str]:
    """The forecast at the target as the page says it, its interval, and what it costs."""
    person.wait(".forecast dd")
    said = person.page.locator(".forecast div").all_inner_texts()
    facts = dict(text.split("\n", 1) for text in said)
    return float(facts["loss"]), facts["90% interval"], facts["on 8 x h100"]


def test_a_study_is_opened_and_its_forecast_read(person, site, folder):
    person.page.goto(site)
    person.press("a[href='/study?path=runs.csv']")
    person.wait("#runs table")
    person.press("a[href^='/law?path=runs.csv']")
    person.wait("section.result")
    loss, interval, _ = forecast_of(person)
    low, high = map(float, interval.split(" to "))
    runs = froude.read_runs(folder / "runs.csv")
    at = {"N": 10 * float(runs["N"].max()), "D": 10 * float(runs["D"].max())}
    own = froude.fit("auto", runs).predict("run", **at)
    assert loss == pytest.approx(float(own.mean), abs=0.011)
    assert (low, high) == pytest.approx((float(own.lo), float(own.hi)), abs=0.011)


def test_a_law_and_columns_are_changed(person, site):
    person.page.goto(f"{site}{LAW}")
    assert "chinchilla" in person.wait("section.result .headline").inner_text()
    person.choose("#f-law", "power")
    person.write("#f-columns", "loss=D")
    person.write("#f-where", "N < 1e9")
    person.press("form.ask button[type=submit]")
    person.page.wait_for_url("**law=power*")
    person.wait("section.result, #result .problem")
    assert "where=N+%3C+1e9" in person.page.url
    assert "columns=loss%3DD" in person.page.url
    person.write("#f-columns", "N=N,loss=loss")
    person.press("form.ask button[type=submit]")
    assert "power: loss" in person.wait("section.result .headline").inner_text()
    person.failures = [text for text in person.failures if "400" not in text]  # of columns that cannot be fitted


def test_the_target_is_dragged_and_forecast_and_cost_move(person, site):
    person.page.goto(f"{site}{LAW}")
    before = forecast_of(person)
    asked = person.page.locator("output[for=dial-N]").inner_text()
    if person.how == "mouse":
        person.page.locator(".handle").scroll_into_view_if_needed()
        person.page.wait_for_timeout(300)
        box = person.page.locator(".handle").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] - 10
        person.page.mouse.move(x, y)
        person.page.mouse.down()
        person.page.mouse.move(x + 25, y, steps=5)
        person.page.mouse.up()
    else:
        person.focus(".handle")
        for _ in range(8):
            person.page.keyboard.press("ArrowRight")
    person.page.locator("output[for=dial-N]").filter(has_not_text=asked).wait_for()
    person.page.locator(".forecast dd").filter(has_text=before[1]).wait_for(state="detached")
    after = forecast_of(person)
    assert after[0] < before[0]
    assert (after[1] != before[1], after[2] != before[2]) == (True, True)
    person.page.wait_for_url("**at_N=*")
    kept = person.page.locator("output[for=dial-N]").inner_text()
    person.page.reload()
    person.wait(".forecast dd")
    assert person.page.locator("output[for=dial-N]").inner_text() == kept
    assert forecast_of(person) == after


def test_a_training_under_way_is_followed_to_its_verdict(person, tmp_path):
    study = Study.create(tmp_path / "live", {"seed": 0})
    for width in (8, 16, 24):
        start_run(study, width, 1, 100, lambda step: 3 + 4 / step**0.5, 100).finish(loss=3.4)
    writer = start_run(study, 32, 1, 100, lambda step: 3.5 + 4 / step**0.5, 30)
    with served(tmp_path) as site:
        person.page.goto(site)
        person.press("a[href='/study?path=live']")
        assert person.wait(".progress").inner_text().startswith("3 finished, 1 under way")
        person.wait("ul.legend button:has-text('running')")
        person.write("#goal-1", "2")
        person.press("section.live button[type=submit]")
        person.wait(".said td:has-text('stop: it will not reach 2')")
        for step in range(31, 101):
            writer.step(step=step, tokens=20_000 * step, loss=3.5 + 4 / step**0.5, lr=0.008, seconds=float(step))
        writer.finish(loss=3.9)
        person.wait(".progress .finished:text-is('4')")
        person.wait("#runs tbody tr:nth-child(4)")
        person.press("ul.legend button")  # hides a curve
        person.wait("ul.legend button[aria-pressed=false]")
        person.page.goto("about:blank")


def test_serving_is_costed_and_its_command_copied(person, site):
    person.page.goto(f"{site}/serving")
    person.write("#f-model", "qwen2.5-0.5b")
    person.write("#f-load", "8 users")
    person.press("form.ask button[type=submit]")
    assert "qwen2.5-0.5b on 1 x h100" in person.wait("section.result .headline").inner_text()
    person.press(".elsewhere .copyable:nth-of-type(1) button")
    person.wait(".copyable button:has-text('Copied')")
    copied = person.page.evaluate("navigator.clipboard.readText()")
    words = "--model qwen2.5-0.5b --machine '1 x h100' --input 2000 --output 500 --load '8 users'"
    assert copied == f"froude cost serve {words}"


def test_tables_sort_and_filter_and_the_theme_is_kept(person, site):
    person.page.goto(f"{site}/study?path=runs.csv")
    person.press("#runs thead a[href*='sort=loss']")
    person.wait("#runs th[aria-sort=ascending]")
    losses = person.page.locator("#runs tbody td:nth-child(5)").all_inner_texts()
    assert losses == sorted(losses, key=float)
    person.write("#where", "N > 5e9")
    person.press("form:has(#where) button[type=submit]")
    person.page.wait_for_url("**where=*")
    assert "sort=loss" in person.page.url
    person.press("#theme")
    assert person.page.evaluate("document.documentElement.dataset.theme") == "dark"
    person.page.reload()
    assert person.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 24, 31)"


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (400, "dark")])
def test_no_page_is_wider_than_its_screen_or_lacks_for_axe(browser, site, width, scheme):
    path = Path(os.environ.get(AXE, ""))
    if not path.is_file():
        lacking(f"{AXE} names no axe.min.js of npm's axe-core")
    axe = path.read_text(encoding="utf-8")
    serious: dict[str, list[str]] = {}
    for name, address in MAIN.items():
        person = Person(browser, "mouse", width, scheme)
        person.page.goto(f"{site}{address}")
        person.page.wait_for_selector(".loading", state="detached", timeout=2 * SECONDS)
        person.page.wait_for_timeout(400)
        person.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert person.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        person.page.evaluate(axe)
        found = person.page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        bad = [each for each in found if each["impact"] in ("serious", "critical")]
        serious[name] = [f"{each['id']}: {json.dumps([n['html'][:90] for n in each['nodes'][:3]])}" for each in bad]
        person.page.context.close()
    assert {name: texts for name, texts in serious.items() if texts} == {}
