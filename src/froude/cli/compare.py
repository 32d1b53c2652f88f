"""`froude compare`: where the curves of two methods cross, and which is likely ahead at a size not run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from froude.cli.completion import complete_law_names
from froude.cli.options import Columns, Draws, Flops, Json, Outcome, Seed, Where, read_table
from froude.cli.show import present
from froude.errors import InputError


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
    from froude.answers.readings import with_readings
    from froude.fitting import compare as compare_fits
    from froude.fitting import fit
    from froude.laws import get_law
    from froude.quantity import parse_assignments

    wanted = parse_assignments(at)
    if len(wanted) != 1:
        raise InputError(f"--at {at!r} names {len(wanted)} inputs: give one, as in C=1e24")
    ((x, size),) = wanted.items()
    get_law(law, x)  # whose refusal speaks of no table
    tables, fits = [], []
    for k, table in enumerate((first, second)):
        with naming_table(table):
            tables.append(read_table(table, columns, where, flops))
            fits.append(fit(law, tables[k], y, x=x, draws=draws, seed=seed + k))
    answer = answer_of_comparison(compare_fits(fits[0], fits[1], size), (first, second))
    present(with_readings(answer, tables), json)


@contextmanager
def naming_table(table: str) -> Iterator[None]:
    """Lets an InputError say which of two tables it speaks of."""
    try:
        yield
    except InputError as error:
        raise error if table in str(error) else InputError(f"{table}: {error}") from None
