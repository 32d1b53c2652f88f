"""`froude predict`: what a saved fit says of runs not made."""

from typing import Annotated

import typer

from froude.cli.render import Json, interval, print_json, print_table


def predict(
    fit: Annotated[str, typer.Argument(help="A fit that `froude fit --out` saved.")],
    at: Annotated[list[str], typer.Option(help="Where: N=70B,D=1.4T. May be given several times.")],
    of: Annotated[str, typer.Option(help="`run`: one run's outcome; `mean`: the mean of many.")] = "run",
    json: Json = False,
) -> None:
    """Forecast runs from a saved fit, each with its interval."""
    from froude.fit import Fit
    from froude.quantity import format_quantity, parse_assignments

    found = Fit.load(fit)
    forecasts = [found.predict(of=of, **parse_assignments(text)) for text in at]  # type: ignore[arg-type]
    if json:
        print_json([forecast.to_dict() for forecast in forecasts])
        return
    print_table(
        f"{found.y} of {'one run' if of == 'run' else 'the mean of many runs'} by {found.law.name}",
        [*found.law.inputs, "forecast", f"{found.level:.0%} interval"],
        [
            [*(format_quantity(value) for value in f.at.values()), f"{f.mean:.4f}", interval(f.lo, f.hi)]
            for f in forecasts
        ],
    )
