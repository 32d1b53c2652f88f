"""`froude compare`: where the curves of two methods cross, and which is likely ahead at a size not run."""

from __future__ import annotations

from typing import Annotated

import typer

from froude.cli.completion import complete_law_names
from froude.cli.options import Columns, Draws, Flops, Json, Outcome, Seed, Where, read_table
from froude.cli.show import present


def compare(
    first: Annotated[str, typer.Argument(metavar="TABLE", help="Runs of one method.")],
    second: Annotated[str, typer.Argument(metavar="TABLE", help="Runs of the other method.")],
    at: Annotated[str, typer.Option(metavar="NAME=QUANTITY", help="The size that is meant in the end: C=1e24.")],
    law: Annotated[
        str,
        typer.Option(
            metavar="NAME", autocompletion=complete_law_names, help="A law of one input; both methods are fitted by it."
        ),
    ] = ("power-floor"),
    y: Outcome = "loss",
    columns: Columns = None,
    where: Where = None,
    flops: Flops = "auto",
    draws: Draws = 1000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Fit two methods, and say where their curves cross and how likely the one ahead now stays ahead.

    Example: `froude compare adam.csv muon.csv --at C=1e24`
    """
    from froude.answers.comparisons import answer_of_comparison
    from froude.errors import InputError
    from froude.fitting import compare as compare_fits
    from froude.fitting import fit
    from froude.quantity import parse_assignments

    wanted = parse_assignments(at)
    if len(wanted) != 1:
        raise InputError(f"--at {at!r} names {len(wanted)} inputs: give one, as in C=1e24")
    ((x, size),) = wanted.items()
    tables = [read_table(table, columns, where, flops) for table in (first, second)]
    one, other = (fit(law, runs, y, x=x, draws=draws, seed=seed + k) for k, runs in enumerate(tables))
    present(answer_of_comparison(compare_fits(one, other, size), (first, second)), json)
