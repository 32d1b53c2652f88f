"""What a person watching `froude sweep` reads: a line for each run that ends, and where somebody watches, bars."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from froude.answers.numbers import count, loss_text
from froude.cli.lines import print_line
from froude.cli.progress import BAR_WIDTH, FRAMES_A_SECOND
from froude.engines import Notice, RunFinished
from froude.engines import Progress as RunProgress
from froude.quantity import format_quantity, format_seconds
from froude.sweeps.events import SweepEvent, SweepStarted
from froude.sweeps.result import varied_names


class SweepTeller:
    """Tells on stderr how a sweep goes. A context manager, whose end takes the bars away, however it comes."""

    def __init__(self, console: Console | None = None, head: str = "sweep") -> None:
        self.head = head
        self.console = console or Console(stderr=True, highlight=False)
        self.configs: Mapping[str, Mapping[str, Any]] = {}
        self.varied: tuple[str, ...] = ()
        self.total = self.ended = 0
        self.begin = time.monotonic()
        self.bars: Progress | None = None
        self.running: dict[str, TaskID] = {}

    def __enter__(self) -> SweepTeller:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bars:
            self.bars.stop()

    def hear(self, event: SweepEvent) -> None:
        """Tells one event; one that a person need not know is passed over."""
        match event:
            case SweepStarted():
                self.start(event)
            case RunProgress():
                self.move(event)
            case RunFinished():
                is_lost = event.loss is None
                text = "diverged; it is kept, and left out of fits" if is_lost else f"loss {loss_text(event.loss or 0)}"
                self.end(event.run, text, "yellow" if is_lost else "dim")
            case Notice():
                print_line(self.console, "", event.text, "yellow")
            case _:
                pass

    def start(self, event: SweepStarted) -> None:
        """Says how many runs there are and how many of them are left."""
        self.configs, self.varied = event.configs, varied_names([*event.configs.values()])
        self.total = len(self.configs) - event.finished
        done = f", {event.finished} of them finished already" if event.finished else ""
        print_line(self.console, self.head, f"{count(len(self.configs), 'run')}{done}")
        if self.total and self.console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=BAR_WIDTH),
                TextColumn("{task.fields[text]}"),
            )
            self.bars = Progress(*columns, console=self.console, transient=True, refresh_per_second=FRAMES_A_SECOND)
            self.running["all"] = self.bars.add_task("     all", total=self.total, text="starting")
            self.bars.start()

    def move(self, event: RunProgress) -> None:
        """Shows the latest loss of a run."""
        if self.bars:
            if event.run not in self.running:
                self.running[event.run] = self.bars.add_task(f"     {self.name(event.run)}", total=None, text="")
            tokens = f", {format_quantity(event.tokens)} tokens" if event.tokens else ""
            self.bars.update(self.running[event.run], text=f"loss {event.loss:.3f}{tokens}")

    def end(self, run: str, text: str, style: str) -> None:
        """What came of one run, a line that stays, and the time that the others take."""
        self.ended += 1
        if self.bars:
            if run in self.running:
                self.bars.remove_task(self.running.pop(run))
            left = (self.total - self.ended) * (time.monotonic() - self.begin) / self.ended
            self.bars.update(self.running["all"], completed=self.ended, text=f"about {format_seconds(left, 2)} left")
        print_line(self.console, "run", f"{self.name(run)}: {text}", style)

    def name(self, run: str) -> str:
        """A run by the settings in which it differs from others."""
        config = self.configs.get(run, {})
        return ", ".join(f"{name} {_short(config[name])}" for name in self.varied if name in config) or run


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
