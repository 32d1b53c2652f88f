"""`froude predict`: what a saved fit says of runs not made."""

from typing import Annotated, Literal

import typer

from froude.cli.options import Json
from froude.cli.render import number_and_interval, print_json, print_notes, print_table


def predict(
    fit: Annotated[str, typer.Argument(metavar="FIT", help="A file that `froude fit --out` wrote.")],
    at: Annotated[list[str], typer.Option(metavar="NAME=QUANTITY,…", help="Where: N=70B,D=1.4T. Any number of times.")],
    of: Annotated[Literal["run", "mean"], typer.Option(help="Of one run, or of the mean of many.")] = "run",
    json: Json = False,
) -> None:
    """Forecast runs from a saved fit, each with its interval.

    Quantities in any customary writing: `70B`, `7e10`, `1e21 FLOP`.
    Example: `froude predict fit.json --at N=7B,D=300B --at N=70B,D=1.4T`
    """
    from froude.fitting import Fit
    from froude.quantity import format_quantity, parse_assignments

    found = Fit.load(fit)
    forecasts = [found.predict(of=of, **parse_assignments(text)) for text in at]
    if json:
        print_json([made.to_dict() for made in forecasts])
        return
    print_table(
        f"{found.y} of {'one run' if of == 'run' else 'the mean of many runs'}, by {found.law.name}",
        [*found.law.inputs, "forecast", f"{found.level:.0%} interval"],
        [
            [*map(format_quantity, made.at.values()), *number_and_interval(made.mean, made.lo, made.hi)]
            for made in forecasts
        ],
    )
    if not found.converged:
        print_notes(found.warnings[:1])
