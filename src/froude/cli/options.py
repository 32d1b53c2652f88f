"""Options that several commands take, and the table of runs they speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from froude.bounds import FEWEST_DRAWS, MOST_DRAWS, MOST_SEED
from froude.quantity import parse_assignments
from froude.runs.roles import parse_roles

if TYPE_CHECKING:
    from froude.runs import Runs

Kind = Literal["loss", "error-rate", "accuracy"]
Table = Annotated[
    str, typer.Argument(metavar="TABLE", help="Runs: a text, JSON, JSONL or Parquet file, a study folder, or logs.")
]
Columns = Annotated[
    str | None,
    typer.Option(metavar="ROLE=COLUMN,…", help="Columns by role: N=params,loss=val_loss. Found by name otherwise."),
]
Where = Annotated[
    str | None,
    typer.Option(metavar="CONDITION", help="Only these runs, in SQL: \"C < 1e21 AND tag = 'a'\"."),
]
Input = Annotated[
    str | None, typer.Option(metavar="N|D|C", help="Input of a law of one input, as power is. [default: C]")
]
Flops = Annotated[
    str,
    typer.Option(
        metavar="auto|column|exact|6nd",
        help="How C is counted: a column, the matmuls of the models' shapes, or 6·N·D; auto takes the first that can "
        "be. Sizes that all runs share: exact,context=2048",
    ),
]
Outcome = Annotated[str, typer.Option(metavar="COLUMN", help="What is fitted and predicted.")]
OfKind = Annotated[
    Kind | None,
    typer.Option("--kind", help="What the outcome is. [default: by its name, range and direction against size]"),
]
Draws = Annotated[int, typer.Option(min=FEWEST_DRAWS, max=MOST_DRAWS, help="Bootstrap refits behind the intervals.")]
Seed = Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of random starts and bootstrap.")]
EngineName = Annotated[
    str, typer.Option("--engine", metavar="NAME", help="Where to train: local, ray, ray://HOST:PORT or slurm.")
]
RunNeeds = Annotated[
    str | None,
    typer.Option("--needs", metavar="NAME=…", help="Of a run there: cpus=2,gpus=1,memory=8GB,time=2h,partition=gpu."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, as the last line on stdout.")]


def read_table(table: str, columns: str | None, where: str | None, flops: str = "auto") -> Runs:
    """The runs in a table for which a condition holds, checked, their FLOPs counted as `--flops` says."""
    from froude.fitting.accounting import count_flops
    from froude.runs.readers.read import chosen, read_unchecked

    how, sizes = parse_flops(flops)
    return chosen(count_flops(read_unchecked(table, parse_roles(columns)), how, **sizes), where)


def parse_flops(flops: str) -> tuple[str, dict[str, float]]:
    """The way to count and the sizes that `--flops` writes. InputError where the sizes do not parse."""
    how, _, sizes = flops.partition(",")
    return how.strip().lower(), parse_assignments(sizes) if sizes else {}
