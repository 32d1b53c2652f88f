"""`froude sweep`: anyone's trainer over a space of settings, into a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from froude.bounds import MOST_RETRIES, MOST_WORKERS
from froude.cli.options import EngineName, Json, RunNeeds
from froude.cli.outputs import output_folder
from froude.cli.show import present
from froude.runs.roles import parse_roles


def sweep(
    space: Annotated[str, typer.Argument(metavar="SPACE", help="The runs: a TOML file, or a table with a row each.")],
    command: Annotated[
        str, typer.Option(metavar="'PROGRAM … {name} …'", help="The trainer; {name} is a setting of the run. No shell.")
    ],
    study: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=output_folder,
            show_default=False,
            help="Folder of the study. [default: froude-studies/sweep-HASH, of the command]",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Runs at a time.")] = 1,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="In {log}: what the trainer logs. [default: JSON lines on stdout]"),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="ROLE=NAME,…", help="What the trainer calls N, D and loss: loss=val_loss.")
    ] = None,
    time_limit: Annotated[str | None, typer.Option(metavar="TIME", help="End a run after this: 10min.")] = None,
    retries: Annotated[int, typer.Option(min=0, max=MOST_RETRIES, help="Further attempts at a run that fails.")] = 0,
    resume: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Added to the command of a run begun before; its {log} is kept.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End runs that will not beat the best, after three.")] = False,
    engine: EngineName = "local",
    needs: RunNeeds = None,
    json: Json = False,
) -> None:
    """Train every run of a space by a command of yours, each once, into a study that fits and reports read.

    The TOML has [grid] lr = [1e-3, 3e-3]; [ladder] width = {geometric = [64, 512], steps = 5}; [random] draws = 9,
    lr = {log_uniform = [1e-4, 1e-2]} (or uniform, integer, choice); [[run]] rows; and [derived] tokens =
    "20 * N". {log} is a folder for the run's own files, {config} a JSON file of its settings. Kill it at
    any moment: the same command goes on. It leaves with code 1 where a run failed.
    Example: `froude sweep space.toml --command "python train.py --width {width} --lr {lr}" --study sizes`
    """
    from froude.cli.sweep_story import SweepTeller
    from froude.sweeps.result import answer_of_sweep
    from froude.sweeps.run import sweep as run_sweep

    with SweepTeller() as teller:
        result = run_sweep(
            space, command, study=study, workers=workers, metrics=metrics, columns=parse_roles(columns),
            time_limit=time_limit, retries=retries, resume=resume, engine=engine, needs=needs, stop=stop,
            watch=teller.hear,
        )  # fmt: skip
    present(answer_of_sweep(result), json)
    if result.failed:
        raise typer.Exit(1)
