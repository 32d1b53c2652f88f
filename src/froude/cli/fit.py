"""`froude fit`: a law with numbers and intervals from a table of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from froude.bounds import MOST_STARTS
from froude.cli.completion import complete_laws
from froude.cli.options import Columns, Draws, Flops, Input, Json, OfKind, Outcome, Seed, Table, Where, read_table
from froude.cli.outputs import output_file, refuse_inputs
from froude.cli.show import present


def fit(
    table: Table,
    law: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            autocompletion=complete_laws,
            help="Which law, of those that `froude laws` lists; auto averages several.",
        ),
    ] = "chinchilla",
    x: Input = None,
    y: Outcome = "loss",
    columns: Columns = None,
    where: Where = None,
    flops: Flops = "auto",
    kind: OfKind = None,
    draws: Draws = 1000,
    starts: Annotated[int, typer.Option(min=1, max=MOST_STARTS, help="Random starts of the solver.")] = 27,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=output_file, help="Save the fit for `froude predict`.")
    ] = None,
    json: Json = False,
) -> None:
    """Fit a law to a table of runs, and say how sure each number is.

    Losses, error rates and accuracies have laws of their own: what the outcome is, is recognised, or said by `--kind`.
    Diverged runs, whose loss is NaN or infinite, are counted and not fitted. A rule of the best learning rate or batch,
    as step-law-lr, is fitted to the best of each size, which is found first where the runs sweep it.
    Example: `froude fit runs.csv --columns N=params --where "C < 1e21" --out fit.json`
    """
    from froude.answers.fits import answer_of_choice, answer_of_fit
    from froude.fitting import choose

    refuse_inputs({"--out": out}, [table])
    runs = read_table(table, columns, where, flops)
    choice = choose(runs, y, laws=law, x=x, starts=starts, draws=draws, seed=seed, kind=kind)
    if out is not None:
        choice.fit.save(out)
    saved = None if out is None else str(out)
    if law == "auto":
        present(answer_of_choice(choice, runs=runs, saved=saved), json)
    else:
        outcome, optima = choice.outcome, choice.optima
        present(answer_of_fit(choice.fit, outcome=outcome, runs=runs, saved=saved, optima=optima), json)
