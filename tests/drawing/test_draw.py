"""Pictures of results: true to them, legible at the widths of a paper, and without a trace outside their axes."""

import itertools
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import results
from froude import Backtest, Fit, Forecast, InputError, Runs, Study, backtest, choose, fit, get_law
from froude.drawing import draw
from froude.drawing.axes import linear_ticks, log_ticks, tick_labels, wrap
from froude.drawing.fits import measured_of, view_of_fit
from froude.drawing.optima import parabolas_view
from froude.drawing.panels import PANELS
from paths import ROOT
from planted import planted

Figure = pytest.importorskip("matplotlib.figure").Figure

WIDTHS = (3.3, 5.0, 7.0)  # inches of a panel
DRAWN = (
    *("runs", "composed law", "fit of an average", "forecast of several", "comparison", "allocation"),
    *("comparison at a ratio", "ranking", "registration"),
    *("allocation of several", "approaches", "approach", "optimum", "sweep optima", "schedule"),
    *("best schedule", "train cost", "plan", "infeasible", "growth", "compute optimal", "fit report"),
    *("report of a fit", "report of a rule"),
)
"""Names of samples of results that have a picture, beside those that are drawn here at several widths."""


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Planted runs, two diverged, one far off."""
    columns = planted()
    columns["loss"][[3, 17]] = np.nan
    columns["loss"][9] *= 1.2
    return Runs.from_columns(columns)


@pytest.fixture(scope="module")
def fitted(runs: Runs) -> Fit:
    """Chinchilla's law fitted to them."""
    return fit("chinchilla", runs, draws=20)


def along_compute(n: int = 14) -> Runs:
    """Runs over compute alone."""
    C = np.geomspace(1e17, 1e21, n)
    noise = 0.003 * np.random.default_rng(0).standard_normal(n)
    return Runs.from_columns({"C": C, "loss": (1.8 + 2 * (C / 1e17) ** -0.08) * np.exp(noise)})


@pytest.fixture(scope="module")
def single() -> Fit:
    """A law of one input fitted to runs over compute."""
    return fit("power-floor", along_compute(), x="C", draws=20)


@pytest.fixture(scope="module")
def held_out(runs: Runs) -> Backtest:
    """The fit to small runs, judged on large ones."""
    return backtest("chinchilla", runs, "C > 1e21", draws=20)[0]


RESULTS: dict[str, Callable[[pytest.FixtureRequest], Any]] = {
    "Fit": lambda request: request.getfixturevalue("fitted"),
    "single": lambda request: request.getfixturevalue("single"),
    "Choice": lambda request: choose(along_compute(), x="C", draws=20),
    "Forecast": lambda request: request.getfixturevalue("fitted").predict(N=7e10, D=1.4e12),
    "forecasts": lambda request: request.getfixturevalue("single").predict(C=[1e22, 1e23, 1e24]),
    "Backtest": lambda request: request.getfixturevalue("held_out"),
    "Law": lambda request: get_law("chinchilla"),
}


def words_of(axes: Any) -> list[Any]:
    """The boxes of all words of axes that are drawn, by their text."""
    legend = axes.get_legend()
    keys = legend.get_texts() if legend else []
    ticks = [*axes.get_xticklabels(), *axes.get_yticklabels()]
    texts = [*axes.texts, *ticks, axes.xaxis.label, axes.yaxis.label, axes.title, *keys]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def check_legible(figure: Any) -> None:
    """No word of a figure is cut, lies over another, or is too small or too large for a paper."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = {text.get_text(): text.get_window_extent().padded(-1) for text in words_of(axes)}
        for words, box in boxes.items():
            assert figure.bbox.containsx(box.x0) * figure.bbox.containsx(box.x1), words
            assert figure.bbox.containsy(box.y0) * figure.bbox.containsy(box.y1), words
        for (a, first_box), (b, second_box) in itertools.combinations(boxes.items(), 2):
            assert not first_box.overlaps(second_box), (a, b)
        assert all(7 <= round(text.get_fontsize(), 1) <= 9 for text in words_of(axes))


@pytest.mark.parametrize("kind", RESULTS)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_word_of_a_picture_is_cut_or_over_another(request, kind, width):
    result = RESULTS[kind](request)
    panels = len(draw(result).figure.axes)
    figure = Figure(figsize=(width * panels, 2.9), layout="constrained")
    draw(result, list(np.ravel(figure.subplots(1, panels))))
    check_legible(figure)


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
def test_every_kind_of_result_with_a_picture_is_legible(name):
    axes = results.RESULTS[name]().plot()
    check_legible(axes.figure)
    assert all(panel.has_data() for panel in axes.figure.axes)


def test_a_key_covers_nothing_that_is_drawn(fitted):
    for width in (3.3, 5.0):
        figure = Figure(figsize=(width, 2.5), layout="constrained")
        axes: Any = draw(fitted, figure.subplots())
        figure.draw_without_rendering()
        key = axes.get_legend().get_window_extent()
        places = [line.get_xydata() for line in axes.lines] + [np.asarray(axes.collections[-1].get_offsets())]
        inside = [key.contains(*place) for place in axes.transData.transform(np.concatenate(places))]
        assert not any(inside)


def test_a_pilot_is_drawn_from_its_study(tmp_path):
    study = Study.open(shutil.copytree(ROOT / "tests" / "fixtures" / "study_0_1_0", tmp_path / "study"))
    axes = study.plot()
    assert axes.get_ylabel() == "loss (nats/byte)"
    assert any(text.get_text().startswith("forecast") for text in axes.texts)


def test_parabolas_have_their_lowest_point_among_the_runs_of_a_budget():
    N = np.geomspace(1e8, 1e10, 9)
    tables = [(N, np.full(9, C), 2 + 0.05 * np.log(N / best) ** 2) for C, best in ((1e20, 5e8), (1e21, 1.5e9))]
    N, C, loss = (np.concatenate(each) for each in zip(*tables, strict=True))
    view = parabolas_view(Runs.from_columns({"N": N, "C": C, "D": C / (6 * N), "loss": loss}))
    lowest = next(points for points in view.points if points.name == "lowest")
    np.testing.assert_allclose(lowest.x, [5e8, 1.5e9], rtol=0.02)
    assert [line.label for line in view.lines] == ["10²⁰", "10²¹"]


def test_runs_are_drawn_where_they_were_measured(runs, fitted):
    there = ~runs.diverged()
    np.testing.assert_allclose(measured_of(fitted), runs["loss"][there], rtol=1e-12)
    axes: Any = draw(fitted, runs=runs)
    dots, ring, crosses = axes.collections[-3:]
    np.testing.assert_allclose(np.asarray(dots.get_offsets()).T, [runs["D"][there], runs["loss"][there]])
    np.testing.assert_allclose(np.asarray(ring.get_offsets())[0], [runs["D"][9], runs["loss"][9]])
    np.testing.assert_allclose(np.asarray(crosses.get_offsets())[:, 0], runs["D"][~there])


def test_lines_of_a_fit_are_its_law_at_their_label(fitted):
    lines = view_of_fit(fitted).lines
    assert len(lines) == len(np.unique(fitted.inputs["N"]))
    for size, line in zip(np.unique(fitted.inputs["N"]), lines, strict=True):
        forecast = fitted.predict(N=size, D=line.x)
        for drawn, said in ((line.y, forecast.mean), (line.lo, forecast.lo), (line.hi, forecast.hi)):
            np.testing.assert_allclose(np.asarray(drawn), said)


def test_many_sizes_are_drawn_over_the_compute_they_come_to():
    N, D = np.geomspace(1e8, 1e10, 30), np.geomspace(2e9, 2e11, 30)[::-1]
    loss = get_law("chinchilla")(N=N, D=D, **get_law("chinchilla").published["besiroglu-2024"])
    view = view_of_fit(fit("chinchilla", Runs.from_columns({"N": N, "D": D, "loss": loss}), draws=20))
    assert view.compute
    np.testing.assert_allclose(view.points[0].x, 6 * N * D)


def test_a_forecast_stands_at_its_place_with_its_interval(fitted):
    forecast = fitted.predict(N=7e10, D=1.4e12)
    axes: Any = draw(forecast)
    bar = next(line for line in axes.lines if line.get_alpha() == 0.38)
    np.testing.assert_allclose(bar.get_xydata(), [[1.4e12, forecast.lo], [1.4e12, forecast.hi]])
    alone = Forecast(at={"N": 1e9}, mean=2.0, lo=1.9, hi=2.1, level=0.9, parts={})
    assert draw(alone).get_xlabel() == "parameters N"


def test_a_law_of_compute_and_another_input_is_drawn_over_its_own_compute():
    C, M = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e17, 1e21, 5), [5.0, 20.0, 80.0, 320.0, 640.0]))
    law = get_law("overtrained")
    loss = law(C=C, M=M, **law.published["gadre-2024-c4"])
    view = view_of_fit(fit("overtrained", Runs.from_columns({"C": C, "M": M, "loss": loss}), draws=20))
    np.testing.assert_allclose(view.points[0].x, C)
    assert [line.label for line in view.lines] == ["M = 5", "M = 20", "M = 80", "M = 320", "M = 640"]
    assert (view.x_label, view.column) == ("training FLOPs", None)


def test_a_forecast_by_a_law_of_many_inputs_stands_beside_the_runs():
    rng = np.random.default_rng(0)
    columns = {"N": rng.uniform(1e8, 1e9, 20), "S": rng.uniform(1e4, 1e5, 20), "B": rng.uniform(1e5, 1e6, 20)}
    law = get_law("kaplan-trajectory")
    loss = law(**columns, **next(iter(law.published.values())))
    fitted = fit("kaplan-trajectory", Runs.from_columns({**columns, "loss": loss}), draws=20)
    axes: Any = draw(fitted.predict(N=1e10, S=1e5, B=1e6))
    np.testing.assert_allclose(np.asarray(axes.collections[-1].get_offsets()).T, [columns["N"], loss], rtol=1e-6)


def test_a_backtest_says_how_many_intervals_held(held_out):
    inside = round(held_out.coverage * held_out.n_held_out)
    first: Any = draw(held_out)
    labels = [text.get_text() for text in first.get_legend().get_texts()]
    assert f"inside the 90% interval ({inside})" in labels
    errors: Any = draw(held_out).figure.axes[1]
    assert max(errors.collections[-1].get_offsets()[:, 0]) == pytest.approx(np.exp(held_out.reaches.max()))


def test_a_picture_leaves_no_window_and_no_setting_behind():
    code = (
        "import sys, matplotlib; from froude import get_law; from froude.drawing import draw\n"
        "settings = lambda: {k: str(v) for k in matplotlib.rcParams if k != 'backend' "
        "for v in [matplotlib.rcParams[k]]}\n"
        "before = settings(); draw(get_law('power'))\n"
        "print(before == settings(), 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_axes_without_a_window_show_themselves_in_a_notebook():
    axes: Any = draw(get_law("power"))
    data, size = axes._repr_png_()
    assert data.startswith(b"\x89PNG")
    assert size == {"width": 480, "height": 317}
    assert pickle.loads(pickle.dumps(axes)).get_xlabel() == "training FLOPs"


def test_what_has_no_picture_is_refused_in_one_sentence():
    with pytest.raises(InputError, match=f"dict has no picture: print it, or draw one of {', '.join(sorted(PANELS))}"):
        draw({})
    with pytest.raises(InputError, match="only differences, forecasts and registrations go together"):
        draw([get_law("power"), get_law("chinchilla")])


def test_an_axis_of_a_few_percent_has_ticks_that_differ():
    ticks = log_ticks(10.61e6, 10.72e6, 5)
    assert len(ticks) > 1
    assert tick_labels(ticks)[0] == "10.65M"
    assert len({*tick_labels(ticks)}) == len(ticks)


def test_a_long_label_is_broken_between_words():
    lines = wrap("activation recomputation in all blocks and sequence parallelism", 180)
    assert len(lines) == 3
    assert " ".join(lines) == "activation recomputation in all blocks and sequence parallelism"


def test_an_axis_at_the_end_of_all_numbers_has_its_ends_as_ticks():
    assert linear_ticks(-1.1e308, -0.9e308, 5).tolist() == [-1.1e308, -0.9e308]
