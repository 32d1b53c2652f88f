"""`froude report`: the page of a study, of a table of runs or of a saved fit, or its pictures as a figure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from froude.cli.completion import complete_laws
from froude.cli.options import Columns, Draws, Flops, Input, Json, Outcome, Seed, Where, read_table
from froude.cli.outputs import output_file, refuse_inputs
from froude.cli.render import print_json, say
from froude.errors import InputError, visible
from froude.provenance import Provenance


def report(
    source: Annotated[
        str,
        typer.Argument(metavar="STUDY|TABLE|FIT", help="A study, runs, logs, or a fit that `froude fit --out` wrote."),
    ],
    at: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=QUANTITY,…", help="A forecast to draw: N=70B,D=1.4T. Any number of times."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=output_file,
            help="The page .html, or a figure .pdf, .svg, .png. [default: the name of TABLE or FIT with .html, here]",
        ),
    ] = None,
    law: Annotated[
        str, typer.Option(metavar="NAME", autocompletion=complete_laws, help="Which law; auto averages several.")
    ] = "auto",
    x: Input = None,
    y: Outcome = "loss",
    columns: Columns = None,
    where: Where = None,
    flops: Flops = "auto",
    draws: Draws = 1000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Write the pictures of runs under a law as a page or a figure, and print where it is.

    A page has the law over each of its inputs, runs of equal compute, residuals, held-out runs, how far a forecast
    reaches, and all numbers. A study's page is written again from what is on disk, as its `report.html`. A saved fit is
    drawn from what it holds. Options of the fit, from `--law` on, are for a table.
    Examples: `froude report runs.csv --at N=70B,D=1.4T`, `froude report fit.json --out figure.pdf`
    """
    from froude.fitting.fit_file import is_fit_file
    from froude.quantity import parse_assignments
    from froude.reporting import write_report
    from froude.reporting.report import report_path
    from froude.runs import Study
    from froude.runs.study.documents import SETTINGS

    path, for_study = Path(source), {"--at": at, "--out": out}
    of_table = {"--law": law != "auto", "--x": x, "--y": y != "loss", "--columns": columns, "--where": where}
    of_table["--flops"] = flops != "auto"
    if (path / SETTINGS).exists():
        study = Study.open(source)
        _refuse({**for_study, **of_table}, f"{source!r} is a study, whose report has its own law and forecast")
        page = write_report(study)
    else:
        target = report_path(source, out)
        refuse_inputs({"--out": target}, [source])
        if is_fit := is_fit_file(path):
            _refuse(of_table, f"{source!r} is fitted already")
        runs = source if is_fit else read_table(source, columns, where, flops)
        places = [parse_assignments(text) for text in at or ()]
        page = write_report(runs, target, places, y, law=law, x=x, draws=draws, seed=seed)
    print_json({"report": str(page), "provenance": Provenance.now().to_dict()}) if json else say(visible(str(page)))


def _refuse(options: Mapping[str, object], because: str) -> None:
    """InputError for the first option that is given."""
    for option, given in options.items():
        if given:
            raise InputError(f"{because}: leave {option} out")
