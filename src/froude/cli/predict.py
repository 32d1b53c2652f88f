"""`froude predict`: what a saved fit says of runs that were not made."""

from typing import Annotated, Literal

import typer

from froude.cli.options import Json
from froude.cli.show import present


def predict(
    fit: Annotated[str, typer.Argument(metavar="FIT", help="A file that `froude fit --out` wrote.")],
    at: Annotated[list[str], typer.Option(metavar="NAME=QUANTITY,…", help="Where: N=70B,D=1.4T. Any number of times.")],
    of: Annotated[Literal["run", "mean"], typer.Option(help="Of one run, or of the mean of many.")] = "run",
    below: Annotated[
        float | None, typer.Option(metavar="GOAL", help="Say how probable it is to come out below this.")
    ] = None,
    json: Json = False,
) -> None:
    """Forecast runs from a saved fit, each with its interval.

    Quantities in any customary writing: `70B`, `7e10`, `1e21 FLOP`. `--below 2.0` asks for the probability of a goal.
    Example: `froude predict fit.json --at N=7B,D=300B --at N=70B,D=1.4T`
    """
    from froude.answers.forecasts import answer_of_forecasts
    from froude.fitting import Fit
    from froude.quantity import parse_assignments

    saved = Fit.load(fit)
    forecasts = [saved.predict(of=of, **parse_assignments(text)) for text in at]
    present(answer_of_forecasts(saved, forecasts, of, below), json)
