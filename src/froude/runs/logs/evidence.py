"""A logged run as its roles are looked for: its metrics by name, its configuration, its counters at a place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np

from froude.errors import InputError
from froude.runs.headers import normal
from froude.runs.logs.configuration import Configuration, configuration_of, quantity_of
from froude.runs.logs.logged_run import LoggedRun, Series
from froude.runs.logs.texts import finite_number_of
from froude.runs.missing_columns import quoted

SAME = 0.05
"""Counts that differ by less are one, rounded or logged a step apart."""


@final
@dataclass(frozen=True, kw_only=True)
class RoleValue:
    """What a role is in one run: the number, where it stands, and the metric it is the end of, where it is one.

    `source` follows "N is": "the last of 'eval_loss'", the same for all runs that are logged alike.
    """

    value: float
    source: str
    metric: str | None = None


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LogEvidence:
    """A run and what was said by hand of it: role → a metric, a value of the summary or a key of the configuration."""

    run: LoggedRun
    by_hand: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def config(self) -> Configuration:
        """The configuration, to be looked into."""
        return configuration_of(self.run)

    @cached_property
    def normal(self) -> Mapping[str, str]:
        """The name of each metric with a value → the same in lower case, words joined by underscores."""
        return {name: normal(name) for name, series in self.run.series.items() if series.values.size}

    @cached_property
    def ends(self) -> Mapping[str, float]:
        """The last value of each metric; values of the summary where a run has no metrics."""
        if self.normal:
            return {name: float(self.run.series[name].values[-1]) for name in self.normal}
        numbers = {name: finite_number_of(value) for name, value in self.run.summary.items()}
        return {name: value for name, value in numbers.items() if value is not None}

    def is_counter(self, name: str) -> bool:
        """Whether a metric only grows, or is one number."""
        if name not in self.normal:
            return name in self.ends
        values = self.run.series[name].values
        values = values[np.isfinite(values)]
        return bool(values.size and np.all(np.diff(values) >= 0) and (values.size == 1 or values[-1] > values[0]))

    def at(self, name: str, curve: Series | None) -> float:
        """Return a counter at the end of a curve; between logged places and beyond them it grows in proportion."""
        if name not in self.normal:
            return self.ends[name]
        series = self.run.series[name]
        good = np.isfinite(series.values)
        places, values = series.at[good], series.values[good]
        if curve is None or curve.x != series.x or places.size < 2:
            return float(values[-1])
        end = float(curve.at[-1])
        if end <= places[-1]:
            return float(np.interp(end, places, values))
        slope = (values[-1] - values[0]) / (places[-1] - places[0]) if places[-1] > places[0] else 0.0
        return float(values[-1] + slope * (end - places[-1]))

    def given(self, role: str, curve: Series | None = None) -> RoleValue | None:
        """Return what is said by hand: a value or the end of a metric; of a rate its peak, of a counter at a place."""
        name = self.by_hand.get(role)
        if name is None:
            return None
        source = f"{name!r}, as said"
        if name in self.normal:
            values = self.run.series[name].values
            value = self.at(name, curve) if curve is not None else float(values[-1])
            return RoleValue(value=float(np.nanmax(values)) if role == "lr" else value, source=source, metric=name)
        path = name.replace("/", ".")
        flat = self.config.flat
        found = self.run.summary.get(name, flat.get(path, flat.get(path.removeprefix("config."))))
        value = quantity_of(found)
        return None if value is None else RoleValue(value=value, source=source)

    def question(self, role: str, names: Iterable[str], what: str) -> InputError:
        """Return the error that asks which of several is a role."""
        names = list(names)
        shown = " or ".join(map(repr, names[:4])) + (f" or {len(names) - 4} more" if len(names) > 4 else "")
        return InputError(
            f"run {self.run.name!r}: {shown} may be {what}: choose with --columns {role}={quoted(names[0])}"
        )


def names_in(run: LoggedRun) -> set[str]:
    """Return all that `--columns` may name in a run: metrics, values of the summary, keys of the configuration."""
    keys = configuration_of(run).flat
    return {*run.series, *run.summary, *keys, *(f"config.{key}" for key in keys)}
