"""Bars for the trainings under way, and the time left in all."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from froude.quantity import format_quantity, format_seconds

if TYPE_CHECKING:
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
            TextColumn("{task.fields[said]}"),
            console=console,
            transient=True,
            refresh_per_second=FRAMES_A_SECOND,
        )
        self.work = TrainingWork(trunks)
        self.afterwards_seconds = afterwards_seconds
        self.runs: dict[tuple[str, int], TaskID] = {}
        self.trunks = {trunk.id: trunk for trunk in trunks}
        self.begin = time.monotonic()
        self.whole = self.progress.add_task(f"{'all':>{MARGIN + 2}}", total=self.work.total, said="starting")
        self.progress.start()

    def stop(self) -> None:
        """Takes the bars off the screen."""
        self.progress.stop()

    def move(self, event: Mapping[str, Any]) -> None:
        """Moves the bar of a run by an event of progress."""
        trunk, tokens = self.trunks[event["trunk"]], event["tokens_of_run"]
        said = f"loss {event['loss']:.3f}  {format_quantity(event['tokens_per_s'])} tokens/s"
        self.progress.update(self.bar_of(trunk, tokens), completed=event["tokens"], said=said)
        self.work.done(trunk, tokens, event["tokens"])
        self.move_whole()

    def finish(self, trunk: Trunk, tokens: int) -> None:
        """Takes away the bar of a run that has ended."""
        self.progress.remove_task(self.bar_of(trunk, tokens))
        del self.runs[trunk.id, tokens]
        self.work.done(trunk, tokens, tokens)
        self.move_whole()

    def bar_of(self, trunk: Trunk, tokens: int) -> TaskID:
        """The bar of a run, made when it is first heard of."""
        key = (trunk.id, tokens)
        if key not in self.runs:
            size = format_quantity(trunk.decoder.n_non_embedding)
            name = f"{'N':>{MARGIN}}={size} D={format_quantity(tokens)} seed {trunk.seed}"
            self.runs[key] = self.progress.add_task(name, total=tokens, said="")
        return self.runs[key]

    def move_whole(self) -> None:
        """Moves the bar of all trainings."""
        seconds = self.work.seconds_left(time.monotonic() - self.begin)
        said = "".join(f"about {format_seconds(s + self.afterwards_seconds, 2)} left" for s in seconds)
        self.progress.update(self.whole, completed=self.work.sum(), said=said or "starting")


class TrainingWork:
    """FLOPs of trainings: in all, done before they were first heard of, and done by now."""

    def __init__(self, trunks: Sequence[Trunk]) -> None:
        self.total = sum(trunk.work_tokens * trunk.decoder.training_flops_per_token for trunk in trunks)
        self.first: dict[str, float] = {}
        self.latest: dict[str, float] = {}

    def done(self, trunk: Trunk, tokens_of_run: int, tokens: int) -> None:
        """Takes it that a trunk's run of that length has come to so many tokens.

        The runs shorter than it are then finished, each with a decay of its own.
        """
        shorter = [t for t in trunk.tokens if t < tokens_of_run]
        decays = sum(t - trunk.decay_start(t) * trunk.batch_tokens for t in shorter)
        flops = (tokens + decays) * trunk.decoder.training_flops_per_token
        # An earlier command may have done what a trunk has behind it at its first word: no sign of speed.
        self.first.setdefault(trunk.id, flops)
        self.latest[trunk.id] = max(flops, self.latest.get(trunk.id, 0.0))

    def sum(self) -> float:
        """FLOPs done by now."""
        return sum(self.latest.values())

    def seconds_left(self, seconds: float) -> list[float]:
        """Seconds the rest takes at the speed of the `seconds` past; none while too little is done to say."""
        done = self.sum() - sum(self.first.values())
        if done < TRUSTED_SHARE * self.total or seconds <= 0:
            return []
        return [(self.total - self.sum()) * seconds / done]
