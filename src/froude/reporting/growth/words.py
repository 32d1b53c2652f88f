"""What growth is said in: exponents, crossings and medians of an experiment as text, for terminal and page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.growth import Crossing, Grown, Growth, Unfitted
from froude.growth.command import Command
from froude.growth.crossing import ENOUGH
from froude.growth.results import Measure
from froude.quantity import format_bytes, format_quantity, format_seconds

FIELDS: Mapping[Measure, str] = {"time": "cpu_seconds", "memory": "peak_bytes", "quality": "quality"}
"""The field of a timing behind each measure."""

CLOSEST = "closest on the largest held out"
"""The head of a column of forms."""

NOT_MEASURED = "not measured"
NOT_KEPT = "not kept with the timings"


@final
@dataclass(frozen=True, kw_only=True)
class Exponent:
    """One method's row of a table of exponents: `form` is the closest on the largest size held out.

    Without a fit there is nothing but the reason.
    """

    method: str
    p: str = ""
    interval: str = ""
    form: str = ""
    reason: str = ""


def exponents(fits: Mapping[str, Growth | Unfitted]) -> list[Exponent]:
    """The exponents of all methods."""
    return [_exponent(name, fit) for name, fit in fits.items()]


def equation(measure: Measure, found: Grown) -> str:
    """What is fitted to CPU seconds, peak bytes or quality."""
    n = found.experiment.size_name
    return {
        "time": f"CPU seconds = a + b·{n}^p",
        "memory": f"peak bytes = a + b·{n}^p",
        "quality": f"{found.experiment.quality_name} = b·{n}^p",
    }[measure]


def crossing_sentence(crossing: Crossing, size_name: str) -> str:
    """Where two methods cross."""
    pair = f"{crossing.first} and {crossing.second}"
    few = "" if crossing.enough else f"; not sure, with fewer than {ENOUGH} repetitions ({crossing.repetitions})"
    if crossing.kind == "none":
        if not crossing.faster_above:
            return f"{pair} do not cross in this range; no size tells them apart{few}"
        faster = f"{crossing.faster_above} is faster at the largest size that tells them apart"
        return f"{pair} do not cross in this range; {faster}{few}"
    at, lo, hi = (format_quantity(size) for size in (crossing.size, crossing.lo, crossing.hi))
    interval = f" ({lo} to {hi})" if crossing.enough else ""
    how = "" if crossing.kind == "inside" else ", extrapolated past what was measured"
    return f"{pair} cross at {size_name} = {at}{interval}{how}; {crossing.faster_above} is faster above{few}"


def median_heads(found: Grown) -> list[str]:
    """The heads of a table of medians."""
    about = found.experiment
    heads = [about.size_name, "method", "CPU", "wall", "peak memory"]
    return [*heads, about.quality_name] if about.has_quality else heads


def median_rows(found: Grown) -> list[list[str]]:
    """The medians of repetitions, by size and method."""
    about = found.experiment
    return [_medians(found, method, size) for size in about.sizes for method in about.methods if found.of(method, size)]


def is_measured(found: Grown, measure: Measure) -> bool:
    """Whether there is any value of it."""
    return bool(getattr(found, measure)) and any(math.isfinite(getattr(t, FIELDS[measure])) for t in found.timings)


def of_memory(found: Grown) -> str:
    """What the peak memory is."""
    if any(isinstance(method, Command) for method in found.experiment.methods.values()):
        return (
            "resident memory of the process at its peak, as the system counts it; below some 10 MiB it cannot be told"
        )
    return "what Python, NumPy and PyTorch's tensors held at most during a call; other libraries' own is not seen"


def headline(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def repetitions(found: Grown) -> str:
    """How often each size was measured: "5", or "3 to 5" where a budget ended."""
    counts = {len(found.of(t.method, t.size)) for t in found.timings}
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low} to {high}"


def machines(found: Grown) -> str:
    """Where the timings were made."""
    return "; ".join(sorted({t.machine for t in found.timings} - {""})) or NOT_KEPT


def dates(found: Grown) -> str:
    """When the timings were made: "2026-01-02", or the first and the last day."""
    days = sorted({t.date for t in found.timings} - {""})
    return " to ".join(dict.fromkeys([days[0], days[-1]])) if days else NOT_KEPT


def _exponent(method: str, fit: Growth | Unfitted) -> Exponent:
    if isinstance(fit, Unfitted):
        return Exponent(method=method, reason=fit.reason)
    form = f"{fit.form}, off by {100 * fit.held_out[fit.form]:.1f}%" if fit.form else "too few sizes"
    alike = f"; or {', '.join(fit.alike)}" if fit.alike else ""
    return Exponent(method=method, p=f"{fit.exponent:.2f}", interval=f"{fit.lo:.2f} to {fit.hi:.2f}", form=form + alike)


def _medians(found: Grown, method: str, size: float) -> list[str]:
    timings = found.of(method, size)
    cpu, wall, quality = (
        float(np.median([getattr(t, name) for t in timings])) for name in ("cpu_seconds", "wall_seconds", "quality")
    )
    peaks = [t.peak_bytes for t in timings if t.peak_bytes >= 0]
    said = [f"{size:.12g}", method, format_seconds(cpu), format_seconds(wall)]
    said.append(format_bytes(peaks[0]) if peaks else NOT_MEASURED)
    return [*said, format_quantity(quality)] if found.experiment.has_quality else said
