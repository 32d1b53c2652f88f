"""What a person watching `froude pilot` sees: the story line by line, and a bar for every training."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from froude.quantity import format_bytes, format_quantity, format_seconds

Detail = Mapping[str, Any]


class Display:
    """Renders the chapters of a pilot on stderr; bars move only where a person watches a terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.bars: Bars | None = None

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_bars()

    def watch(self, chapter: str, detail: Detail) -> None:
        """Takes one event of the story."""
        tell: dict[str, Callable[[Detail], None]] = {
            "corpus": self.corpus,
            "speed": lambda _: self.line("speed", "measuring tokens/s at several sizes for a few seconds"),
            "plan": self.plan,
            "pilots": self.pilots,
            "target": self.target,
            "event": self.event,
            "forecast": self.forecast,
            "result": self.result,
        }
        tell.get(chapter, lambda _: self.stop_bars())(detail)

    def line(self, head: str, text: str) -> None:
        """One line of the story."""
        self.console.print(f"[bold cyan]{head:>9}[/bold cyan]  {text}")

    def corpus(self, detail: Detail) -> None:
        """Bytes kept and dropped, and the hash."""
        self.line(
            "corpus",
            f"{format_bytes(detail['kept_bytes'])} kept of {detail['kept_files']} files, "
            f"{detail['dropped_files']} copies ({format_bytes(detail['dropped_bytes'])}) dropped; "
            f"{format_bytes(detail['validation_bytes'])} held out; manifest {detail['hash'][:12]}",
        )
        if detail["unreadable_files"]:
            self.line("", f"{detail['unreadable_files']} files could not be read and are left out")

    def plan(self, detail: Detail) -> None:
        """Pilots and target in two lines."""
        design = detail["design"]
        decoders = {trunk.decoder for trunk in design.pilots}
        sizes = sorted(decoder.n_non_embedding for decoder in decoders)
        runs = sum(len(trunk.tokens) for trunk in design.pilots)
        target = design.target
        self.line(
            "plan",
            f"{runs} pilots from {len(design.pilots)} trunks of {len(sizes)} sizes, {format_quantity(sizes[0])} to "
            f"{format_quantity(sizes[-1])} parameters, about {format_seconds(design.pilot_seconds)}",
        )
        self.line(
            "",
            f"target: {format_quantity(target.decoder.n_non_embedding)} parameters on "
            f"{format_quantity(target.tokens[-1])} bytes, about {format_seconds(design.target_seconds)}",
        )
        if detail["repeats"]:
            self.line("", "[yellow]the corpus is too small for this plan: the longest runs see bytes twice[/yellow]")

    def pilots(self, detail: Detail) -> None:
        """Bars for the pilots left to train."""
        self.start_bars("pilots", detail)

    def target(self, detail: Detail) -> None:
        """A bar for the target."""
        self.start_bars("target", detail)

    def start_bars(self, head: str, detail: Detail) -> None:
        """Says what is done and what is left, and shows a bar for each trunk left."""
        runs = [trunk.run_id(tokens) for trunk in detail["trunks"] for tokens in trunk.tokens]
        done = sum(run in detail["finished"] for run in runs)
        if done:
            self.line(head, f"{done} of {len(runs)} runs are finished already")
        if detail["left"]:
            self.bars = Bars(self.console, detail["left"], detail["finished"])

    def stop_bars(self) -> None:
        """Takes the bars away."""
        if self.bars:
            self.bars.stop()
            self.bars = None

    def event(self, event: Detail) -> None:
        """Progress of a trunk, or a finished run."""
        if self.bars:
            self.bars.move(event)

    def forecast(self, detail: Detail) -> None:
        """The law chosen and what it says, before the target has run."""
        laws = ", ".join(f"{each['law']} {100 * each['held_out_error']:.1f}%" for each in detail["choice"])
        self.line("law", f"error on the largest pilots, held out: {laws}")
        lo, hi = detail["interval"]
        self.line(
            "forecast",
            f"[bold]{detail['predicted']:.4f}[/bold] nats/byte, {detail['level']:.0%} interval {lo:.4f} to {hi:.4f}, "
            f"by {detail['law']}; written down before the target runs",
        )
        for warning in detail["warnings"]:
            self.line("", f"[yellow]{warning}[/yellow]")

    def result(self, detail: Detail) -> None:
        """Forecast against measured, and where the page is."""
        if "measured" in detail:
            verdict = "[green]inside[/green]" if detail["inside"] else "[red]outside[/red]"
            self.line(
                "measured",
                f"[bold]{detail['measured']:.4f}[/bold] nats/byte: {100 * detail['rel_error']:.2f}% off, "
                f"{verdict} the interval",
            )
        self.line("page", detail["report"])


class Bars:
    """A bar a trunk, and one line for the whole with the time left."""

    def __init__(self, console: Console, trunks: list[Any], finished: set[str]) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), Speed(), console=console, transient=True
        )
        self.whole = self.progress.add_task("[bold]all[/bold]", total=sum(work_left(t, finished) for t in trunks))
        self.total_of = {trunk.id: work_left(trunk, finished) for trunk in trunks}
        self.trunks = {trunk.id: trunk for trunk in trunks}
        self.tasks: dict[str, Any] = {}
        self.progress.start()

    def stop(self) -> None:
        """Ends the display."""
        self.progress.stop()

    def move(self, event: Detail) -> None:
        """Moves the bar of the event's trunk."""
        if event["event"] == "progress":
            task = self.task_of(event["trunk"])
            done = min(self.work_done(event), self.total_of[event["trunk"]])
            self.progress.update(task, completed=done, loss=event["loss"], rate=event["tokens_per_s"])
        elif event["event"] == "run" and event["diverged"]:
            self.progress.console.print(f"[yellow]run {event['id']} diverged: it is kept, and left out of the fit[/yellow]")
        self.progress.update(self.whole, completed=sum(task.completed for task in self.progress.tasks[1:]))

    def task_of(self, id: str) -> Any:
        """The bar of a trunk, made when it starts."""
        if id not in self.tasks:
            trunk = self.trunks[id]
            name = f"N={format_quantity(trunk.decoder.n_non_embedding)} seed {trunk.seed}"
            self.tasks[id] = self.progress.add_task(f"{name:<22}", total=self.total_of[id])
        return self.tasks[id]

    def work_done(self, event: Detail) -> float:
        """Tokens trained so far: the trunk, and the decays of shorter runs."""
        trunk = self.trunks[event["trunk"]]
        shorter = [tokens for tokens in trunk.tokens if tokens < event["tokens_of_run"]]
        return event["tokens"] + sum(tokens - trunk.decay_start(tokens) * trunk.batch_tokens for tokens in shorter)


def work_left(trunk: Any, finished: set[str]) -> int:
    """Tokens of a trunk's whole work; a trunk that goes on moves ahead at its first event."""
    return trunk.work_tokens


class Speed(ProgressColumn):
    """Loss and tokens a second of a trunk, or the time left of the whole."""

    def render(self, task: Task) -> Text:
        """The text at the end of a bar."""
        if "loss" in task.fields:
            if task.finished:
                return Text(f"loss {task.fields['loss']:.3f}", style="dim")
            return Text(f"loss {task.fields['loss']:.3f}  {format_quantity(task.fields['rate'])} tokens/s")
        left = task.time_remaining
        return Text(f"about {format_seconds(left)} left" if left is not None else "starting", style="bold")
