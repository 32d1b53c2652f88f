"""`froude backtest`: how well laws predict runs they were not fitted to."""

from typing import Annotated

import typer

from froude.cli.render import Columns, Json, Table, percent, print_json, print_table, roles


def backtest(
    table: Table,
    hold_out: Annotated[str, typer.Option(help='Runs to predict: "C > 1e21". The rest is fitted.')],
    law: Annotated[str, typer.Option(help="Laws by name, separated by commas.")] = "chinchilla",
    x: Annotated[str | None, typer.Option(help="Input of the laws of one input: N, D or C.")] = None,
    y: Annotated[str, typer.Option(help="Outcome to fit and predict.")] = "loss",
    columns: Columns = None,
    where: Annotated[str | None, typer.Option(help="Only these runs take part.")] = None,
    draws: Annotated[int, typer.Option(help="Bootstrap refits behind the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of starts and bootstrap.")] = 0,
    json: Json = False,
) -> None:
    """Hold runs out, fit the rest, predict the held-out ones: error, coverage and width by law."""
    from froude.fit import backtest as backtest_laws
    from froude.runs import read_runs

    runs = read_runs(table, roles(columns))
    kept = runs.where(where) if where else runs
    names = [name.strip() for name in law.split(",")]
    found = backtest_laws(names, kept, hold_out, y, x=x, draws=draws, seed=seed)
    if json:
        print_json({"laws": [one.to_dict() for one in found]})
        return
    print_table(
        f"{found[0].n_held_out} runs held out ({hold_out}), {found[0].n_fit} fitted",
        ["law", "mean error", "worst error", f"inside {found[0].level:.0%}", "half-width"],
        [
            [
                one.law.name,
                percent(one.mean_abs_rel_error),
                percent(one.worst_abs_rel_error),
                percent(one.coverage, 0),
                percent(one.mean_half_width),
            ]
            for one in found
        ],
    )
