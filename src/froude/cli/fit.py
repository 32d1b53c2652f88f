"""`froude fit`: a law with numbers and intervals from a table of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from froude.cli.options import Columns, Draws, Flops, Input, Json, Outcome, Seed, Table, Where, read_table
from froude.cli.render import number_and_interval, percent, print_json, print_notes, print_table

if TYPE_CHECKING:
    from froude.fitting import Choice, Fit
    from froude.runs import Runs


def fit(
    table: Table,
    law: Annotated[
        str, typer.Option(metavar="NAME", help="Which law, of those that `froude laws` lists; auto averages several.")
    ] = "chinchilla",
    x: Input = None,
    y: Outcome = "loss",
    columns: Columns = None,
    where: Where = None,
    flops: Flops = "auto",
    draws: Draws = 1000,
    starts: Annotated[int, typer.Option(help="Random starts of the solver.")] = 27,
    seed: Seed = 0,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Save the fit for `froude predict`.")] = None,
    json: Json = False,
) -> None:
    """Fit a law to a table of runs, and say how sure each number is.

    Diverged runs, whose loss is NaN or infinite, are counted and not fitted.
    Example: `froude fit runs.csv --columns N=params --where "C < 1e21" --out fit.json`
    """
    from froude.fitting import choose

    runs = read_table(table, columns, where, flops)
    choice = choose(runs, y, laws=law, x=x, starts=starts, draws=draws, seed=seed)
    found = choice.fit
    if out is not None:
        found.save(out)
    if json:
        print_json({**found.to_dict(), **({"choice": choice.to_dict()} if law == "auto" else {})})
        return
    if law == "auto":
        show_choice(choice)
    else:
        show_parameters(found)
    show_evidence(choice, runs)
    if out is not None:
        print(how_to_go_on(out, found))


def how_to_go_on(out: str, found: Fit) -> str:
    """What to do with a saved fit. A schedule is no quantity to type: it is forecast from Python."""
    if any(mark.domain == "history" for mark in found.law.marks.values()):
        return f"saved: froude.Fit.load({out!r}).along(Schedule(…)) in Python"
    return f"saved: froude predict {out} --at {','.join(f'{name}=…' for name in found.law.inputs)}"


def show_parameters(found: Fit) -> None:
    """A law with its numbers on the terminal."""
    print_table(
        f"{found.law.name}: {found.y} = {found.law.formula}",
        ["parameter", "value", f"{found.level:.0%} interval"],
        [[name, *number_and_interval(value, *found.intervals[name])] for name, value in found.params.items()],
    )


def show_choice(choice: Choice) -> None:
    """The laws that were tried, and what came of each."""
    rows = zip(choice.candidates, choice.shares, strict=True)
    print_table(
        f"auto: {choice.fit.y} = the average of laws, each by how well it foretold the largest runs from the others",
        ["law", "share", "error held out", "hold-outs"],
        [[each.fit.law.name, percent(share, 0), percent(each.error), str(len(each.held_out))] for each, share in rows],
    )


def show_evidence(choice: Choice, runs: Runs) -> None:
    """What a fit rests on, and what to doubt of it."""
    from froude.runs.optional_roles import with_optional_roles

    found = choice.fit
    runs = with_optional_roles(runs, found.law.inputs)
    print()
    print(f"{found.n} runs fitted; {error_of(found)}")
    agree = f"{found.starts_agree} of {found.starts_tried} random starts agree"
    print(f"{agree}; objective {found.objective:.9g}, scaled gradient {found.gradient:.1g}")
    told = f"{len(choice.held_out)} hold-outs of them and from " if choice.held_out else ""
    print(f"beyond these runs errors grow by {percent(found.drift)} for each factor e of size,")
    print(f"as learned from {told}published studies")
    said = [f"{role} is the column {column!r}" for column, role in runs.read_as.items()]
    said += [f"{sentence}, derived" for sentence in runs.derived]
    if said:
        print("; ".join(said))
    print_notes(found.warnings)


def error_of(found: Fit) -> str:
    """How far off the fitted runs lie, in percent for a law with log residuals."""
    relative = found.residual == "log"
    off = np.abs(np.expm1(found.residuals) if relative else found.residuals)
    middle, worst = (percent(x) if relative else f"{x:.3g}" for x in (np.median(off), off.max()))
    return f"the law is off by {middle} in the median, {worst} at worst"
