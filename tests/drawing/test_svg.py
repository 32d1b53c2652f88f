"""Pictures as files: transparent, and in colours that suit a light and a dark ground."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from froude import get_law
from froude.drawing.charts import chart
from froude.drawing.colours import COLOURS, THEMES
from froude.drawing.laws import drawing, figure_of
from froude.drawing.svg import inline_svg, svg
from froude.drawing.views import Points, View
from paths import ROOT

pytest.importorskip("matplotlib")

PICTURES = sorted((ROOT / "docs").rglob("*.svg"))
GROUND = {"light": "#ffffff", "dark": "#0d1117"}


def contrast(a: str, b: str) -> float:
    """How far two colours are told apart, 1 to 21 (WCAG 2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_file_has_a_dark_colour_for_every_light_one():
    text = svg(figure_of(drawing(get_law("chinchilla"))), "chinchilla").decode()
    rules = dict(re.findall(r"\[style\*=\"(?:fill|stroke): (#\w+)\"\]\{(?:fill|stroke):(#\w+)!important\}", text))
    painted = {*re.findall(r"(?:fill|stroke): (#\w{6})", re.sub(r"<style>.*?</style>", "", text))}
    assert painted == {*rules}
    named = {light: name for name, light in COLOURS.items()}
    assert {rules[light] for light in painted if light in named} <= {*THEMES["dark"].values()}


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_of_the_documents_stands_on_any_ground(path):
    root = ElementTree.fromstring(path.read_bytes())
    text = path.read_text()
    assert f":root{{background:{GROUND['light']}}}@media (prefers-color-scheme: dark){{" in text
    assert f":root{{background:{GROUND['dark']}}}" in text
    (background,) = [g for g in root.iter() if g.get("id") == "patch_1"]
    assert all("fill: none" in (shape.get("style") or "") for shape in background)
    assert COLOURS["paper"] not in text


@pytest.mark.parametrize("theme", GROUND)
def test_words_and_marks_are_told_from_the_ground_of_a_file(theme):
    for name in ("ink", "soft", "forecast"):
        assert contrast(THEMES[theme][name], GROUND[theme]) >= 4.5, name
    for name in THEMES[theme]:
        if name[0] in "nc" and name[1:].isdigit():
            assert contrast(THEMES[theme][name], GROUND[theme]) >= 2.2, name


def crowd(n: int) -> View:
    """So many dots in two colours, each place taken by two of one colour."""
    rng = np.random.default_rng(0)
    x, y = 10 ** rng.uniform(6, 9, n // 2), rng.uniform(2, 4, n // 2)
    colours = tuple(COLOURS[("n2", "n6")[i % 2]] for i in range(n // 2))
    return View(points=(Points(x=np.tile(x, 2), y=np.tile(y, 2), colours=colours * 2),), x_label="N", y_label="loss")


def test_a_crowd_of_dots_is_one_path_a_colour_with_every_place_in_it():
    few, many = (inline_svg(chart(crowd(n), 840), "p", "dots") for n in (400, 4000))
    # Of 2,000 places some are one to the eye: their distance is below half a pixel.
    assert 1950 < many.count("h0") <= 2000
    assert {*re.findall(r"stroke-linecap: round; stroke-width: [\d.]+; stroke: ([^\"]*)\"/>", many)} == {
        "var(--n2)",
        "var(--n6)",
    }
    assert len(many) - len(few) < 20 * 2000
    assert few.count("h0") == 0


def test_dots_of_a_crowd_lie_where_dots_of_a_few_lie(monkeypatch):
    from froude.drawing import svg as module

    path = inline_svg(chart(crowd(1200), 840), "p", "dots")
    monkeypatch.setattr(module, "_CROWD", 10_000)
    dots = inline_svg(chart(crowd(1200), 840), "p", "dots")
    along = {(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", path)}
    each = re.findall(r'<use href="#p-C\w+" x="([\d.]+)" y="([\d.]+)" style="fill', dots)
    assert along == {(round(float(x), 1), round(float(y), 1)) for x, y in each}
