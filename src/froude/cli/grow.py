"""`froude grow`: how time, memory and quality of an algorithm grow with size."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.options import Json, Seed
from froude.cli.render import number, print_json, print_notes, print_table
from froude.quantity import format_bytes, format_quantity, format_seconds

if TYPE_CHECKING:
    from froude.growth import Crossing, Grown, Growth, Unfitted


def grow(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A Python file that declares EXPERIMENT. It is run.")],
    minutes: Annotated[float, typer.Option(help="Budget on the wall; methods stop growing where it ends.")] = 1.0,
    repeats: Annotated[int, typer.Option(help="Repetitions of each method at each size, with data of their own.")] = 5,
    study: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Keep every timing here; those kept are not made again.")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Run an algorithm over growing sizes: the exponent of its time, its memory and quality, and where methods cross.

    Example: `froude grow examples/growth/fft_convolution.py --minutes 0.5`
    """
    from froude.growth import grow as grow_experiment
    from froude.growth import load_experiment

    experiment = load_experiment(file)
    watch = tell_watcher if sys.stderr.isatty() else lambda said: None
    found = grow_experiment(experiment, seconds=60 * minutes, repeats=repeats, seed=seed, study=study, watch=watch)
    if json:
        print_json(found.to_dict())
        return
    print_timings(found)
    print_fits(found)
    for crossing in found.crossings:
        print(sentence(crossing, experiment.size_name))
    if experiment.expected:
        print(f"expected: {experiment.expected}")
    print_notes(found.notes)


def tell_watcher(said: str) -> None:
    """One line of progress on stderr."""
    print(said, file=sys.stderr)


def print_timings(found: Grown) -> None:
    """The medians of repetitions by size and method."""
    about = found.experiment
    heads = [about.size_name, "method", "CPU", "wall", "peak memory"]
    rows = [medians(found, method, size) for size in about.sizes for method in about.methods if found.of(method, size)]
    title = f"{about.title} ({about.source}): medians of repetitions"
    print_table(title, [*heads, about.quality_name] if about.has_quality else heads, rows)
    print()


def medians(found: Grown, method: str, size: float) -> list[str]:
    """One method at one size."""
    import numpy as np

    timings = found.of(method, size)
    cpu, wall, quality = (
        float(np.median([getattr(t, name) for t in timings])) for name in ("cpu_seconds", "wall_seconds", "quality")
    )
    peaks = [t.peak_bytes for t in timings if t.peak_bytes >= 0]
    said = [f"{size:g}", method, format_seconds(cpu), format_seconds(wall)]
    said.append(format_bytes(peaks[0]) if peaks else "not measured")
    return [*said, format_quantity(quality)] if found.experiment.has_quality else said


def print_fits(found: Grown) -> None:
    """The exponents of time, and of quality where there is one."""
    about = found.experiment
    print_table(
        f"CPU seconds = a + b·{about.size_name}^p",
        ["method", "p", "90% interval", "closest on the largest size held out"],
        [fit_row(name, fit) for name, fit in found.time.items()],
    )
    print()
    if found.quality:
        print_table(
            f"{about.quality_name} = b·{about.size_name}^p",
            ["method", "p", "90% interval"],
            [fit_row(name, fit)[:3] for name, fit in found.quality.items()],
        )
        print()


def fit_row(name: str, fit: Growth | Unfitted) -> list[str]:
    """One method's exponent, or why there is none."""
    from froude.growth import Unfitted

    if isinstance(fit, Unfitted):
        return [name, "", fit.reason, ""]
    said = f"{fit.form}, off by {100 * fit.held_out[fit.form]:.1f}%" if fit.form else "too few sizes"
    alike = f"; as well: {', '.join(fit.alike)}" if fit.alike else ""
    return [name, f"{fit.exponent:.2f}", f"{fit.lo:.2f} to {fit.hi:.2f}", said + alike]


def sentence(crossing: Crossing, size_name: str) -> str:
    """Where two methods cross, in words."""
    pair = f"{crossing.first} and {crossing.second}"
    if crossing.kind == "none":
        return f"{pair} do not cross in this range; {crossing.faster_above or 'neither'} is faster at its end"
    where = f"{size_name} = {number(crossing.size, 3)} ({number(crossing.lo, 3)} to {number(crossing.hi, 3)})"
    how = "" if crossing.kind == "inside" else ", extrapolated past what was measured"
    return f"{pair} cross at {where}{how}; {crossing.faster_above} is faster above"
