"""`froude watch`: verdicts on trainings that run, once or again and again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.errors import tell
from froude.cli.options import Columns, Json
from froude.cli.show import present
from froude.runs.roles import parse_roles

if TYPE_CHECKING:
    from froude.fitting.watching.verdicts import WatchResult

TO_STOP = 3
"""The exit code where a training should be stopped."""


def watch(
    sources: Annotated[list[str], typer.Argument(metavar="RUN|LOG…", help="Logs of running trainings, or a study.")],
    against: Annotated[
        list[str] | None, typer.Option(metavar="STUDY", help="Finished trainings to learn from: a study, or logs.")
    ] = None,
    goal: Annotated[float | None, typer.Option(metavar="LOSS", help="The loss that is to be reached.")] = None,
    steps: Annotated[
        float | None, typer.Option(min=1, metavar="N", help="Planned steps, where the logs do not say them.")
    ] = None,
    columns: Columns = None,
    every: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Look again after this, until all have ended.")
    ] = None,
    on_stop: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Run once for each training to stop; {name} is its name. No shell."),
    ] = None,
    json: Json = False,
) -> None:
    """Say where running trainings will end, which will miss a goal, and what looks wrong.

    They are read as `froude import` reads logs; nothing is written there. Finished trainings among them, and those of
    `--against`, teach how the others go on. "stop" means that the goal is missed with 99% or that the loss has
    diverged: the exit code is 3 then, and 0 where none is to be stopped.
    Example: `froude watch outputs/ --against runs --goal 2.31 --every 60`
    """
    from froude.answers.watching import answer_of_watch
    from froude.programs import words_of

    command = list(words_of(on_stop)) if on_stop else []
    stopped: set[str] = set()
    result = None
    with ExitStack() as screen:
        live = _live(screen) if every is not None and sys.stdout.isatty() and not json else None
        for result in _looks(sources, against or [], goal, steps, parse_roles(columns), every):
            if live is not None:
                live(result)
            else:
                present(answer_of_watch(result), json)
            _call(command, result, stopped)
    if result is not None and result.to_stop:
        raise typer.Exit(TO_STOP)


def _looks(
    sources: list[str], against: list[str], goal: float | None, steps: float | None, roles: dict[str, str] | None,
    every: float | None,
) -> Iterator[WatchResult]:  # fmt: skip
    """Verdicts, again and again until every training has ended."""
    from froude.fitting import watch as look

    while True:
        result = look(sources, against=against, goal=goal, steps=steps, columns=roles)
        yield result
        if every is None or all(run.says in ("finished", "diverged") for run in result.runs):
            return
        time.sleep(every)


def _live(screen: ExitStack):
    """A table on the terminal that each look replaces; as many rows as fit."""
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    from froude.answers.watching import answer_of_watch

    console = Console(highlight=False)
    live = screen.enter_context(Live(console=console, auto_refresh=False))

    def show(result: WatchResult) -> None:
        answer = answer_of_watch(result)
        shown = Table(title=Text(f"{answer.headline} · {time.strftime('%H:%M:%S')}"), title_justify="left", box=None)
        for table in answer.tables[:1]:
            for k, column in enumerate(table.columns):
                shown.add_column(column, justify="left" if k in table.left else "right")
            fitting = table.rows[: max(3, console.height - 6)]
            for row in fitting:
                shown.add_row(*map(Text, row), style="red" if row[-1].startswith("stop") else "")
            if len(fitting) < len(table.rows):
                shown.add_row(f"… and {len(table.rows) - len(fitting)} more")
        for table in answer.tables[1:]:
            for name, sign in table.rows[:5]:
                shown.add_row(Text(name), "", "", "", Text(sign), style="yellow")
        live.update(shown, refresh=True)

    return show


def _call(command: list[str], result: WatchResult, stopped: set[str]) -> None:
    """Run the command of `--on-stop` for each training that is to be stopped and was not before."""
    for run in result.to_stop if command else ():
        if run.name in stopped:
            continue
        stopped.add(run.name)
        words = [word.replace("{name}", run.name) for word in command]
        environment = {**os.environ, "FROUDE_RUN": run.name, "FROUDE_VERDICT": run.says}
        try:
            code = subprocess.run(words, env=environment, stdout=2, check=False).returncode
        except OSError as error:
            tell(f"--on-stop {words[0]!r} does not start ({error.strerror})")
            continue
        if code:
            tell(f"--on-stop {words[0]!r} ends with exit code {code} for {run.name!r}")
