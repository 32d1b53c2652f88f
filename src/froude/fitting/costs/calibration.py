"""A stack fitted to measured steps: its constants with what is still uncertain of them, and how well that predicts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

import numpy as np

from froude.cost.machine.constants import Constants, between_stacks, constants, unexplained
from froude.cost.stack.known_stacks import get_stack
from froude.cost.stack.stack import FittedTo, Stack, StackFact, Uncertainty
from froude.cost.stack.stack_file import stack_toml
from froude.cost.training.assumptions import HALF_WIDTH, kind_of
from froude.cost.training.memory.device_memory import RELATIVE_ERROR
from froude.errors import InputError
from froude.files import write_outputs
from froude.fitting.costs.batches import batches_of
from froude.fitting.costs.constants_fit import ConstantsFit, fit_constants
from froude.fitting.costs.measured import MeasuredRows, MeasuredStep, measured_steps, start_of
from froude.fitting.costs.memory_fit import MemoryFit, fit_memory
from froude.fitting.costs.moved import MovedConstant
from froude.fitting.costs.serving_calibration import ServingCalibration, calibrate_serving
from froude.provenance import Computed, note_data, recorded
from froude.runs import RunsSource, read_runs
from froude.runs.load_tests.table import has_serving_rows, serving_table
from froude.version import __version__

FEWEST = 3
"""Rows that constants are fitted to: fewer say little that a single slow row could not have said."""

NOISE_ROWS = 5.0
"""Rows that what is known of noise from published tables counts as, beside a user's own (a guess)."""

SAME = 1e-4
"""Of a constant: what moved by less has not moved."""

TURNS = 2
"""Of constants and noise after each other."""


@final
@dataclass(frozen=True, kw_only=True)
class CalibratedStep:
    """A measured step, and by what factor it is predicted: with the stack from which constants moved, with the fitted
    ones, and by constants that were fitted to all other rows, with a 90% interval of the last."""

    name: str
    measured_seconds: float
    before: float
    fitted: float
    left_out: float
    interval: tuple[float, float]

    @property
    def is_covered(self) -> bool:
        """Whether the interval that the other rows give holds the measurement."""
        return self.interval[0] <= 1 <= self.interval[1]


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CostCalibration(Computed):
    """A stack fitted to a user's measured steps: where it `start`ed, the `stack`, and what it makes of every row.

    `memory` is None where no peaks of memory were measured. `unused` are columns of which nothing was taken.
    """

    start: Stack
    stack: Stack
    steps: tuple[CalibratedStep, ...]
    moved: tuple[MovedConstant, ...]
    memory: MemoryFit | None
    unused: tuple[str, ...]

    def save(self, path: str | Path) -> None:
        """Write the stack as a file that every `stack` takes. InputError where that cannot be."""
        write_outputs({Path(path): stack_toml(self.stack).encode()})

    def error(self, kind: str) -> float:
        """Mean absolute relative error of the rows "before", "fitted" or "left_out"."""
        return float(np.mean([abs(getattr(step, kind) - 1) for step in self.steps]))

    @property
    def coverage(self) -> float:
        """Share of rows that the intervals of the other rows hold."""
        return float(np.mean([step.is_covered for step in self.steps]))

    @property
    def far_off(self) -> tuple[CalibratedStep, ...]:
        """Rows that the others do not explain."""
        return tuple(step for step in self.steps if not step.is_covered)


@recorded
def calibrate_cost(
    runs: RunsSource,
    *,
    stack: Stack | str | None = None,
    columns: Mapping[str, str] | None = None,
    where: str | None = None,
    **given: Any,
) -> CostCalibration | ServingCalibration:
    """The constants of a stack and machine as measured steps have them, or those of serving, from three rows upward.

    Columns bear the names that `train_cost` takes, and say what was measured; `columns` says which is which, name to
    column, where theirs do not, and `given` what holds for all rows: `calibrate_cost("runs.csv", machine="8 x h100")`.
    `stack` is where constants start: a column `stack` may say it, otherwise the likeliest is taken.
    Rows with times to or of a token are of serving: a table, or what the load tests of vLLM, SGLang and guidellm write.
    InputError for fewer rows, for what is missing, unknown or cannot be, and for rows that are in the stack already.
    """
    table = read_runs(runs, where=where)
    note_data(table.sha256)
    if len(table) < FEWEST:
        raise InputError(f"{len(table)} measured rows are too few: give at least {FEWEST}")
    if has_serving_rows(table, columns):
        served = serving_table(table, columns, **given)
        served = replace(served, notes=(*table.notes, *served.notes))
        return calibrate_serving(served, table.sha256, start=None if stack is None else _stack_of(stack))
    rows = MeasuredRows(runs=table, columns=MappingProxyType(dict(columns or {})), given=MappingProxyType(given))
    start = start_of(rows, stack)
    steps = tuple(measured_steps(rows, start))
    if start.fitted_to is not None and table.sha256 in start.fitted_to.data_sha256:
        raise InputError(f"stack {start.label} was fitted to these rows already: start from {start.fitted_to.start}")
    found, memory = fit_steps(steps, start), fit_peaks(steps, start)
    return CostCalibration(
        start=start,
        stack=fitted_stack(start, found, steps, table.sha256, memory),
        steps=tuple(_step(step, start, found, i) for i, step in enumerate(steps)),
        moved=_moved(start, found.constants, found.uncertainty),
        memory=memory,
        unused=rows.unused,
    )


def _stack_of(stack: Stack | str) -> Stack:
    return stack if isinstance(stack, Stack) else get_stack(stack)


def prior_of(stack: Stack) -> Uncertainty:
    """What is not known of a stack's constants before they are fitted: what it says, or what holds of any stack."""
    return stack.uncertainty or Uncertainty.of_spreads(between_stacks())


def fit_steps(steps: Sequence[MeasuredStep], start: Stack) -> ConstantsFit:
    """The constants of a stack moved to explain measured steps, with the noise that these have around it.

    Noise begins as a known spread σ₀ of the row's kind, counted as `NOISE_ROWS` rows, and is scaled by f, where
    f² = (ν + Σ w r² / (σ₀² (1 − h))) / (ν + n): under the model r² / (1 − h) is σ² in the mean.
    """
    batches, seconds = batches_of(steps), np.array([step.seconds for step in steps])
    known = np.array([noise_of(start)[kind_of(step.model)] for step in steps])
    begin = start.constants(constants())
    found = fit_constants(batches, seconds, begin, prior_of(start), known)
    for _ in range(TURNS):
        noise = known * _noise_factor(found, known)
        found = fit_constants(batches, seconds, begin, prior_of(start), noise, near=found.constants)
    return found


def fit_peaks(steps: Sequence[MeasuredStep], start: Stack) -> MemoryFit | None:
    """The factor of counted peaks of memory that measured ones have; None where none was measured."""
    known = [step for step in steps if step.memory_bytes is not None]
    if not known:
        return None
    measured = np.array([step.memory_bytes for step in known])
    counted = np.array([step.counted_bytes for step in known])
    return fit_memory(measured, counted, start.errors.get("memory", RELATIVE_ERROR), NOISE_ROWS)


def noise_of(stack: Stack) -> Mapping[str, float]:
    """Standard deviation of log step seconds that the constants of a stack do not explain, by kind of model."""
    if stack.uncertainty is None:
        return unexplained()
    return {kind: stack.errors.get(kind, HALF_WIDTH * most) / HALF_WIDTH for kind, most in unexplained().items()}


def _noise_factor(found: ConstantsFit, known: np.ndarray) -> float:
    weights = np.minimum(1, found.noise / np.maximum(abs(found.errors), 1e-12))
    squares = weights * (found.errors / known) ** 2 / (1 - found.leverage)
    return float(np.sqrt((NOISE_ROWS + np.sum(squares)) / (NOISE_ROWS + len(known))))


def fitted_stack(
    start: Stack, found: ConstantsFit, steps: Sequence[MeasuredStep], sha256: str, memory: MemoryFit | None = None
) -> Stack:
    """The stack whose constants were fitted, its file's facts with it."""
    before = start.fitted_to
    fitted_to = FittedTo(
        start=before.start if before else start.label,
        rows=len(steps) + (before.rows if before else 0),
        data_sha256=(*(before.data_sha256 if before else ()), sha256),
        machines=_names(before.machines if before else (), [step.machine.chip.name for step in steps]),
        models=_names(before.models if before else (), [step.model.name for step in steps]),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        froude=__version__,
    )
    shipped, moved = constants(), asdict(found.constants)
    ratios = {name: moved[name] / getattr(shipped, name) for name in found.uncertainty.constants}
    factors = {name: ratio for name, ratio in ratios.items() if abs(ratio - 1) > SAME}
    scale = {kind_of(step.model): float(noise) for step, noise in zip(steps, found.noise, strict=True)}
    errors = {
        **{kind: HALF_WIDTH * scale.get(kind, noise) for kind, noise in noise_of(start).items()},
        **{kind: value for kind, value in start.errors.items() if kind == "memory"},
        **({"memory": memory.error} if memory else {}),
    }
    source = f"{fitted_to.rows} measured steps, data {sha256[:12]} (froude cost calibrate)"
    kept = tuple(fact for fact in start.facts if fact.kind not in ("factors", "errors"))
    facts = (
        *kept,
        *(_fact("factors", name, "", value, source) for name, value in factors.items()),
        *(_fact("errors", "error", kind, value, source) for kind, value in errors.items()),
    )
    return replace(
        start,
        version=f"{start.version.partition('+')[0]}+{fitted_to.rows}-rows",
        title=f"{start.title.partition(', as ')[0]}, as measured",
        factors=MappingProxyType(factors),
        errors=MappingProxyType(errors),
        facts=facts,
        asked=None,
        uncertainty=found.uncertainty,
        memory=start.memory * (memory.factor if memory else 1.0),
        fitted_to=fitted_to,
    )


def _fact(kind: str, name: str, where: str, value: float, source: str) -> StackFact:
    return StackFact(kind=kind, name=name, where=where, value=value, trust="fitted", source=source)


def _names(before: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *names)))


def _step(step: MeasuredStep, start: Stack, found: ConstantsFit, i: int) -> CalibratedStep:
    half = HALF_WIDTH * found.left_out_deviation[i]
    return CalibratedStep(
        name=step.name,
        measured_seconds=step.seconds,
        before=float(step.cost.step_seconds) / step.seconds,
        fitted=float(np.exp(found.errors[i])),
        left_out=float(np.exp(found.left_out[i])),
        interval=(float(np.exp(found.left_out[i] - half)), float(np.exp(found.left_out[i] + half))),
    )


def _moved(start: Stack, after: Constants, uncertainty: Uncertainty) -> tuple[MovedConstant, ...]:
    before, spreads = start.constants(constants()), prior_of(start).factors
    return tuple(
        MovedConstant(
            name=name,
            before=getattr(before, name),
            after=getattr(after, name),
            spread_before=spreads[name],
            spread_after=spread,
        )
        for name, spread in uncertainty.factors.items()
    )
