"""What a person reads of a plan: the choice in three lines, where memory and time go, what nearly won, and why."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from froude.cli.render import PIPED_WIDTH, facts_grid, percent, print_table
from froude.quantity import format_bytes, format_quantity, format_seconds

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from froude.cost import Cost
    from froude.planning.plans import Infeasible, Plan

BAR, LABEL, VALUE, SHARE = 40, 30, 9, 5
"""Columns of a bar, and of what stands before it."""

MOST_POINTS = 16
EIGHTHS = " ▏▎▍▌▋▊▉█"


def show(found: Plan | Infeasible) -> None:
    """A plan, or why there is none, on the terminal."""
    from froude.planning.plans import Plan

    with written() as console:
        if isinstance(found, Plan):
            show_choice(console, found)
            show_parts(console, found.choice.cost, found.machine.chip.memory_bytes)
            show_runners_up(console, found)
            show_list(console, "What binds", found.binding)
        else:
            show_infeasible(console, found)
        show_list(console, "Assumed", found.assumptions, dim=True)


@contextmanager
def written() -> Iterator[Console]:
    """A console as wide as the terminal, or of a fixed width; what it was given goes to stdout at the end."""
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    with console.capture() as caught:
        yield console
    # Cells are padded with blanks, which are noise in a pipe.
    print("\n".join(line.rstrip() for line in caught.get().splitlines()))


def show_choice(console: Console, plan: Plan) -> None:
    """The choice in three lines, and a fourth for a loss where a law forecasts one."""
    from rich.padding import Padding
    from rich.text import Text

    from froude.planning.plans import machine_words

    took = f"{format_seconds(plan.seconds)} for ${format_quantity(plan.dollars)}"
    trained = f"{format_quantity(plan.tokens)} tokens in {took}"
    console.print(Text(f"{plan.model} on {machine_words(plan.machine)}: {trained}", style="bold"))
    console.print(Padding(facts_grid(choice_lines(plan)), (0, 0, 0, 2)))


def choice_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """Layout, speed, and what a law and its rules decided, as pairs of head and text."""
    from froude.planning.layouts.names import layout_words

    cost, (lo, hi) = plan.choice.cost, plan.interval
    yield "layout", layout_words(plan.choice.layout)
    room = f"{format_bytes(plan.choice.memory_bytes)} of {format_bytes(plan.machine.chip.memory_bytes)}"
    yield (
        "speed",
        f"{format_seconds(plan.choice.step_seconds)} a step ({format_seconds(lo)} to {format_seconds(hi)}), "
        f"{percent(float(cost.mfu), 1)} MFU, {format_quantity(float(cost.tokens_per_second))} tokens/s; "
        f"{room}, fits with "
        f"{percent(float(cost.fits_probability), 0)} certainty",
    )
    if plan.forecast:
        yield "loss", loss_words(plan.forecast)
    if "learning_rate" in plan.chosen:
        batch = float(plan.choice.layout.tokens)
        yield (
            "settings",
            f"{format_quantity(plan.n_params)} parameters, learning rate {plan.chosen['learning_rate']:.3g}, "
            f"{format_quantity(batch)} tokens a step, {plan.steps:,} steps, {format_quantity(plan.kwh)} kWh",
        )


def loss_words(forecast: Mapping[str, Any]) -> str:
    """The loss that is forecast, its interval or that there is none, and by which law."""
    said = f"{forecast['loss']:.4f} {forecast['unit']}"
    if forecast.get("quantile"):
        said += f" at the {forecast['quantile']:g} quantile"
    if forecast["interval"]:
        lo, hi = forecast["interval"]
        said += f" ({lo:.4f} to {hi:.4f}, {forecast['level']:.0%} interval)"
    else:
        said += ", a point without an interval"
    return f"{said}, by {forecast['law']}"


def show_parts(console: Console, cost: Cost, capacity_bytes: float) -> None:
    """Bars of a device's memory, of so many bytes, and of a step."""
    from froude.planning.layouts.names import MEMORY_PARTS, STEP_PARTS

    memory = {MEMORY_PARTS[name]: float(value) for name, value in vars(cost.memory).items()}
    step = {STEP_PARTS[name]: float(value) for name, value in vars(cost.step).items()}
    total = float(cost.memory.total)
    free = max(capacity_bytes - total, 0.0)
    head = f"Memory of a device: {format_bytes(total)} used of {format_bytes(capacity_bytes)}"
    show_bars(console, head, {**memory, "free": free}, format_bytes)
    show_bars(console, f"A step: {format_seconds(float(cost.step_seconds))}", step, format_seconds)


def show_bars(console: Console, head: str, parts: Mapping[str, float], write: Any) -> None:
    """Parts of a whole, largest first, those below a hundredth together."""
    from rich.text import Text

    whole = sum(parts.values())
    told = sorted(((name, value) for name, value in parts.items() if value >= whole / 100), key=lambda one: -one[1])
    rest = whole - sum(value for _, value in told)
    console.print()
    console.print(Text(head, style="bold"))
    for name, value in [*told, *([("all else", rest)] if rest > whole / 1000 else [])]:
        share = value / whole
        label = f"  {name:<{LABEL}} {write(value):>{VALUE}} {share:>{SHARE}.0%}  "
        style = "dim" if name.startswith("free") else "cyan"
        console.print(Text.assemble(label, (bar(share), style)), soft_wrap=True)


def bar(share: float) -> str:
    """A bar of a share of `BAR` columns, to an eighth of one."""
    eighths = max(round(share * BAR * 8), 1)
    return EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def show_runners_up(console: Console, plan: Plan) -> None:
    """What nearly won, and why it lost."""
    from rich.text import Text

    from froude.planning.layouts.names import layout_label

    if not plan.runners_up:
        return
    console.print()
    console.print(Text("Runners-up", style="bold"))
    table = columns_of(("  layout", "left"), ("a step", "right"), ("MFU", "right"), ("why it lost", "left"))
    for runner in plan.runners_up:
        one = runner.candidate
        mfu = percent(float(one.cost.mfu), 0)
        table.add_row(f"  {layout_label(one.layout)}", format_seconds(one.step_seconds), mfu, Text(runner.why))
    console.print(table)


def columns_of(*heads: tuple[str, Any]) -> Table:
    """An empty table without a frame, its last column folded to what is left of the width."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for i, (head, side) in enumerate(heads):
        last = i == len(heads) - 1
        made.add_column(head, justify=side, no_wrap=not last, overflow="fold" if last else "ellipsis")
    return made


def show_list(console: Console, head: str, sentences: Sequence[str], *, dim: bool = False) -> None:
    """Sentences under a head, what stands before their colon set apart."""
    from rich.table import Table
    from rich.text import Text

    if not sentences:
        return
    console.print()
    console.print(Text(head, style="bold"))
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True, style="dim")
    made.add_column(overflow="fold", style="dim" if dim else "")
    before = ""
    for sentence in sentences:
        name, colon, rest = sentence.partition(": ")
        made.add_row("" if name == before else f"  {name}", Text(rest if colon else sentence))
        before = name
    console.print(made)


def show_infeasible(console: Console, found: Infeasible) -> None:
    """Why there is no plan, and the least change after which there is one."""
    from rich.padding import Padding
    from rich.text import Text

    from froude.planning.plans import machine_words

    console.print(Text(f"No plan for {found.model} on {machine_words(found.machine)}", style="bold red"))
    said = [*(("because", reason) for reason in found.reasons), ("nearest", found.nearest)]
    console.print(Padding(facts_grid(said), (0, 0, 0, 2)))


def show_front(points: Sequence[Mapping[str, Any]]) -> None:
    """The front as a table, thinned where it is long."""
    rows = min(len(points), MOST_POINTS)
    kept = [points[round(i * (len(points) - 1) / max(rows - 1, 1))] for i in range(rows)]
    shown = "" if len(kept) == len(points) else f", {len(kept)} of {len(points)} (all with --json)"
    print()
    print_table(
        f"What can be had: no other training is better in loss, time, dollars and kWh at once{shown}",
        ["model", "tokens", "devices", "loss", "time", "dollars", "kWh", "MFU"],
        [
            [
                point["model"],
                format_quantity(point["tokens"]),
                str(point["devices"]),
                f"{point['loss']:.4f}",
                format_seconds(point["seconds"]),
                f"${format_quantity(point['dollars'])}",
                format_quantity(point["kwh"]),
                percent(point["mfu"], 0),
            ]
            for point in kept
        ],
    )
