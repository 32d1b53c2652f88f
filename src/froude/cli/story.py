"""What a person watching `froude pilot` reads: its chapters, line by line on stderr."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console

from froude.answers.numbers import loss_text
from froude.answers.studies import forecast_words, held_out_words, measured_words
from froude.cli.lines import print_line
from froude.cli.progress import Bars
from froude.engines import Notice, Progress, RunFinished
from froude.pilots.events import (
    CorpusReady,
    ForecastReady,
    MeasuringSpeed,
    PilotEvent,
    PilotFinished,
    PlanReady,
    TrainingEnded,
    TrainingStarted,
)
from froude.quantity import format_bytes, format_quantity, format_seconds

if TYPE_CHECKING:
    from froude.pilots import PilotResult
    from froude.tank import Design, Trunk


class StoryTeller:
    """Renders what a pilot reports on stderr, with bars where a person watches a terminal.

    A context manager, whose end takes the bars away, however it comes.
    """

    def __init__(self, *, check: bool, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.check = check
        self.afterwards_seconds = 0.0
        self.trunk_of_run: dict[str, tuple[Trunk, int]] = {}
        self.bars: Bars | None = None

    def __enter__(self) -> StoryTeller:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_training()

    def hear(self, event: PilotEvent) -> None:
        """Tells one event; one that a person need not know is passed over."""
        match event:
            case CorpusReady():
                self.tell_corpus(event.summary)
            case MeasuringSpeed():
                self.line("speed", "measuring tokens/s at several sizes for a few seconds")
            case PlanReady():
                self.tell_plan(event.design, repeats=event.repeats)
            case TrainingStarted():
                self.start_training(event)
            case Progress() if self.bars:
                self.bars.move(*self.trunk_of_run[event.run], event)
            case RunFinished():
                self.tell_run(event)
            case Notice():
                self.line("", event.text, "yellow")
            case TrainingEnded():
                self.end_training()
            case ForecastReady():
                self.tell_forecast(event.document)
            case PilotFinished():
                self.tell_result(event.result)
            case _:
                pass

    def line(self, head: str, text: str, style: str = "default") -> None:
        """A sentence under a head."""
        print_line(self.console, head, text, style)

    def tell_corpus(self, summary: Mapping[str, Any]) -> None:
        """Bytes kept and dropped, and the hash."""
        self.line(
            "corpus",
            f"{format_bytes(summary['kept_bytes'])} kept of {summary['kept_files']} files, "
            f"{summary['dropped_files']} copies ({format_bytes(summary['dropped_bytes'])}) dropped; "
            f"{format_bytes(summary['validation_bytes'])} held out; manifest {summary['hash'][:12]}",
        )
        if summary["unreadable_files"]:
            self.line("", f"{summary['unreadable_files']} files could not be read and are left out", "yellow")

    def tell_plan(self, design: Design, *, repeats: bool) -> None:
        """Pilots and target, and how long they should take."""
        sizes = sorted({trunk.decoder.n_non_embedding for trunk in design.pilots})
        runs = sum(len(trunk.tokens) for trunk in design.pilots)
        self.line(
            "plan",
            f"{runs} pilots from {len(design.pilots)} trainings of {len(sizes)} sizes, "
            f"{format_quantity(sizes[0])} to {format_quantity(sizes[-1])} parameters: "
            f"about {format_seconds(design.pilot_seconds, 2)}",
        )
        target = design.target
        self.line(
            "",
            f"target of {format_quantity(target.decoder.n_non_embedding)} parameters on "
            f"{format_quantity(target.tokens[-1])} bytes: about {format_seconds(design.target_seconds, 2)}",
        )
        if repeats:
            self.line("", "the corpus is small for this plan: the longest runs see bytes twice", "yellow")
        self.afterwards_seconds = design.target_seconds if self.check else 0.0

    def start_training(self, event: TrainingStarted) -> None:
        """Says what is done and what is left, and shows bars where a person watches."""
        runs = {trunk.run_id(tokens): (trunk, tokens) for trunk in event.trunks for tokens in trunk.tokens}
        self.trunk_of_run |= runs
        done = sum(id in event.finished for id in runs)
        if event.chapter == "target":
            self.afterwards_seconds = 0.0
        if done:
            self.line(event.chapter, f"{done} of {len(runs)} runs are finished already")
        elif event.chapter == "pilots":
            self.line(event.chapter, f"training {len(runs)} runs")
        else:
            self.line(event.chapter, "training it, now that the forecast is written down")
        if event.unfinished and self.console.is_terminal:
            self.bars = Bars(self.console, event.unfinished, self.afterwards_seconds)

    def end_training(self) -> None:
        """Takes the bars away."""
        if self.bars:
            self.bars.stop()
        self.bars = None

    def tell_run(self, event: RunFinished) -> None:
        """What came out of one run, a line that stays."""
        trunk, tokens = self.trunk_of_run[event.run]
        if self.bars:
            self.bars.finish(trunk, tokens)
        size, length = format_quantity(trunk.decoder.n_non_embedding), format_quantity(tokens)
        run = f"{size} parameters, {length} bytes, seed {trunk.seed}"
        if event.loss is None:
            self.line("run", f"{run}: diverged; it is kept, and left out of the fit", "yellow")
        else:
            self.line("run", f"{run}: loss {loss_text(event.loss)}", "dim")

    def tell_forecast(self, document: Mapping[str, Any]) -> None:
        """The law chosen, and its forecast before the target has run."""
        self.line("law", f"error on the largest pilots, held out: {held_out_words(document)}")
        self.line("forecast", f"{forecast_words(document)}; written down", "bold")
        for warning in document["warnings"]:
            self.line("", warning, "yellow")

    def tell_result(self, result: PilotResult) -> None:
        """Forecast against measured, where there is one, and where the page is."""
        if result.measured is not None:
            style = "bold green" if result.inside else "bold red" if math.isfinite(result.measured) else "yellow"
            words = measured_words(result.predicted, result.interval, result.measured, result.loss_unit)
            self.line("measured", words, style)
        self.line("page", str(result.report))
