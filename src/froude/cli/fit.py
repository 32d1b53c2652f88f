"""`froude fit`: a law with numbers and intervals from a table of runs."""

from typing import Annotated

import typer

from froude.cli.render import Columns, Json, Table, interval, print_json, print_notes, print_table, roles

LawOption = Annotated[str, typer.Option(help="A law by name; `froude laws` lists them.")]


def fit(
    table: Table,
    law: LawOption = "chinchilla",
    x: Annotated[str | None, typer.Option(help="Input of a law of one input: N, D or C.")] = None,
    y: Annotated[str, typer.Option(help="Outcome to fit.")] = "loss",
    columns: Columns = None,
    where: Annotated[str | None, typer.Option(help='Only these runs: "C < 1e21 AND D > 2e9".')] = None,
    draws: Annotated[int, typer.Option(help="Bootstrap refits behind the intervals.")] = 1000,
    starts: Annotated[int, typer.Option(help="Random starts of the solver.")] = 27,
    seed: Annotated[int, typer.Option(help="Seed of starts and bootstrap.")] = 0,
    out: Annotated[str | None, typer.Option(help="Save the fit for `froude predict`.")] = None,
    json: Json = False,
) -> None:
    """Fit a law to a table of runs; say how sure each number is."""
    from froude.fit import fit as fit_law
    from froude.runs import read_runs

    runs = read_runs(table, roles(columns))
    kept = runs.where(where) if where else runs
    found = fit_law(law, kept, y, x=x, starts=starts, draws=draws, seed=seed)
    if out:
        found.save(out)
    if json:
        print_json(found.to_dict())
        return
    print_table(
        f"{found.law.name}: {y} = {found.law.formula}",
        ["parameter", "value", f"{found.level:.0%} interval"],
        [[name, f"{value:.5g}", interval(*found.intervals[name])] for name, value in found.params.items()],
    )
    print(f"{found.n} runs fitted, {found.diverged} diverged left out; median error {median_error(found)}")
    print(f"{found.starts_agree} of {found.starts_tried} starts agree; objective {found.objective:.9g}")
    print_notes([*runs.derived, *runs.notes], mark="·")
    print_notes(found.warnings)
    if out:
        print(f"saved as {out}: froude predict {out} --at {','.join(f'{name}=…' for name in found.law.inputs)}")


def median_error(found: object) -> str:
    """Median absolute residual, in percent for a law with log residuals."""
    import numpy as np

    size = float(np.median(np.abs(found.residuals)))  # type: ignore[attr-defined]
    return f"{100 * size:.2f}%" if found.residual == "log" else f"{size:.4g}"  # type: ignore[attr-defined]
