"""`froude fit`: a law with numbers and intervals from a table of runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.bounds import MOST_STARTS
from froude.cli.completion import complete_laws
from froude.cli.options import Columns, Draws, Flops, Input, Json, OfKind, Outcome, Seed, Table, Where, read_table
from froude.cli.outputs import output_file, refuse_inputs
from froude.cli.show import present
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.fitting import GroupedFit

By = Annotated[str | None, typer.Option(metavar="COLUMN", help="Fit the law to the runs of each value of a column.")]
Shared = Annotated[
    str | None,
    typer.Option(metavar="PARAMETER,…", help="With --by: parameters that are the same in all, as alpha,beta."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        parser=output_file,
        help="Save the fit for `froude predict`; with --by one each: fit.json becomes fit-c4.json.",
    ),
]


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
    by: By = None,
    shared: Shared = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Fit a law to a table of runs, and say how sure each number is.

    Losses, error rates and accuracies have laws of their own: what the outcome is, is recognised, or said by `--kind`.
    Diverged runs, whose loss is NaN or infinite, are counted and not fitted. Runs that do not belong together are
    noticed; `--by` fits a law to each kind. A rule of the best learning rate or batch, as step-law-lr, is fitted to the
    best of each size, which is found first where the runs sweep it.
    Example: `froude fit runs.csv --columns N=params --where "C < 1e21" --out fit.json`
    """
    from froude.answers.fits import answer_of_choice, answer_of_fit
    from froude.answers.fits_by_group import answer_of_grouped_fit
    from froude.fitting import choose, fit_by

    if shared is not None and by is None:
        raise typer.BadParameter(
            "parameters are shared between groups: name their column with --by", param_hint="--shared"
        )
    refuse_inputs({"--out": out}, [table])
    runs = read_table(table, columns, where, flops)
    if by is not None:
        names = [name.strip() for name in (shared or "").split(",") if name.strip()]
        grouped = fit_by(law, runs, by, y, x=x, shared=names, starts=starts, draws=draws, seed=seed, kind=kind)
        files = {} if out is None else save_each(grouped, out, table)
        present(answer_of_grouped_fit(grouped, runs=runs, saved=files), json)
        return
    choice = choose(runs, y, laws=law, x=x, starts=starts, draws=draws, seed=seed, kind=kind)
    if out is not None:
        choice.fit.save(out)
    saved = None if out is None else str(out)
    if law == "auto":
        present(answer_of_choice(choice, runs=runs, saved=saved), json)
    else:
        outcome, optima = choice.outcome, choice.optima
        present(answer_of_fit(choice.fit, outcome=outcome, runs=runs, saved=saved, optima=optima), json)


def save_each(grouped: GroupedFit, out: Path, table: str) -> dict[str, str]:
    """Saves the fit of each group beside `out`, its value in the name, and returns the files' names by value.

    InputError where two values would have one name, and where one is the table's.
    """
    files: dict[str, Path] = {}
    for value in grouped.fits:
        name = re.sub(r"[^\w.+-]+", "-", value).strip("-")
        path = out.with_name(f"{out.stem}-{name}{out.suffix}")
        if path in files.values():
            raise InputError(
                f"two values of {grouped.by} would be saved as {path.name}: save them one by one with --where"
            )
        files[value] = path
    refuse_inputs({f"--out of {value}": path for value, path in files.items()}, [table])
    for value, path in files.items():
        grouped.fits[value].save(path)
    return {value: str(path) for value, path in files.items()}
