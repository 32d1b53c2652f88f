"""What a person watching `froude pilot --command` reads: its chapters, with the runs of each as of a sweep."""

from __future__ import annotations

from froude.answers.numbers import count
from froude.cli.story import StoryTeller
from froude.cli.sweep_story import SweepTeller
from froude.engines import Notice, Progress, RunFinished
from froude.pilots.command.ladder import PilotLadder
from froude.pilots.command.scale import FirstRun
from froude.pilots.events import ChapterStarted, FirstRunReady, ForecastReady, LadderReady, PilotEvent, PilotFinished
from froude.quantity import format_quantity, format_seconds
from froude.sweeps.events import SweepStarted


class CommandStoryTeller(StoryTeller):
    """Tells how a pilot of somebody's trainer goes, on stderr."""

    runs: SweepTeller | None = None

    def hear(self, event: PilotEvent) -> None:
        """Tells one event; one that a person need not know is passed over."""
        match event:
            case ChapterStarted(chapter="first runs"):
                self.line("first", "short runs, to find out how parameters and seconds grow with the dial")
            case FirstRunReady():
                self.tell_first_run(event.dial, event.run)
            case ChapterStarted():
                self.end_training()
                self.runs = SweepTeller(self.console, head=event.chapter)
            case SweepStarted() | Progress() | RunFinished() if self.runs:
                self.runs.hear(event)
            case LadderReady():
                self.tell_ladder(event.dial, event.ladder)
            case ForecastReady() | PilotFinished() | Notice():
                super().hear(event)
            case _:
                pass

    def end_training(self) -> None:
        """Takes the bars away."""
        if self.runs:
            self.runs.__exit__()
        self.runs = None

    def tell_first_run(self, dial: str, run: FirstRun) -> None:
        """What one first run said and took, a line that stays."""
        said = f"{format_quantity(run.n_params)} parameters, {format_seconds(run.seconds, 2)}"
        self.line("run", f"{dial} {run.size:g}, {format_quantity(run.tokens_said)} tokens: {said}", "dim")

    def tell_ladder(self, dial: str, ladder: PilotLadder) -> None:
        """Pilots and target, and how long they should take."""
        sizes = sorted({rung.size for rung in ladder.pilots})
        self.line(
            "plan",
            f"{count(len(ladder.pilots), 'pilot')} of {len(sizes)} sizes, {dial} {sizes[0]:g} to {sizes[-1]:g}: "
            f"{_cost(ladder.pilot_seconds, ladder.pilot_flops)}",
        )
        self.line(
            "",
            f"target of {dial} {ladder.target.size:g}, {format_quantity(ladder.n_params)} parameters on "
            f"{format_quantity(ladder.target.tokens)} tokens: {_cost(ladder.target_seconds, ladder.target_flops)}",
        )


def _cost(seconds: float | None, flops: float) -> str:
    return f"{flops:.2g} FLOPs" if seconds is None else f"about {format_seconds(seconds, 2)}"
