"""`froude compare`: where the curves of two methods cross, and which of them to believe in at a size not run."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.options import Columns, Draws, Flops, Json, Outcome, Seed, Where, read_table
from froude.cli.render import number_and_interval, percent, print_json, print_notes, print_table

if TYPE_CHECKING:
    from froude.fitting import Estimate

Table = Annotated[str, typer.Argument(metavar="TABLE", help="Runs of one method.")]
OTHER = "Runs of the other method."


def compare(
    first: Table,
    second: Annotated[str, typer.Argument(metavar="TABLE", help=OTHER)],
    at: Annotated[str, typer.Option(metavar="NAME=QUANTITY", help="The size that is meant in the end: C=1e24.")],
    law: Annotated[str, typer.Option(metavar="NAME", help="A law of one input; both methods are fitted by it.")] = (
        "power-floor"
    ),
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
    from froude.errors import InputError
    from froude.fitting import compare as compare_fits
    from froude.fitting import fit
    from froude.quantity import parse_assignments

    wanted = parse_assignments(at)
    if len(wanted) != 1:
        raise InputError(f"--at {at!r} names {len(wanted)} inputs: give one, as in C=1e24")
    ((x, size),) = wanted.items()
    tables = [read_table(table, columns, where, flops) for table in (first, second)]
    fits = [fit(law, runs, y, x=x, draws=draws, seed=seed + k) for k, runs in enumerate(tables)]
    found = compare_fits(fits[0], fits[1], size)
    if json:
        print_json(found.to_dict())
        return
    names = {"first": first, "second": second, "": "neither, beyond doubt"}
    rows = [
        [f"{x} where they cross, as {percent(found.crossing.share, 0)} of draws do", *_shown(found.crossing)],
        [f"times the {x} of {second} that {first} needs", *_shown(found.multiplier)],
    ]
    print_table(f"{y} by {fits[0].law.name}, compared at {x} = {size:g}", ["", "", f"{found.level:.0%} interval"], rows)
    print(f"\nahead where both are smallest: {names[found.small]}; at {x} = {size:g}: {names[found.winner]}")
    print(f"the one ahead now is ahead there with a probability of {percent(found.still_wins, 0)}")
    print_notes(
        f"{table}: {made.warnings[0]}" for table, made in zip((first, second), fits, strict=True) if made.warnings
    )


def _shown(found: Estimate) -> tuple[str, str]:
    """An estimate and its interval in words."""
    return number_and_interval(found.value, found.lo, found.hi) if isfinite(found.value) else ("none", "")
