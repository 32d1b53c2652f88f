"""What is said of a stack fitted to measured steps: its constants before and after, and what it makes of every row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from froude.answers.answer import Answer, Fact, Table
from froude.answers.numbers import count, percent, signed_percent
from froude.fitting.costs.calibration import CalibratedStep, CostCalibration
from froude.fitting.costs.moved import MovedConstant
from froude.quantity import format_seconds

MOST_ROWS = 40
"""Rows of a table that are shown; all are in the JSON."""

SPOKEN_OF = 0.99
"""Of a spread before, below which rows have said something of a constant."""


def answer_of_cost_calibration(calibration: CostCalibration, saved: str | None = None) -> Answer:
    """A stack fitted to measured steps; `saved` is the file that it was written to."""
    found, steps = calibration, calibration.steps
    spoken = [one for one in found.moved if is_spoken_of(one)]
    left = percent(found.error("left_out"), 1)
    return Answer(
        headline=f"{found.stack.label}: {count(len(steps), 'measured step')}, missed by {left} when left out in turn",
        facts=tuple(_facts(found)),
        tables=(constants_table(spoken), _rows_table(steps)),
        notes=tuple(_notes(found, spoken)),
        warnings=tuple(_warning(step) for step in found.far_off),
        next_steps=(f"froude cost train --stack {saved} --model … --machine …",) if saved else (),
        data=calibration_to_dict(found),
    )


def calibration_to_dict(found: CostCalibration) -> dict[str, Any]:
    """All of it as JSON: errors are predicted over measured seconds, less one."""
    memory = found.memory and {**vars(found.memory)}
    return {
        "start": found.start.label,
        "stack": found.stack.label,
        "fitted_to": {**vars(found.stack.fitted_to)} if found.stack.fitted_to else None,
        "error": {kind: found.error(kind) for kind in ("before", "fitted", "left_out")},
        "coverage": found.coverage,
        "covered": len(found.steps) - len(found.far_off),
        "half_width": _half_width(found.steps),
        "unexplained": {kind: value for kind, value in found.stack.errors.items() if kind != "memory"},
        "memory": memory,
        "constants": [vars(one) for one in found.moved],
        "rows": [_step_to_dict(step) for step in found.steps],
        "unused_columns": list(found.unused),
        **found.origin,
    }


def _step_to_dict(step: CalibratedStep) -> dict[str, Any]:
    return {
        "row": step.name,
        "measured_seconds": step.measured_seconds,
        "before": step.before - 1,
        "fitted": step.fitted - 1,
        "left_out": step.left_out - 1,
        "interval": [end - 1 for end in step.interval],
        "covered": step.is_covered,
    }


def _facts(found: CostCalibration) -> Iterator[Fact]:
    yield Fact("fitted to", str(found.stack.fitted_to))
    errors = {kind: percent(found.error(kind), 1) for kind in ("before", "fitted", "left_out")}
    yield Fact("mean error", "before {before}, in sample {fitted}, left out in turn {left_out}".format(**errors))
    held, width = len(found.steps) - len(found.far_off), percent(_half_width(found.steps), 0)
    yield Fact("intervals", f"of 90%, from the other rows: {held} of {len(found.steps)} rows inside, ±{width}")
    if found.memory is not None:
        of = found.memory
        before, left = percent(of.before, 1), percent(of.left_out, 1)
        yield Fact(
            "memory",
            f"{count(of.rows, 'peak')} {of.factor:.3f} times what is counted; off by {before} before, {left} left out",
        )


def constants_table(moved: list[MovedConstant]) -> Table:
    """Constants of which rows say something."""
    return Table(
        title="Constants, each with a factor by which it may be off (one standard deviation)",
        columns=("constant", "before", "after", "off by, before", "after"),
        rows=tuple(
            (
                one.name,
                f"{one.before:.3g}",
                f"{one.after:.3g}",
                f"{one.spread_before:.3g}",
                f"{one.spread_after:.3g}",
            )
            for one in moved
        ),
    )


def _rows_table(steps: tuple[CalibratedStep, ...]) -> Table:
    """What is made of each row, those that are furthest off first where there are many."""
    shown = sorted(steps, key=lambda step: -abs(np.log(step.left_out)))[:MOST_ROWS] if len(steps) > MOST_ROWS else steps
    return Table(
        title="Predicted over measured steps" if shown is steps else "Predicted over measured steps, the furthest off",
        columns=("row", "measured", "before", "fitted", "left out", "90% from others"),
        rows=tuple(
            (
                step.name,
                format_seconds(step.measured_seconds),
                signed_percent(step.before - 1),
                signed_percent(step.fitted - 1),
                signed_percent(step.left_out - 1),
                f"{signed_percent(step.interval[0] - 1)} to {signed_percent(step.interval[1] - 1)}",
            )
            for step in shown
        ),
    )


def _notes(found: CostCalibration, spoken: list[MovedConstant]) -> Iterator[str]:
    silent = [one.name for one in found.moved if one not in spoken]
    if silent:
        yield f"rows say nothing of {', '.join(silent)}: they stay as they were"
    yield "left-out errors are by linear regression around the fit, without fitting again"
    if found.unused:
        yield f"columns of which nothing was taken: {', '.join(found.unused)}"


def _warning(step: CalibratedStep) -> str:
    off = signed_percent(step.left_out - 1)
    return f"{step.name}: the other rows say {off}, and their interval does not hold it; check how it was measured"


def _half_width(steps: tuple[CalibratedStep, ...]) -> float:
    """The median half-width of intervals, as a share."""
    return float(np.median([np.sqrt(step.interval[1] / step.interval[0]) - 1 for step in steps]))


def is_spoken_of(one: MovedConstant) -> bool:
    """Whether rows have said something of a constant."""
    return bool(np.log(one.spread_after) < SPOKEN_OF * np.log(one.spread_before))
