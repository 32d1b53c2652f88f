"""What an experiment on growth answers: where methods cross, medians, exponents, and what it shows of papers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from froude.answers.answer import Answer, Fact, Picture, Table
from froude.answers.growth_views import FIELDS, crossing_label, view_of
from froude.atlas import atlas_records
from froude.growth import Crossing, Experiment, Growth, GrowthResult, JudgedClaim, Unfitted
from froude.growth.crossing import ENOUGH
from froude.growth.results import Measure
from froude.quantity import format_bytes, format_quantity, format_seconds

CLOSEST = "closest, largest held out"
"""The head of a column of forms."""

CLOSEST_MEANS = (
    f"“{CLOSEST[:1].upper()}{CLOSEST[1:]}” is the simple form that, fitted without the largest size, came nearest to "
    "what was measured there."
)
"""What that column says, in a sentence."""

ABOUT_STARTS = "constant a: what it takes to start a process, and to do what does not depend on size"
NOT_MEASURED = "not measured"
NOT_KEPT = "not kept with the timings"
VERDICTS = {
    ("works", True): "shown",
    ("works", False): "not shown",
    ("modelled", True): "shown in part",
    ("modelled", False): "not shown, not even in part",
}


def answer_of_growth(result: GrowthResult) -> Answer:
    """The answer of an experiment on growth; its claims are judged once, for all who show it."""
    measures: list[Measure] = [measure for measure in FIELDS if is_measured(result, measure)]
    claims = result.judge_claims()
    warnings = (*result.notes, *start_sentences(result))
    return Answer(
        headline=result.experiment.title,
        facts=tuple(_facts(result)),
        tables=(
            _medians(result),
            *(_exponents(result, measure) for measure in measures),
            *_claims(claims),
        ),
        pictures=tuple(_picture(result, measure) for measure in measures),
        notes=tuple(_notes_on_processes(result)) if result.is_of_processes else (),
        warnings=warnings,
        data=result.to_dict(claims)
        | {"repetitions": _repetitions(result), "medians": _median_data(result), "notes": list(warnings)},
    )


def answer_of_experiment(experiment: Experiment) -> Answer:
    """An experiment before it is run: what is measured, at which sizes, by which methods."""
    about = experiment
    facts = {"source": about.source, "expected": about.expected or "", "methods": ", ".join(about.methods)}
    facts |= {about.size_name: ", ".join(f"{size:.12g}" for size in about.sizes)}
    return Answer(
        headline=about.title,
        facts=tuple(Fact(head, text) for head, text in facts.items() if text),
        data={
            "title": about.title,
            "source": about.source,
            "expected": about.expected or "",
            "size_name": about.size_name,
            "sizes": list(about.sizes),
            "methods": list(about.methods),
            "claims": [claim.row for claim in about.claims],
            "version": about.version,
        },
    )


def is_measured(result: GrowthResult, measure: Measure) -> bool:
    """Whether there is any value of a measure."""
    values = [getattr(timing, FIELDS[measure]) for timing in result.timings]
    return bool(result.fits(measure)) and any(value is not None and np.isfinite(value) for value in values)


def equation(result: GrowthResult, measure: Measure) -> str:
    """What is fitted to CPU seconds, peak bytes or quality."""
    n = result.experiment.size_name
    return {
        "time": f"CPU seconds = a + b·{n}^p",
        "memory": f"peak bytes = a + b·{n}^p",
        "quality": f"{result.experiment.quality_name} = b·{n}^p",
    }[measure]


def crossing_sentence(crossing: Crossing, size_name: str) -> str:
    """Where two methods cross."""
    pair = f"{crossing.first} and {crossing.second}"
    few = "" if crossing.is_certain else f"; not sure, with fewer than {ENOUGH} repetitions ({crossing.repetitions})"
    if crossing.kind == "none":
        faster = f"{crossing.faster_above} is faster at the largest size that tells them apart"
        return (
            f"{pair} do not cross in this range; {faster if crossing.faster_above else 'no size tells them apart'}{few}"
        )
    interval = _interval(crossing) if crossing.is_certain else ""
    how = "" if crossing.kind == "inside" else ", extrapolated past what was measured"
    at = crossing_label(crossing, size_name)
    return f"{pair} cross at {at}{interval}{how}; {crossing.faster_above} is faster above{few}"


def _notes_on_processes(result: GrowthResult) -> Iterator[str]:
    if any(isinstance(fit, Growth) for fit in result.time.values()):
        yield ABOUT_STARTS
    if any(row["peak_bytes"] is None for row in _median_data(result)):
        yield f"peak memory: {memory_sentence(result)}"


def start_sentences(result: GrowthResult) -> Iterator[str]:
    """Of each command whose time does not tell how it grows: that it is the time of starting a process."""
    n = result.experiment.size_name
    for name, fit in result.time.items() if result.is_of_processes else ():
        if isinstance(fit, Growth) and fit.is_constant:
            yield (
                f"{name} takes {format_seconds(fit.a)} whatever {n} is: that is the time of starting a process, and of "
                f"what does not depend on {n}; if it should depend on it, give larger sizes"
            )
        elif isinstance(fit, Unfitted) and fit.constant_share is not None:
            yield (
                f"{fit.constant_share:.0%} or more of the time of {name} is that of starting a process, and of what "
                f"does not depend on {n}: give larger sizes"
            )


def memory_sentence(result: GrowthResult) -> str:
    """What the peak memory is."""
    if result.is_of_processes:
        return "resident memory of the process at its peak, as the system counts it; below some 10 MiB it is not known"
    return "what Python, NumPy and PyTorch's tensors held at most during a call; other libraries' own is not seen"


def _interval(crossing: Crossing) -> str:
    if crossing.lo is None or crossing.hi is None:
        return ""
    return f" ({format_quantity(crossing.lo)} to {format_quantity(crossing.hi)})"


def _facts(result: GrowthResult) -> Iterator[Fact]:
    about = result.experiment
    yield Fact("source", about.source)
    if about.expected:
        yield Fact("expected", about.expected)
    for i, crossing in enumerate(result.crossings):
        yield Fact("" if i else "crossing", crossing_sentence(crossing, about.size_name))
    machines = sorted({timing.machine for timing in result.timings if timing.machine})
    yield Fact("machine", "; ".join(machines) or NOT_KEPT)
    days = sorted({timing.date for timing in result.timings if timing.date})
    yield Fact("timed", " to ".join(dict.fromkeys([days[0], days[-1]])) if days else NOT_KEPT)
    times = " to ".join(str(n) for n in _repetitions(result))
    yield Fact("repeated", f"{times} times, each method at each size")
    yield Fact("intervals", "90%, from refits to resampled repetitions with sizes reweighed")


def _repetitions(result: GrowthResult) -> list[int]:
    """How often each size was measured: one number, or the least and the most where a budget ended."""
    counts = {len(result.timings_of(timing.method, timing.size)) for timing in result.timings}
    return sorted({min(counts), max(counts)})


def _median_data(result: GrowthResult) -> list[dict[str, Any]]:
    """The medians of repetitions, by size and method; of memory the one that was measured."""
    about = result.experiment
    pairs = [(method, size) for size in about.sizes for method in about.methods if result.timings_of(method, size)]
    rows = []
    for method, size in pairs:
        values = {field: result.values(method, size, field) for field in ("cpu_seconds", "wall_seconds", "quality")}
        medians = {field: float(np.median(each)) if each else None for field, each in values.items()}
        peaks = result.values(method, size, "peak_bytes")
        rows.append({"size": size, "method": method, **medians, "peak_bytes": peaks[0] if peaks else None})
    return rows


def _medians(result: GrowthResult) -> Table:
    about = result.experiment
    quality = () if about.quality is None else (about.quality_name,)
    return Table(
        title="Medians of repetitions",
        columns=(about.size_name, "method", "CPU", "wall", "peak memory", *quality),
        rows=tuple(_median_cells(row, bool(quality)) for row in _median_data(result)),
        left=(1,),
    )


def _median_cells(row: Mapping[str, Any], with_quality: bool) -> tuple[str, ...]:
    show = {"cpu_seconds": format_seconds, "wall_seconds": format_seconds, "peak_bytes": format_bytes}
    show |= {"quality": format_quantity} if with_quality else {}
    cells = (NOT_MEASURED if row[field] is None else to_text(row[field]) for field, to_text in show.items())
    return (f"{row['size']:.12g}", row["method"], *cells)


def _exponents(result: GrowthResult, measure: Measure) -> Table:
    """The exponents of all methods; a quality, which may fall, is not held against forms that rise."""
    has_forms = measure != "quality"
    fits = result.fits(measure).items()
    return Table(
        title=equation(result, measure),
        columns=("method", "exponent p", "90% interval", *(("constant a", CLOSEST) if has_forms else ())),
        rows=tuple((name, *_exponent_cells(fit, measure)) for name, fit in fits),
        left=(0, 4) if has_forms else (0, 2),
    )


def _exponent_cells(fit: Growth | Unfitted, measure: Measure) -> tuple[str, ...]:
    if isinstance(fit, Unfitted):
        return ("", fit.reason) if measure == "quality" else ("", "", "", fit.reason)
    cells = (_exponent(fit.exponent), f"{_exponent(fit.lo)} to {_exponent(fit.hi)}")
    if measure == "quality":
        return cells
    to_text = format_seconds if measure == "time" else format_bytes
    return (*cells, to_text(fit.a) if fit.a > 0 else "none", _form(fit))


def _exponent(p: float) -> str:
    return f"{round(p, 2) + 0.0:.2f}"  # never -0.00


def _form(fit: Growth) -> str:
    if fit.is_constant:
        return "does not change with size"
    if fit.form is None:
        return "too few sizes"
    alike = f"; or {', '.join(fit.alike)}" if fit.alike else ""
    return f"{fit.form}, off by {100 * fit.held_out[fit.form]:.1f}%{alike}"


def _claims(claims: Iterable[JudgedClaim]) -> list[Table]:
    """A table a claim: the paper with its row's own sentence, and each statement with whether it is true."""
    claims = list(claims)
    records = {record.id: record for record in atlas_records()} if claims else {}
    tables = []
    for judged in claims:
        row = judged.claim.row
        record = records.get(row)
        paper = [("", f"{record.title}: {record.works_when}")] if record else []
        statements = [("✓" if is_true else "✗", statement) for statement, is_true in judged.statements.items()]
        title = f"{row}: {VERDICTS[judged.claim.shows, judged.holds]}"
        tables.append(Table(title=title, columns=(), rows=(*paper, *statements), left=(0, 1)))
    return tables


def _picture(result: GrowthResult, measure: Measure) -> Picture:
    title, subject = {
        "time": ("Time", "Processor time of a call"),
        "memory": ("Memory", f"The peak of a call: {memory_sentence(result)}"),
        "quality": (_capital(result.experiment.quality_name), "What is measured of each result"),
    }[measure]
    caption = f"{subject}. Curves are {equation(result, measure)}, with 90% bands."
    if measure == "time":
        n = result.experiment.size_name
        caption += f" Small points are repetitions, larger ones their medians. Where b·{n}^p is most of it, doubling "
        caption += f"{n} takes 2^p times as long."
    return Picture(name=measure, title=title, view=view_of(result, measure), caption=caption)


def _capital(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
