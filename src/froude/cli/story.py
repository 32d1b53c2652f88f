"""What a person watching `froude pilot` reads: its chapters, line by line on stderr."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from froude.cli.progress import Bars
from froude.cli.render import percent
from froude.quantity import format_bytes, format_quantity, format_seconds

if TYPE_CHECKING:
    from froude.tank import Design, Trunk

Detail = Mapping[str, Any]

MARGIN = 9  # columns of the word at the head of a line
NARROWEST = 40  # columns of text, however narrow the terminal


class StoryTeller:
    """Renders the events of `froude.pilots.pilot.Watch` on stderr, with bars where a person watches a terminal.

    A context manager, whose end takes the bars away, however it comes.
    """

    def __init__(self, *, check: bool, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.check = check
        self.afterwards_seconds = 0.0
        self.trunk_of_run: dict[str, tuple[Trunk, int]] = {}
        self.bars: list[Bars] = []  # none or one

    def __enter__(self) -> StoryTeller:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_training()

    def hear(self, chapter: str, detail: Detail) -> None:
        """Takes one event of the story; one that is not known is passed over."""
        match chapter:
            case "corpus":
                self.tell_corpus(detail)
            case "speed":
                self.line("speed", "measuring tokens/s at several sizes for a few seconds")
            case "plan":
                self.tell_plan(detail["design"], repeats=detail["repeats"])
            case "pilots" | "target":
                self.start_training(chapter, detail)
            case "event":
                self.tell_training(detail)
            case "pilots end" | "target end":
                self.end_training()
            case "forecast":
                self.tell_forecast(detail)
            case "result":
                self.tell_result(detail)

    def line(self, head: str, text: str, style: str = "default") -> None:
        """A sentence under a head, wrapped to the terminal between words; a long path stays whole."""
        width = max(NARROWEST, self.console.width - MARGIN - 3)
        for part in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False):
            line = Text.assemble((f"{head:>{MARGIN}}", "bold cyan"), "  ", (part, style))
            self.console.print(line, soft_wrap=True)
            head = ""

    def tell_corpus(self, detail: Detail) -> None:
        """Bytes kept and dropped, and the hash."""
        self.line(
            "corpus",
            f"{format_bytes(detail['kept_bytes'])} kept of {detail['kept_files']} files, "
            f"{detail['dropped_files']} copies ({format_bytes(detail['dropped_bytes'])}) dropped; "
            f"{format_bytes(detail['validation_bytes'])} held out; manifest {detail['hash'][:12]}",
        )
        if detail["unreadable_files"]:
            self.line("", f"{detail['unreadable_files']} files could not be read and are left out", "yellow")

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

    def start_training(self, chapter: str, detail: Detail) -> None:
        """Says what is done and what is left, and shows bars where a person watches."""
        runs = {trunk.run_id(tokens): (trunk, tokens) for trunk in detail["trunks"] for tokens in trunk.tokens}
        self.trunk_of_run |= runs
        done = sum(id in detail["finished"] for id in runs)
        if chapter == "target":
            self.afterwards_seconds = 0.0
        if done:
            self.line(chapter, f"{done} of {len(runs)} runs are finished already")
        elif chapter == "pilots":
            self.line(chapter, f"training {len(runs)} runs")
        else:
            self.line(chapter, "training it, now that the forecast is written down")
        if detail["left"] and self.console.is_terminal:
            self.bars = [Bars(self.console, detail["left"], self.afterwards_seconds)]

    def end_training(self) -> None:
        """Takes the bars away."""
        for bars in self.bars:
            bars.stop()
        self.bars = []

    def tell_training(self, event: Detail) -> None:
        """Progress of a training moves its bar; a finished run is a line that stays."""
        if event["event"] == "progress":
            for bars in self.bars:
                bars.move(event)
        elif event["event"] == "run":
            trunk, tokens = self.trunk_of_run[event["id"]]
            for bars in self.bars:
                bars.finish(trunk, tokens)
            self.tell_run(trunk, tokens, event)

    def tell_run(self, trunk: Trunk, tokens: int, event: Detail) -> None:
        """What came out of one run."""
        size, length = format_quantity(trunk.decoder.n_non_embedding), format_quantity(tokens)
        run = f"{size} parameters, {length} bytes, seed {trunk.seed}"
        if event["diverged"]:
            self.line("run", f"{run}: diverged; it is kept, and left out of the fit", "yellow")
        else:
            self.line("run", f"{run}: loss {event['loss']:.4f}", "dim")

    def tell_forecast(self, detail: Detail) -> None:
        """The law chosen, and what it says before the target has run."""
        errors = ", ".join(f"{each['law']} {percent(each['held_out_error'], 1)}" for each in detail["choice"])
        self.line("law", f"error on the largest pilots, held out: {errors}")
        lo, hi = detail["interval"]
        self.line(
            "forecast",
            f"{detail['predicted']:.4f} nats/byte, {detail['level']:.0%} interval {lo:.4f} to {hi:.4f}, "
            f"by {detail['law']}; written down",
            "bold",
        )
        for warning in detail["warnings"]:
            self.line("", warning, "yellow")

    def tell_result(self, detail: Detail) -> None:
        """Forecast against measured, where there is one, and where the page is."""
        if "measured" in detail:
            self.tell_measured(detail)
        self.line("page", detail["report"])

    def tell_measured(self, detail: Detail) -> None:
        """How right the forecast was."""
        if not math.isfinite(detail["measured"]):
            self.line("measured", "the target diverged: there is no loss to compare with", "yellow")
            return
        verdict, style = ("inside", "bold green") if detail["inside"] else ("outside", "bold red")
        off = percent(detail["rel_error"])
        self.line("measured", f"{detail['measured']:.4f} nats/byte: {off} off, {verdict} the interval", style)
