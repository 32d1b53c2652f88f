"""`froude backtest`: how well laws predict runs they were not fitted to."""

from __future__ import annotations

from typing import Annotated

import typer

from froude.cli.completion import complete_laws
from froude.cli.options import Columns, Draws, Flops, Input, Json, OfKind, Outcome, Seed, Table, Where, read_table
from froude.cli.show import present


def backtest(
    table: Table,
    hold_out: Annotated[
        str, typer.Option(metavar="CONDITION", help='Runs to predict: "C > 1e21". The rest is fitted.')
    ],
    law: Annotated[
        str,
        typer.Option(
            metavar="NAME,…", autocompletion=complete_laws, help="Laws, separated by commas; auto averages several."
        ),
    ] = "chinchilla",
    x: Input = None,
    y: Outcome = "loss",
    columns: Columns = None,
    where: Where = None,
    flops: Flops = "auto",
    kind: OfKind = None,
    draws: Draws = 1000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Hold runs out, fit the rest, predict the held-out ones: error, coverage and width by law.

    Example: `froude backtest runs.csv --law chinchilla,power-floor --hold-out "C > 1e21"`
    """
    from froude.answers.backtests import answer_of_backtests
    from froude.answers.readings import with_readings
    from froude.fitting import backtest as backtest_laws

    runs = read_table(table, columns, where, flops)
    names = [name.strip() for name in law.split(",")]
    backtests = backtest_laws(names, runs, hold_out, y, x=x, draws=draws, seed=seed, kind=kind)
    present(with_readings(answer_of_backtests(backtests), [runs]), json)
