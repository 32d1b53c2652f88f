"""The report of anything that has one: a study, a table of runs or a fit, as a page or as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from froude.drawing import draw
from froude.drawing.files import PICTURES, check_page_name, ending, picture_bytes
from froude.errors import InputError
from froude.files import write_outputs
from froude.fitting import Fit, fit_report
from froude.laws import Law
from froude.reporting.fit.page import fit_page
from froude.reporting.sheet import write_html
from froude.reporting.study.page import write_study_page
from froude.runs import Runs, RunsSource, Study

_HEAD_BYTES = 100_000


def write_report(
    source: Study | Fit | RunsSource,
    out: str | Path | None = None,
    at: Sequence[Mapping[str, Any]] = (),
    y: str = "loss",
    *,
    law: Law | str = "auto",
    x: str | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Path:
    """Write the report of a study, of a table of runs or of a fit, and return its path.

    Of a study, a folder, it is `report.html` inside, from what is on disk at whatever stage it is; nothing else may be
    asked for then. Of a table or a fit it is the page `out`, by default of the source's name in the current folder, or
    the figure that a name ending in .pdf, .svg or .png asks for; all else goes to `fit_report`. A page holds all it
    needs: no network, script or other file. InputError where a study has no finished run or is one of growth, a
    document of it is damaged, nothing can be fitted, a library of `froude[report]` is missing, or `out` cannot be
    written.
    """
    if isinstance(source, Study) or (isinstance(source, str | Path) and Path(source).is_dir()):
        if out is not None or at:
            raise InputError("a study's report is its report.html, with the forecast of its own target: give it alone")
        return write_study_page(source)
    path = report_path(source, out)
    report = fit_report(source, at, y, law=law, x=x, draws=draws, seed=seed)
    kind = ending(path)
    if kind not in PICTURES:
        return write_html(path, fit_page(report, _name(source)))
    write_outputs({path: picture_bytes(draw(report), kind)})
    return path


def report_path(source: Fit | RunsSource, out: str | Path | None) -> Path:
    """Where the report of a table or a fit goes: `out`, or the source's name with .html in the current folder.

    InputError for a name that says neither page nor figure, and where the usual place holds what Froude did not write.
    """
    if out is None:
        path = Path(f"{Path(_name(source)).stem or 'report'}.html")
        if path.exists() and not _is_page(path):
            raise InputError(f"{str(path)!r} is there and no page of Froude's: name another with --out")
        return path
    check_page_name(out)
    return Path(out)


def _is_page(path: Path) -> bool:
    """Whether a file is a page that Froude wrote: its name stands in the head of each."""
    try:
        with path.open("rb") as file:
            return b"<b>Froude</b>" in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _name(source: Fit | RunsSource) -> str:
    """What a source is called: its file, or "fit" and "runs" where it has none."""
    if isinstance(source, str | Path):
        return Path(source).name
    return source.name or "runs" if isinstance(source, Runs) else "fit" if isinstance(source, Fit) else "runs"
