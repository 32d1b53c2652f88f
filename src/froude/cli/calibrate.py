"""`froude calibrate`: how often forecast intervals hold on published runs, and what is learned from it."""

from __future__ import annotations

import json as json_module
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.options import Json
from froude.cli.render import percent, print_json, print_table

if TYPE_CHECKING:
    from froude.fitting.calibration import Case, JudgedCase


def calibrate(
    cases: Annotated[Path, typer.Argument(metavar="CASES", help="A TOML file of splits of published tables.")] = Path(
        "benchmarks/calibration_cases.toml"
    ),
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The document to write; its picture is put beside it.")
    ] = Path("docs/calibration.md"),
    learned: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what was learned here, as JSON.")] = None,
    json: Json = False,
) -> None:
    """Forecast held-out runs of published studies and see how often the intervals hold.

    What is learned of one study is judged on the others. The tables are found through FROUDE_PUBLISHED.
    Example: `froude calibrate benchmarks/calibration_cases.toml --out docs/calibration.md`
    """
    from froude.fitting.calibration import learn, leave_one_out, read_cases, summary
    from froude.reporting.calibration import document, picture
    from froude.reporting.style import svg
    from froude.runs import atomic_write

    judged = judge_all(read_cases(cases))
    leave_one_out(judged)  # refused before anything is written
    found = learn(judged)
    beside = out.with_suffix(".svg")
    source = f"`froude calibrate {cases.name}`, {time.strftime('%Y-%m-%d', time.gmtime())}"
    drawn = svg(picture(judged), "calibration")
    out.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(beside, drawn)
    atomic_write(out, document(judged, found, beside.name, source).encode())
    if learned is not None:
        atomic_write(learned, (json_module.dumps(found.to_dict()) + "\n").encode())
    if json:
        print_json({"learned": found.to_dict(), "summary": summary(judged)})
        return
    show(judged)
    print(f"\nwritten: {out}" + (f" and {learned}" if learned is not None else ""))


def judge_all(cases: Sequence[Case]) -> list[JudgedCase]:
    """Every case forecast, with a line of progress where a person watches."""
    from rich.console import Console
    from rich.progress import track

    from froude.fitting.calibration import judge

    console = Console(stderr=True)
    return [judge(each) for each in track(cases, "forecasting", console=console, disable=not sys.stderr.isatty())]


def show(judged: Sequence[JudgedCase]) -> None:
    """The figures that matter, on the terminal."""
    from froude.fitting.calibration import summary

    found = summary(judged)
    print_table(
        f"{found['cases']} cases of {found['studies']} studies, each judged by what the other studies teach",
        ["interval", "holds", "median half-width", "constant half-width"],
        [
            [f"{row['level']:.0%}", percent(row["coverage"], 1), percent(row["half_width"]), percent(row["constant"])]
            for row in found["intervals"]
        ],
    )
    print(f"\nmean error {percent(found['mean_error'])}; the one best law in hindsight {percent(found['hindsight'])}")
