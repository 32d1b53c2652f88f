"""`froude calibrate`: how often forecast intervals hold on published runs, and what is learned from it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.options import Json
from froude.cli.outputs import output_file, refuse_inputs
from froude.cli.show import present

if TYPE_CHECKING:
    from froude.fitting.calibration import Case


def calibrate(
    cases: Annotated[Path, typer.Argument(metavar="CASES", help="A TOML file of splits of published tables.")] = Path(
        "benchmarks/calibration_cases.toml"
    ),
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", parser=output_file, help="The document to write; its picture is put beside it."),
    ] = Path("docs/calibration.md"),
    learned: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=output_file, help="Write what was learned here, as JSON.")
    ] = None,
    json: Json = False,
) -> None:
    """Forecast held-out runs of published studies and see how often the intervals hold.

    What is learned of one study is judged on the others. The tables are found through FROUDE_PUBLISHED.
    Example: `froude calibrate benchmarks/calibration_cases.toml --out docs/calibration.md`
    """
    from froude.fitting.calibration import calibrate as calibrate_intervals
    from froude.fitting.calibration import learn
    from froude.reporting.calibration import picture_beside, write_calibration

    refuse_inputs({"--out": out, "its picture": picture_beside(out), "--learned": learned}, [cases])
    judged = calibrate_intervals(cases, with_progress)
    source = f"`froude calibrate {cases.name}`, {time.strftime('%Y-%m-%d', time.gmtime())}"
    present(write_calibration(judged, learn(judged), out, source, learned), json)


def with_progress(cases: Sequence[Case]) -> Iterable[Case]:
    """The cases one by one, with a bar where a person watches."""
    from rich.console import Console
    from rich.progress import track

    return track(cases, "forecasting", console=Console(stderr=True), disable=not sys.stderr.isatty())
