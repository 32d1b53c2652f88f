"""`froude register`: a forecast written down before its measurement, and scored by it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from froude.cli.options import Json
from froude.cli.outputs import PageFile, output_file, refuse_inputs
from froude.cli.show import present_with_page


def write(
    fit: Annotated[str, typer.Argument(metavar="FIT", help="A file that `froude fit --out` wrote.")],
    at: Annotated[str, typer.Option(metavar="NAME=QUANTITY,…", help="The run that is forecast: N=70B,D=1.4T.")],
    due: Annotated[
        str | None, typer.Option(metavar="DATE", help="When it is meant to be measured: 2027-03 or 2027-03-31.")
    ] = None,
    of: Annotated[Literal["run", "mean"], typer.Option(help="Of one run, or of the mean of many.")] = "run",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=output_file, help="Where to write it. [default: forecast-HASH.json]"),
    ] = None,
    page: PageFile = None,
    json: Json = False,
) -> None:
    """Write a forecast to a file before it is measured: with its interval, the version, the time and the runs' hash.

    The file never changes, and has a hash that shows whether it did: commit it. Nothing is overwritten.
    Example: `froude register fit.json --at N=70B,D=1.4T --due 2027-03`
    """
    from froude.answers.registrations import answer_of_registration
    from froude.fitting import register_forecast
    from froude.quantity import parse_assignments

    refuse_inputs({"--out": out, "--page": page}, [fit])
    registered = register_forecast(fit, out, due=due, of=of, **parse_assignments(at))
    present_with_page(answer_of_registration(registered), json, page, registered)


def score(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file that `froude register` wrote.")],
    measured: Annotated[float, typer.Option(metavar="NUMBER", help="What came out.")],
    again: Annotated[bool, typer.Option("--again", help="Although it was scored by another number.")] = False,
    page: PageFile = None,
    json: Json = False,
) -> None:
    """Score a registered forecast by what was measured: error, inside or outside, interval score.

    The interval score (Gneiting and Raftery 2007) is the interval's width, and 2/(1 − level) times what the outcome
    lies outside it, over the outcome: smaller is better. It is kept beside the file, in FILE.score.json.
    Example: `froude register score forecast-1f0e4bd5e7a9.json --measured 2.013`
    """
    from froude.answers.registrations import answer_of_registration
    from froude.fitting import score_forecast

    refuse_inputs({"--page": page}, [file])
    scored = score_forecast(file, measured, again=again)
    present_with_page(answer_of_registration(scored), json, page, scored)


def list_forecasts(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A folder of registered forecasts, or of a study.")],
    page: PageFile = None,
    json: Json = False,
) -> None:
    """List the registered forecasts of a folder: what came of each, and of all.

    Example: `froude register list forecasts`
    """
    from froude.answers.registrations import answer_of_registrations
    from froude.fitting import registered_forecasts

    there = registered_forecasts(folder)
    refuse_inputs({"--page": page}, [each.path for each in there])
    present_with_page(answer_of_registrations(there), json, page, there)
