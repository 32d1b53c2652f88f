"""The report of a table of runs and of a saved fit: what stands on the page, what is drawn, where it is written."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import froude
from froude import Fit, FitReport, InputError, Runs, fit_report
from froude.drawing.reports import views_of_report
from froude.reporting import write_report
from froude.reporting.report import report_path
from pages import Page
from planted import planted

pytest_plugins = ["door"]

AT: dict[str, Any] = {"N": 7e10, "D": 1.4e12}


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Planted runs of N and D, two of them diverged."""
    columns = planted()
    columns["loss"][[3, 17]] = np.nan
    return Runs.from_columns(columns)


@pytest.fixture(scope="module")
def report(runs: Runs) -> FitReport:
    """Chinchilla's law over them, with a forecast."""
    return fit_report(runs, [AT], law="chinchilla", draws=20)


@pytest.fixture(scope="module")
def saved(report: FitReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same fit in a file."""
    path = tmp_path_factory.mktemp("fits") / "fit.json"
    report.fit.save(path)
    return path


def test_a_page_shows_law_isoflop_residuals_hold_outs_and_reach(runs: Runs, tmp_path: Path) -> None:
    path = write_report(runs, tmp_path / "page.html", [AT], law="chinchilla", draws=20)
    page = Page(path.read_text(encoding="utf-8"))
    assert page.unbalanced == []
    for title in ("Loss against parameters", "Loss against tokens", "Loss against compute", "Runs of equal compute"):
        assert title in page.text
    for title in ("How far runs lie from the law", "Larger runs, forecast from smaller ones", "How far a forecast"):
        assert title in page.text
    forecast = froude.fit("chinchilla", runs, draws=20).predict(**AT)
    assert f"loss {forecast.mean:.3f} forecast at N = 70B, D = 1.4T" in page.text
    assert all(not value.startswith(("http", "//")) for _, tags in page.tags for value in tags.values() if value)


def test_a_saved_fit_is_drawn_as_its_table_is(report: FitReport, saved: Path) -> None:
    again = fit_report(saved, [AT])
    of_table, of_fit = views_of_report(report), views_of_report(again)
    assert [name for name in of_table if name not in of_fit] == ["held-out"]
    for name, view in of_fit.items():
        for here, there in zip(view.lines, of_table[name].lines, strict=True):
            np.testing.assert_allclose(here.y, there.y, rtol=1e-9)
    assert "a saved fit does not hold its table" in again.missing[0]


def test_the_band_of_the_reach_is_the_interval_of_a_forecast(report: FitReport) -> None:
    band = next(line for line in views_of_report(report)["reach"].lines if line.band and line.lo is not None)
    fit, k = report.fit, 30
    largest = int(np.argmax(fit.inputs["N"] * fit.inputs["D"]))
    grown = {x: fit.inputs[x][largest] * band.x[k] ** 0.5 for x in ("N", "D")}
    forecast = fit.predict(**grown)
    assert band.lo is not None
    assert band.lo[k] == pytest.approx(100 * (forecast.lo / forecast.mean - 1), rel=1e-9)


def test_held_out_points_are_the_errors_of_the_choice(report: FitReport) -> None:
    assert report.choice is not None
    shown = views_of_report(report)["held-out"].points
    for points, cut in zip(shown, report.choice.held_out, strict=True):
        np.testing.assert_allclose(points.y, 100 * np.expm1(cut.errors))
        np.testing.assert_allclose(np.log(points.x), cut.reaches)


def test_isoflop_minima_of_a_fit_are_those_of_its_table(runs: Runs, report: FitReport, saved: Path) -> None:
    of_table = [each for each in froude.compute_optimal(runs).minima if each.D is not None]
    assert [each.D for each in report.minima] == pytest.approx([each.D for each in of_table])
    assert [each.D for each in fit_report(saved).minima] == pytest.approx([each.D for each in of_table])


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        ("pdf", b"%PDF"),
        pytest.param("png", b"\x89PNG", marks=pytest.mark.slow),
        pytest.param("svg", b"<?xml", marks=pytest.mark.slow),
    ],
)
def test_a_figure_is_of_the_kind_its_name_says(saved: Path, tmp_path: Path, kind: str, begins: bytes) -> None:
    path = write_report(saved, tmp_path / f"figure.{kind}")
    assert path.read_bytes().startswith(begins)


def test_a_page_without_a_name_is_written_here_and_no_strangers_file_over(
    cli, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("report", saved, "--at", "N=70B,D=1.4T", "--json")
    assert (done.code, json.loads(done.out)["report"]) == (0, "fit.html")
    mean = Fit.load(saved).predict(**AT).mean
    assert f"loss {mean:.3f} forecast" in re.sub(r"<[^>]*>", "", Path("fit.html").read_text())
    assert report_path(saved, None) == Path("fit.html")  # Froude's own page may be written again
    Path("fit.html").write_text("<p>mine</p>")
    with pytest.raises(InputError, match=r"'fit.html' is there and no page of Froude's: name another with --out"):
        write_report(saved)
    assert Path("fit.html").read_text() == "<p>mine</p>"
    Path("fit.html").rename("mine.html")
    Path("fit.html").mkdir()
    with pytest.raises(InputError, match=r"'fit.html' is there"):
        write_report(saved)


@pytest.mark.parametrize("name", ["page.txt", "page.json"])
def test_a_name_that_is_no_page_and_no_figure_is_refused(saved: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"names no page and no figure: let it end in .html, .pdf, .svg, .png"):
        write_report(saved, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_law_of_one_input_is_drawn_over_it_alone(tmp_path: Path) -> None:
    C = np.geomspace(1e17, 1e21, 14)
    runs = Runs.from_columns({"C": C, "loss": 1.8 + 2 * (C / 1e17) ** -0.08})
    report = fit_report(runs, [{"C": 1e23}], law="power-floor", x="C", draws=20)
    assert {"over-C", "residuals", "reach", "forecast"} <= {*views_of_report(report)}
    assert "over-N" not in views_of_report(report)
    assert write_report(report.fit, tmp_path / "page.html").exists()


def test_options_of_a_fit_are_refused_where_it_is_made_already(refused, saved: Path, tmp_path: Path) -> None:
    assert refused("report", saved, "--law", "chinchilla") == f"{str(saved)!r} is fitted already: leave --law out"
    study = froude.Study.create(tmp_path / "study", {})
    assert refused("report", study.path, "--at", "N=1B,D=1B").endswith("law and forecast: leave --at out")
    assert refused("report", saved, "--at", "C=1e22").startswith("chinchilla takes no C")
