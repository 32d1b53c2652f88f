"""`froude optimal`: what makes the most of a budget of compute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from froude.cli.completion import complete_fits, complete_laws
from froude.cli.options import Columns, Draws, Flops, Json, Outcome, Seed, Where, read_table
from froude.cli.outputs import PageFile, refuse_inputs
from froude.cli.show import present_with_page

Source = Annotated[
    str,
    typer.Argument(
        metavar="TABLE|FIT|LAW",
        autocompletion=complete_fits,
        help="Runs, a fit of N and D that `froude fit --out` wrote, or a law with published constants.",
    ),
]
Budgets = Annotated[list[str] | None, typer.Option(metavar="C=QUANTITY", help="A budget: C=1e24. Any number of times.")]
Served = Annotated[
    str | None, typer.Option(metavar="COUNT", help="Tokens served in the model's life, out of the same budget.")
]
Unique = Annotated[str | None, typer.Option(metavar="COUNT", help="Unique tokens there are; more are repeats.")]
LawName = Annotated[
    str,
    typer.Option(metavar="NAME", autocompletion=complete_laws, help="Law of N and D for a table; auto averages some."),
]


def optimal(
    source: Source,
    at: Budgets = None,
    inference_tokens: Served = None,
    data_limit: Unique = None,
    law: LawName = "auto",
    y: Outcome = "loss",
    columns: Columns = None,
    where: Where = None,
    flops: Flops = "auto",
    draws: Draws = 1000,
    seed: Seed = 0,
    page: PageFile = None,
    json: Json = False,
) -> None:
    """The best parameters, tokens, learning rate and batch for a budget of compute, and what leaving them costs.

    A table also gives the minima of runs of equal compute, and the three approaches of Hoffmann et al. side by side.
    Examples: `froude optimal runs.csv --at C=1e23 --at C=1e24`, `froude optimal fit.json --at C=1e24`,
    `froude optimal chinchilla:besiroglu-2024 --at C=1e24 --inference-tokens 10T`
    """
    from froude.answers.optimal import answer_of_compute_optimal
    from froude.answers.readings import with_readings
    from froude.fitting import Fit, compute_optimal
    from froude.fitting.fit_file import is_fit_file
    from froude.fitting.published_fit import PublishedFit
    from froude.fitting.sources import names_constants, read_source

    refuse_inputs({"--page": page}, [source])
    named = is_fit_file(Path(source)) or names_constants(source)
    taken = read_source(source, ("N", "D")) if named else read_table(source, columns, where, flops)
    best = compute_optimal(
        taken,
        [_budget(text) for text in at or ()],
        y,
        law=law,
        inference_tokens=inference_tokens or 0.0,
        data_limit_tokens=data_limit,
        draws=draws,
        seed=seed,
    )
    answer = answer_of_compute_optimal(best)
    answer = answer if isinstance(taken, Fit | PublishedFit) else with_readings(answer, [taken])
    present_with_page(answer, json, page, best)


def _budget(text: str) -> float:
    """The FLOPs of `C=1e24`. InputError for what is no budget."""
    from froude.errors import InputError
    from froude.quantity import parse_assignments

    wanted = parse_assignments(text)
    if set(wanted) != {"C"}:
        raise InputError(f"--at {text!r} is no budget of compute: give C alone, as in C=1e24")
    return wanted["C"]
