"""`froude optimal`: what makes the most of a budget of compute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from froude.cli.completion import complete_fits, complete_laws
from froude.cli.errors import tell
from froude.cli.options import Columns, Draws, Flops, Json, Outcome, Seed, Where, read_table
from froude.cli.outputs import output_file, refuse_inputs
from froude.cli.show import present

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
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", parser=output_file, help="Draw it: a .png, .svg or .pdf file.")
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
    out: Out = None,
    json: Json = False,
) -> None:
    """The best parameters, tokens, learning rate and batch for a budget of compute, and what leaving them costs.

    A table also gives the minima of runs of equal compute, and the three approaches of Hoffmann et al. side by side.
    Examples: `froude optimal runs.csv --at C=1e23 --at C=1e24`, `froude optimal fit.json --at C=1e24`,
    `froude optimal chinchilla:besiroglu-2024 --at C=1e24 --inference-tokens 10T`
    """
    from froude.answers.optimal import answer_of_compute_optimal
    from froude.answers.readings import with_readings
    from froude.drawing.files import check_kind
    from froude.fitting import Fit, compute_optimal
    from froude.fitting.fit_file import is_fit_file
    from froude.fitting.published_fit import PublishedFit
    from froude.fitting.sources import names_constants, read_source

    refuse_inputs({"--out": out}, [source])
    if out is not None:
        check_kind(out)  # before anything is fitted
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
    if out is not None:
        _draw(best, out)
    answer = answer_of_compute_optimal(best)
    present(answer if isinstance(taken, Fit | PublishedFit) else with_readings(answer, [taken]), json)


def _draw(best: object, out: Path) -> None:
    """Writes the picture, and says so."""
    from froude.drawing import draw
    from froude.drawing.files import write_picture

    write_picture(draw(best), out)
    tell(f"picture: {out}")


def _budget(text: str) -> float:
    """The FLOPs of `C=1e24`. InputError for what is no budget."""
    from froude.errors import InputError
    from froude.quantity import parse_assignments

    wanted = parse_assignments(text)
    if set(wanted) != {"C"}:
        raise InputError(f"--at {text!r} is no budget of compute: give C alone, as in C=1e24")
    return wanted["C"]
