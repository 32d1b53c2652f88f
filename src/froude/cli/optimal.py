"""`froude optimal`: what makes the most of a budget of compute."""

from __future__ import annotations

from typing import Annotated

import typer

from froude.cli.completion import complete_law_names
from froude.cli.options import Columns, Draws, Flops, Json, Outcome, Seed, Where, read_table
from froude.cli.show import present


def optimal(
    source: Annotated[
        str, typer.Argument(metavar="TABLE|FIT", help="Runs, or a fit of N and D that `froude fit --out` wrote.")
    ],
    at: Annotated[
        list[str] | None, typer.Option(metavar="C=QUANTITY", help="A budget: C=1e24. Any number of times.")
    ] = None,
    law: Annotated[
        str, typer.Option(metavar="NAME", autocompletion=complete_law_names, help="A law of N and D to fit to a table.")
    ] = "chinchilla",
    y: Outcome = "loss",
    columns: Columns = None,
    where: Where = None,
    flops: Flops = "auto",
    draws: Draws = 1000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """The best parameters, tokens and loss for a budget of compute, by a fit or by all that a table of runs allows.

    A table also gives the minima of runs of equal compute, and the three approaches of Hoffmann et al. side by side.
    Examples: `froude optimal fit.json --at C=1e24`, `froude optimal runs.csv --at C=1e23 --at C=1e24`
    """
    from pathlib import Path

    from froude.answers.optimal import answer_of_compute_optimal
    from froude.answers.readings import with_readings
    from froude.fitting import Fit, compute_optimal
    from froude.fitting.fit_file import is_fit_file

    fitted = Path(source) if is_fit_file(Path(source)) else None
    runs_or_fit = Fit.load(fitted) if fitted else read_table(source, columns, where, flops)
    best = compute_optimal(runs_or_fit, [_budget(text) for text in at or ()], y, law=law, draws=draws, seed=seed)
    answer = answer_of_compute_optimal(best)
    present(answer if isinstance(runs_or_fit, Fit) else with_readings(answer, [runs_or_fit]), json)


def _budget(text: str) -> float:
    """The FLOPs of `C=1e24`. InputError for what is no budget."""
    from froude.errors import InputError
    from froude.quantity import parse_assignments

    wanted = parse_assignments(text)
    if set(wanted) != {"C"}:
        raise InputError(f"--at {text!r} is no budget of compute: give C alone, as in C=1e24")
    return wanted["C"]
