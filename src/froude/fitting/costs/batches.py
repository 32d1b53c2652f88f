"""Measured steps in batches of equal structure, so that a batch is predicted at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from froude.cost.machine.constants import Constants
from froude.cost.machine.machine import Machine
from froude.cost.model.model import Model
from froude.cost.training.layout import Layout
from froude.cost.training.pipeline.predictions import with_predictions
from froude.cost.training.sensitivity import log_slopes
from froude.cost.training.step import step_seconds

CATEGORIES = ("zero", "local_steps", "compress", "precision", "kept")
"""Fields of a layout with numbers that decide what is computed: rows that differ in one are of two batches."""


class Step(Protocol):
    """What is known of a step that is predicted."""

    @property
    def model(self) -> Model:
        """What is trained."""
        ...

    @property
    def machine(self) -> Machine:
        """On what."""
        ...

    @property
    def layout(self) -> Layout:
        """And how."""
        ...


class StepBatch(NamedTuple):
    """Steps of equal structure: their places, and model and layout with arrays where their numbers differ."""

    places: np.ndarray
    model: Model
    machine: Machine
    layout: Layout


def batches_of(steps: Sequence[Step]) -> list[StepBatch]:
    """The steps in batches; each step is in one."""
    found: dict[str, list[int]] = {}
    models, layouts = [], []
    for i, step in enumerate(steps):
        model = with_predictions(step.model, step.layout)
        models.append(replace(model, name="", description={}, assumed=()))
        layouts.append(replace(step.layout, stack=None))
        found.setdefault(_structure_of_step(models[i], step.machine, layouts[i]), []).append(i)
    return [
        StepBatch(
            places=np.array(at),
            model=_merged([models[i] for i in at]),
            machine=steps[at[0]].machine,
            layout=_merged([layouts[i] for i in at]),
        )
        for at in found.values()
    ]


def predicted_seconds(batches: Sequence[StepBatch], constants: Constants) -> np.ndarray:
    """Step seconds of all steps (steps,), in their order."""
    seconds = np.empty(sum(len(batch.places) for batch in batches))
    for places, model, machine, layout in batches:
        seconds[places] = step_seconds(model, machine, layout, constants).total
    return seconds


def slopes_of(batches: Sequence[StepBatch], constants: Constants, names: Sequence[str]) -> np.ndarray:
    """d log(step seconds) / d log(constant) of all steps (steps, constants), in their order."""
    slopes = np.empty((sum(len(batch.places) for batch in batches), len(names)))
    for places, model, machine, layout in batches:
        slopes[places] = log_slopes(model, machine, layout, constants, names)
    return slopes


def _structure_of_step(model: Model, machine: Machine, layout: Layout) -> str:
    """What steps of one batch share."""
    categories = [getattr(layout, name) for name in CATEGORIES]
    links = [value for name, value in vars(machine).items() if name not in ("devices", "assumed", "evidence")]
    return repr((_structure(model), _structure(layout), categories, links))


def _structure(value: Any) -> Any:
    """A description without its numbers."""
    if is_dataclass(value):
        return [(one.name, _structure(getattr(value, one.name))) for one in fields(value)]
    if isinstance(value, tuple):
        return [_structure(one) for one in value]
    return value if isinstance(value, bool | str) or value is None else "#"


def _merged(values: Sequence[Any]) -> Any:
    """One description whose numbers are arrays, from several of equal structure."""
    first = values[0]
    if isinstance(first, tuple):
        return tuple(_merged([value[i] for value in values]) for i in range(len(first)))
    if is_dataclass(first) and not isinstance(first, type):
        merged = {one.name: _merged([getattr(value, one.name) for value in values]) for one in fields(first)}
        return replace(first, **merged)
    if isinstance(first, bool | str | Mapping) or first is None:
        return first
    return first if all(np.all(value == first) for value in values) else np.array(values)
