"""`froude predict`: what a fit or published constants say of runs that were not made."""

from typing import Annotated, Literal

import typer

from froude.cli.completion import complete_fits
from froude.cli.options import Json
from froude.cli.outputs import PageFile, refuse_inputs
from froude.cli.show import present_with_page
from froude.errors import InputError


def predict(
    fit: Annotated[
        str,
        typer.Argument(
            metavar="FIT|LAW",
            autocompletion=complete_fits,
            help="A file that `froude fit --out` wrote, or a law with published constants: chinchilla:besiroglu-2024.",
        ),
    ],
    at: Annotated[list[str], typer.Option(metavar="X=QUANTITY,…", help="Where: N=7B,D=300B. Any number of times.")],
    against: Annotated[
        str | None,
        typer.Option(metavar="X=QUANTITY,…", help="Another place: say by how much the outcome differs."),
    ] = None,
    of: Annotated[
        Literal["run", "mean"] | None,
        typer.Option(help="Of one run, or of the mean of many. [default: run; mean with --against]"),
    ] = None,
    below: Annotated[
        float | None, typer.Option(metavar="GOAL", help="Say how probable it is to come out below this.")
    ] = None,
    page: PageFile = None,
    json: Json = False,
) -> None:
    """Forecast runs from a saved fit or published constants, each with its interval.

    Quantities in any customary writing: `70B`, `7e10`, `1e21 FLOP`. `--below 2.0` asks for the probability of a goal.
    `--against` compares two places of one fit: what both have in common cancels.
    Examples: `froude predict fit.json --at N=7B,D=300B --at N=70B,D=1.4T`,
    `froude predict chinchilla:besiroglu-2024 --at N=7B,D=280B --against N=14B,D=140B`
    """
    from froude.answers.differences import answer_of_differences
    from froude.answers.forecasts import answer_of_forecasts
    from froude.fitting import predict_difference
    from froude.fitting.sources import read_source
    from froude.quantity import parse_assignments

    refuse_inputs({"--page": page}, [fit])
    places = [parse_assignments(text) for text in at]
    source = read_source(fit, places[0])
    if against is None:
        forecasts = [source.predict(of=of or "run", **place) for place in places]
        present_with_page(answer_of_forecasts(forecasts, below), json, page, forecasts)
        return
    if below is not None:
        raise InputError(f"--below {below:g} and --against ask two questions: give one of them")
    other = parse_assignments(against)
    differences = [predict_difference(source, place, other, of=of or "mean") for place in places]
    present_with_page(answer_of_differences(differences), json, page, differences)
