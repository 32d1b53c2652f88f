"""The page of a growth experiment: how time, memory and quality grow with size, where methods cross, what it shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from froude.atlas import load
from froude.growth import Crossing, Grown, Growth
from froude.growth.results import Measure
from froude.quantity import format_bytes, format_quantity, format_seconds
from froude.reporting.growth import words
from froude.reporting.growth.pictures import GrowthView, Meeting, Series, binary_ticks, growth_chart
from froude.reporting.sheet import both_widths, fill, write_page
from froude.reporting.style import COLOURS, log_ticks

_SHADES = ("n6", "forecast", "n1", "ink", "n4", "faint")
_PLACES = 60  # of a curve
_FAR = 32.0  # times the largest size measured, up to which a crossing is drawn
_FACTS = 4  # methods whose exponents stand at the top

Row = dict[str, Any]


def write_growth_page(found: Grown, path: Path, made: Mapping[str, str]) -> Path:
    """Write the page of what was found and return its path; `made` says by head what was measured and where it is kept.

    The page holds all it needs: no network, script or other file. InputError where a library of `froude[report]` is
    missing or the page cannot be written.
    """
    return write_page(path, render(found, made))


def render(found: Grown, made: Mapping[str, str]) -> str:
    """The page as HTML. InputError where a library of `froude[report]` is missing."""
    views: dict[Measure, GrowthView] = {
        name: view_of(found, name) for name in words.FIELDS if words.is_measured(found, name)
    }
    pictures = {
        name: both_widths(name, view.y_label, lambda width, view=view: growth_chart(view, width))
        for name, view in views.items()
    }
    return fill(
        "growth.html.j2",
        pictures,
        kind="growth",
        name="",
        about=found.experiment,
        facts=_facts(found),
        crossings=[words.crossing_sentence(one, found.experiment.size_name) for one in found.crossings],
        measures=[_section(found, name) for name in views],
        claims=_claims(found),
        closest=words.CLOSEST,
        heads=words.median_heads(found),
        medians=words.median_rows(found),
        made={**made, **_how(found)},
        notes=found.notes,
    )


def view_of(found: Grown, measure: Measure) -> GrowthView:
    """The picture of CPU seconds, peak memory or quality against size; only that of seconds has crossings."""
    about = found.experiment
    met = [one for one in found.crossings if measure == "time" and _is_drawn(found, one)]
    series = [_series(found, measure, name, met) for name in about.methods]
    label, show = {
        "time": ("CPU seconds of a call", _tick_seconds),
        "memory": ("peak memory", lambda size: format_bytes(size, 4)),
        "quality": (about.quality_name, format_quantity),
    }[measure]
    return GrowthView(
        series=tuple(each for each in series if each.x.size),
        meetings=tuple(_meeting(found, one) for one in met),
        x_label=about.size_name,
        y_label=label,
        show=show,
        ticks=binary_ticks if measure == "memory" else log_ticks,
        plain=measure == "quality",
    )


def _series(found: Grown, measure: Measure, name: str, met: list[Crossing]) -> Series:
    order = list(found.experiment.methods).index(name)
    colour = COLOURS[_SHADES[order % len(_SHADES)]]
    values = [(t.size, getattr(t, words.FIELDS[measure])) for t in found.timings if t.method == name]
    x, y = np.array([pair for pair in values if math.isfinite(pair[1])], dtype=float).reshape(-1, 2).T
    fit = getattr(found, measure).get(name)
    if not isinstance(fit, Growth):
        return Series(name=name, colour=colour, x=x, y=y)
    far = max([x.max(), *(one.size for one in met if name in (one.first, one.second))])
    along = np.unique(np.append(np.geomspace(x.min(), far, _PLACES), x.max()))
    lo, hi = np.quantile(fit.draws_at(along), [(1 - fit.level) / 2, (1 + fit.level) / 2], axis=0)
    return Series(
        name=name, colour=colour, x=x, y=y, along=along, curve=fit.at(along), lo=lo, hi=hi,
        beyond=float(x.max()) if far > x.max() else math.inf,
    )  # fmt: skip


def _is_drawn(found: Grown, crossing: Crossing) -> bool:
    """Whether a crossing lies inside what was measured, or near enough to it."""
    return crossing.size <= _FAR * max(t.size for t in found.timings)  # never where it is NaN


def _meeting(found: Grown, crossing: Crossing) -> Meeting:
    """The crossing with the seconds that both take there: along medians inside, on the curve beyond."""
    fit = found.time[crossing.first]
    if crossing.kind == "extrapolated" and isinstance(fit, Growth):
        value = float(fit.at(crossing.size))
    else:
        sizes = sorted({t.size for t in found.timings if t.method == crossing.first})
        seconds = [found.median(crossing.first, size, "cpu_seconds") for size in sizes]
        value = float(np.exp(np.interp(np.log(crossing.size), np.log(sizes), np.log(seconds))))
    label = f"{found.experiment.size_name} = {format_quantity(crossing.size)}"
    return Meeting(size=crossing.size, lo=crossing.lo, hi=crossing.hi, value=value, label=label)


def _tick_seconds(value: float) -> str:
    return format_seconds(value) if value < 60 else f"{value:g} s"  # 100 s are no round number of minutes


def _section(found: Grown, measure: Measure) -> Row:
    title, said = {
        "time": ("Time", "Processor time of a call"),
        "memory": ("Memory", f"The peak of a call: {words.of_memory(found)}"),
        "quality": (words.headline(found.experiment.quality_name), "What is measured of each result"),
    }[measure]
    shades = [_SHADES[i % len(_SHADES)] for i in range(len(found.experiment.methods))]
    rows = list(zip(words.exponents(getattr(found, measure)), shades, strict=False))
    return {
        "id": measure, "title": title, "said": said, "rows": rows, "equation": words.equation(measure, found),
        "forms": measure != "quality",
    }  # fmt: skip


def _facts(found: Grown) -> Iterator[tuple[str, str]]:
    """The numbers at the top: exponents of time, and where methods cross."""
    fitted = [(name, fit) for name, fit in found.time.items() if isinstance(fit, Growth)]
    for name, fit in fitted[:_FACTS]:
        yield f"exponent of time, {name}", f"{fit.exponent:.2f}"
    for one in [one for one in found.crossings if one.kind != "none"][:_FACTS]:
        beyond = ", extrapolated" if one.kind == "extrapolated" else ""
        yield (
            f"{one.first} and {one.second} cross{beyond}",
            f"{found.experiment.size_name} = {format_quantity(one.size)}",
        )


def _claims(found: Grown) -> list[Row]:
    """The claims with what the atlas says of their rows, where it has them."""
    records = {record.id: record for record in load()} if found.experiment.claims else {}
    return [{"row": one.claim.row, "record": records.get(one.claim.row), "judged": one} for one in found.judged()]


def _how(found: Grown) -> Row:
    return {
        "machine": words.machines(found),
        "timed": words.dates(found),
        "repetitions": f"{words.repetitions(found)} of each method at each size",
        "intervals": "90%, from refits to resampled repetitions with sizes reweighed",
        "memory": words.of_memory(found),
    }
