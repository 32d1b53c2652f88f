"""`froude compare`: which of several methods is likely ahead at a size not run, and where their curves cross."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from froude.cli.completion import complete_law_names
from froude.cli.options import Columns, Draws, Flops, Json, Outcome, Seed, Where, read_table
from froude.cli.outputs import PageFile, refuse_inputs
from froude.cli.show import present_with_page
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.runs import Runs


def compare(
    tables: Annotated[
        list[str], typer.Argument(metavar="TABLE…", help="Runs: a table for each method, or one with --by.")
    ],
    at: Annotated[
        str,
        typer.Option(
            metavar="NAME=QUANTITY,…",
            help="The size that is meant in the end: C=1e24, each method at its own best N and D; N=70B,D=1.4T, and "
            "along at its D/N; or the input of a law of one input.",
        ),
    ],
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of one table that says the method of a run.")
    ] = None,
    law: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            autocompletion=complete_law_names,
            help="A law that all methods are fitted by, of N and D or of one input; auto averages several.",
        ),
    ] = "auto",
    of: Annotated[Literal["run", "mean"], typer.Option(help="Of one run each, or of the mean of many.")] = "run",
    y: Outcome = "loss",
    columns: Columns = None,
    where: Where = None,
    flops: Flops = "auto",
    draws: Draws = 1000,
    seed: Seed = 0,
    page: PageFile = None,
    json: Json = False,
) -> None:
    """Fit two methods or more, and say which is ahead at a larger size, by how much, and where they cross.

    Of two: the ratio of their losses, how many times more compute the one behind needs, and the crossing, each with
    its interval. Of more: each beside the best. What two methods err by beyond their runs is taken to be partly shared.
    Examples: `froude compare adam.csv muon.csv --at C=1e24`, `froude compare runs.csv --by method --at N=7B,D=140B`
    """
    from froude.answers.comparisons import answer_of_comparison, answer_of_ranking
    from froude.answers.readings import with_readings
    from froude.fitting import compare as compare_fits
    from froude.fitting import fit_methods, rank
    from froude.quantity import parse_assignments

    refuse_inputs({"--page": page}, tables)
    place = parse_assignments(at)
    (x,) = place if len(place) == 1 else (None,)
    check_law(law, x)  # whose refusal speaks of no table
    read = read_methods(tables, by, columns, where, flops)
    fits = fit_methods(read if by is None else read[tables[0]], law, y, by=by, x=x, draws=draws, seed=seed)
    if len(fits) == 2:
        (first, one), (second, other) = fits.items()
        compared = compare_fits(one, other, place, of=of)
        answer, drawn = answer_of_comparison(compared, (first, second)), {"names": (first, second)}
    else:
        compared = rank(fits, place, of=of)
        answer, drawn = answer_of_ranking(compared), {}
    present_with_page(with_readings(answer, [*read.values()]), json, page, compared, **drawn)


def check_law(law: str, x: str | None) -> None:
    """InputError for no law of that name, and for one that is not over x."""
    from froude.laws import get_law

    if law != "auto" and (x is None or get_law(law).choices):
        get_law(law, x)


def read_methods(
    tables: list[str], by: str | None, columns: str | None, where: str | None, flops: str
) -> dict[str, Runs]:
    """The tables by their names. InputError for one without a column that tells methods apart, and for one twice."""
    if by is not None and len(tables) != 1:
        raise InputError(f"--by {by} tells the methods of one table apart, and {len(tables)} are given: leave it out")
    if by is None and len(tables) == 1:
        raise InputError(f"one table, {tables[0]}: name another, or the column of its methods, as --by method")
    read = {}
    for table in tables:
        if table in read:
            raise InputError(f"{table} is given twice: name another table")
        with naming_table(table):
            read[table] = read_table(table, columns, where, flops)
    return read


@contextmanager
def naming_table(table: str) -> Iterator[None]:
    """Lets an InputError say which of two tables it speaks of."""
    try:
        yield
    except InputError as error:
        raise error if table in str(error) else InputError(f"{table}: {error}") from None
