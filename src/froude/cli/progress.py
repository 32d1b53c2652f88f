"""Bars for the trainings under way, and the time left in all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from froude.quantity import format_quantity, format_seconds

if TYPE_CHECKING:
    from froude.engines import Progress as RunProgress
    from froude.tank import Trunk

FRAMES_A_SECOND = 4  # few: the cores have trainings to do
TRUSTED_SHARE = 0.02  # of the work, after which its speed says how long the rest takes
BAR_WIDTH = 20
MARGIN = 6  # columns before a name


class Bars:
    """A bar for each run being trained, and one for all trainings with the time left.

    `afterwards_seconds` is what comes after these trainings and counts as time left.
    """

    def __init__(self, console: Console, trunks: Sequence[Trunk], afterwards_seconds: float) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=BAR_WIDTH),
            TextColumn("{task.fields[text]}"),
            console=console,
            transient=True,
            refresh_per_second=FRAMES_A_SECOND,
        )
        self.work = TrainingWork(trunks)
        self.afterwards_seconds = afterwards_seconds
        self.runs: dict[tuple[str, int], TaskID] = {}
        self.begin = time.monotonic()
        self.whole = self.progress.add_task(f"{'all':>{MARGIN + 2}}", total=self.work.total, text="starting")
        self.progress.start()

    def stop(self) -> None:
        """Takes the bars off the screen."""
        self.progress.stop()

    def move(self, trunk: Trunk, run_tokens: int, event: RunProgress) -> None:
        """Moves the bar of a trunk's run of that length."""
        text = f"loss {event.loss:.3f}  {format_quantity(event.tokens_per_s)} tokens/s"
        self.progress.update(self.bar_of(trunk, run_tokens), completed=event.tokens, text=text)
        self.work.advance(trunk, run_tokens, event.tokens)
        self.move_whole()

    def finish(self, trunk: Trunk, run_tokens: int) -> None:
        """Takes away the bar of a run that has ended."""
        self.progress.remove_task(self.bar_of(trunk, run_tokens))
        del self.runs[trunk.id, run_tokens]
        self.work.advance(trunk, run_tokens, run_tokens)
        self.move_whole()

    def bar_of(self, trunk: Trunk, run_tokens: int) -> TaskID:
        """The bar of a run, made when it is first heard of."""
        key = (trunk.id, run_tokens)
        if key not in self.runs:
            size = format_quantity(trunk.decoder.n_non_embedding)
            name = f"{'N':>{MARGIN}}={size} D={format_quantity(run_tokens)} seed {trunk.seed}"
            self.runs[key] = self.progress.add_task(name, total=run_tokens, text="")
        return self.runs[key]

    def move_whole(self) -> None:
        """Moves the bar of all trainings."""
        seconds = self.work.seconds_left(time.monotonic() - self.begin)
        left = "starting" if seconds is None else f"about {format_seconds(seconds + self.afterwards_seconds, 2)} left"
        self.progress.update(self.whole, completed=self.work.sum(), text=left)


class TrainingWork:
    """FLOPs of trainings: in all, done before they were first heard of, and done by now."""

    def __init__(self, trunks: Sequence[Trunk]) -> None:
        self.total = sum(trunk.work_tokens * trunk.decoder.training_flops_per_token for trunk in trunks)
        self.first: dict[str, float] = {}
        self.latest: dict[str, float] = {}

    def advance(self, trunk: Trunk, run_tokens: int, tokens: int) -> None:
        """Notes that a trunk's run of that length has come to so many tokens.

        The runs shorter than it are then finished, each with a decay of its own.
        """
        shorter = [t for t in trunk.tokens if t < run_tokens]
        decays = sum(t - trunk.decay_start(t) * trunk.batch_tokens for t in shorter)
        flops = (tokens + decays) * trunk.decoder.training_flops_per_token
        # What a trunk has behind it when it is first heard of an earlier command may have done: no sign of speed.
        self.first.setdefault(trunk.id, flops)
        self.latest[trunk.id] = max(flops, self.latest.get(trunk.id, 0.0))

    def sum(self) -> float:
        """FLOPs done by now."""
        return sum(self.latest.values())

    def seconds_left(self, seconds: float) -> float | None:
        """Seconds that the rest takes at the speed of the `seconds` past; None while too little is done to tell."""
        done = self.sum() - sum(self.first.values())
        if done < TRUSTED_SHARE * self.total or seconds <= 0:
            return None
        return (self.total - self.sum()) * seconds / done
