"""`froude backtest`: how well laws predict runs they were not fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.options import Columns, Draws, Flops, Input, Json, Outcome, Seed, Table, Where, read_table
from froude.cli.render import percent, print_json, print_notes, print_table

if TYPE_CHECKING:
    from froude.fitting import Backtest


def backtest(
    table: Table,
    hold_out: Annotated[
        str, typer.Option(metavar="CONDITION", help='Runs to predict: "C > 1e21". The rest is fitted.')
    ],
    law: Annotated[
        str, typer.Option(metavar="NAME,…", help="Laws, separated by commas; auto averages several.")
    ] = "chinchilla",
    x: Input = None,
    y: Outcome = "loss",
    columns: Columns = None,
    where: Where = None,
    flops: Flops = "auto",
    draws: Draws = 1000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Hold runs out, fit the rest, predict the held-out ones: error, coverage and width by law.

    Example: `froude backtest runs.csv --law chinchilla,power-floor --hold-out "C > 1e21"`
    """
    from froude.fitting import backtest as backtest_laws

    runs = read_table(table, columns, where, flops)
    names = [name.strip() for name in law.split(",")]
    found = backtest_laws(names, runs, hold_out, y, x=x, draws=draws, seed=seed)
    if json:
        print_json({"laws": [one.to_dict() for one in found]})
        return
    print_table(
        f"{found[0].n_held_out} runs held out ({hold_out}), predicted from {found[0].n_fit}",
        ["law", "mean error", "worst error", "inside interval", "half-width"],
        [row(one) for one in found],
    )
    print(f"\nerrors and half-widths are relative; {found[0].level:.0%} of the runs should lie inside")
    print_notes(f"{one.law.name}: {one.fit.warnings[0]}" for one in found if not one.fit.converged)


def row(one: Backtest) -> list[str]:
    """How one law did."""
    return [
        one.law.name,
        percent(one.mean_abs_rel_error),
        percent(one.worst_abs_rel_error),
        percent(one.coverage, 0),
        percent(one.mean_half_width),
    ]
