"""`froude import`: logs of trackers and trainers as runs of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from froude.cli.options import Columns, Json
from froude.cli.show import present
from froude.runs.roles import parse_roles


def import_(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE…", help="Logs, or folders of logs; each of one kind.")
    ],
    study: Annotated[
        Path, typer.Option(metavar="DIR", help="The study's folder: a new or empty one, or one of an earlier import.")
    ],
    columns: Columns = None,
    json: Json = False,
) -> None:
    """Write the runs of logs into a study, with what is N, D and loss in them, and why.

    Roles are found by names, values and configurations; `--columns loss=val/loss` decides one by a metric, a value of
    the summary or a key of the configuration. Where it is not clear which is the loss, that is asked. Imported again,
    only logs that have grown change anything. `froude fit` and `froude report` read logs without an import, too.
    Example: `froude import outputs/ --study runs`
    """
    from froude.answers.run_imports import answer_of_run_import
    from froude.runs import import_runs

    present(answer_of_run_import(import_runs(sources, study, parse_roles(columns))), json)
