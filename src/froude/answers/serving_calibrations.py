"""What is said of the serving model fitted to load tests: its constants before and after, and what it makes of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from froude.answers.answer import Answer, Fact, Table
from froude.answers.cost_calibrations import constants_table, is_spoken_of
from froude.answers.numbers import count, percent, signed_percent
from froude.fitting.costs.serving_calibration import CalibratedLatency, ServingCalibration
from froude.quantity import format_seconds

MOST_ROWS = 40
"""Measurements that are shown; all are in the JSON."""

NAMES = {"ttft_seconds": "TTFT", "tpot_seconds": "TPOT", "e2e_seconds": "E2E"}


def answer_of_serving_calibration(found: ServingCalibration, saved: str | None = None) -> Answer:
    """A serving model fitted to load tests; `saved` is the file that its stack was written to."""
    errors = " and ".join(f"{percent(found.error(what, 'left_out'), 1)} of {NAMES[what]}" for what in found.kinds)
    return Answer(
        headline=f"{found.stack.label}: {count(found.rows, 'load test')}, missed by {errors} when left out in turn",
        facts=tuple(_facts(found)),
        tables=(constants_table([one for one in found.moved if is_spoken_of(one)]), _rows_table(found.latencies)),
        notes=tuple(_notes(found)),
        warnings=tuple(_warnings(found)),
        next_steps=(f"froude cost serve --stack {saved} --model … --machine …",) if saved else (),
        data=serving_calibration_to_dict(found),
    )


def serving_calibration_to_dict(found: ServingCalibration) -> dict[str, Any]:
    """All of it as JSON: errors are predicted over measured seconds, less one."""
    return {
        "stack": found.stack.label,
        "load_tests": found.rows,
        "error": {what: {kind: found.error(what, kind) for kind in _KINDS} for what in found.kinds},
        "level": 0.9,
        "inside": sum(one.is_covered for one in found.latencies),
        "coverage": found.coverage,
        "half_width": {what: found.half_width(what) for what in found.kinds},
        "constants": [vars(one) for one in found.moved],
        "measurements": [_latency_to_dict(one) for one in found.latencies],
        "unanswered": list(found.unanswered),
        "unused_columns": list(found.unused),
        "notes": list(found.notes),
        **found.origin,
    }


_KINDS = ("before", "fitted", "left_out")


def _latency_to_dict(one: CalibratedLatency) -> dict[str, Any]:
    return {
        "row": one.name,
        "what": one.what,
        "measured_seconds": one.measured_seconds,
        **{kind: getattr(one, kind) - 1 for kind in _KINDS},
        "interval": [end - 1 for end in one.interval],
        "covered": one.is_covered,
    }


def _facts(found: ServingCalibration) -> Iterator[Fact]:
    for what in found.kinds:
        before, fitted, left = (percent(found.error(what, kind), 1) for kind in _KINDS)
        width = percent(found.half_width(what), 0)
        yield Fact(
            f"mean error of {NAMES[what]}",
            f"before {before}, in sample {fitted}, left out in turn {left}; 90% intervals ±{width}",
        )
    held = sum(one.is_covered for one in found.latencies)
    yield Fact("intervals", f"of 90%, from the other rows: {held} of {len(found.latencies)} measurements inside")


def _rows_table(latencies: tuple[CalibratedLatency, ...]) -> Table:
    """What is made of each measurement, those that are furthest off first where there are many."""
    many = len(latencies) > MOST_ROWS
    shown = sorted(latencies, key=lambda one: -abs(np.log(one.left_out)))[:MOST_ROWS] if many else latencies
    return Table(
        title=f"Predicted over measured latencies{', the furthest off' if many else ''}",
        columns=("row", "what", "measured", "before", "fitted", "left out", "90% from others"),
        rows=tuple(
            (
                one.name,
                NAMES[one.what],
                format_seconds(one.measured_seconds),
                signed_percent(one.before - 1),
                signed_percent(one.fitted - 1),
                signed_percent(one.left_out - 1),
                f"{signed_percent(one.interval[0] - 1)} to {signed_percent(one.interval[1] - 1)}",
            )
            for one in shown
        ),
    )


def _notes(found: ServingCalibration) -> Iterator[str]:
    silent = [one.name for one in found.moved if not is_spoken_of(one)]
    if silent:
        yield f"rows say nothing of {', '.join(silent)}: they stay as they were"
    yield "left-out errors are by linear regression around the fit, without fitting again"
    yield from found.notes
    if found.unused:
        yield f"columns of which nothing was taken: {', '.join(found.unused)}"


def _warnings(found: ServingCalibration) -> Iterator[str]:
    if found.unanswered:
        yield f"the load is above what can be served in {', '.join(found.unanswered)}: nothing was taken of these"
    for one in found.latencies:
        if not one.is_covered:
            off = signed_percent(one.left_out - 1)
            yield f"{one.name}: the other rows say {off} of {NAMES[one.what]}, and their interval does not hold it"
