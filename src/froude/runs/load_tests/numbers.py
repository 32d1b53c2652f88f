"""Numbers in a JSON object of a load test, each checked where it is taken."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from froude.bounds import is_number
from froude.errors import InputError, shown
from froude.runs.load_tests.point import Latency

_MILLISECONDS = 1e-3


@final
@dataclass(frozen=True)
class Values:
    """A JSON object: `number`, `count`, `text` and `numbers` take what is there, None where there is nothing.

    InputError, which ends a sentence that names the file, for what is of another kind.
    """

    cells: Mapping[str, Any]

    def number(self, key: str) -> float | None:
        """A finite number that is not negative."""
        value = self.cells.get(key)
        if value is None:
            return None
        if not is_number(value) or not math.isfinite(value) or value < 0:
            raise InputError(f"says {key} = {shown(value)}, where a number from 0 is meant: correct it")
        return float(value)

    def positive(self, key: str) -> float | None:
        """A number above 0: of a mean that is 0 nothing was measured."""
        return self.number(key) or None

    def count(self, key: str) -> int | None:
        """A number of requests."""
        value = self.number(key)
        return None if value is None else int(value)

    def text(self, key: str) -> str | None:
        """A text that is not empty."""
        value = self.cells.get(key)
        return value if isinstance(value, str) and value.strip() else None

    def numbers(self, key: str) -> list[float]:
        """A list of numbers; empty where there is none."""
        values = self.cells.get(key)
        if values is None:
            return []
        if not isinstance(values, list) or not all(is_number(value) for value in values):
            raise InputError(f"says {key} = {shown(values)}, where a list of numbers is meant: correct it")
        return [float(value) for value in values]

    def inner(self, key: str) -> Values:
        """An object inside, empty where there is none."""
        value = self.cells.get(key)
        return Values(value if isinstance(value, Mapping) else {})

    def latency_ms(self, name: str) -> Latency:
        """`mean_NAME_ms`, `median_NAME_ms` and `p99_NAME_ms`, as vLLM's and SGLang's tests write them."""
        mean = self.positive(f"mean_{name}_ms")
        if mean is None:
            return Latency()
        pattern = re.compile(rf"p(\d+(?:\.\d+)?)_{name}_ms")
        found = {float(match[1]): self.number(key) for key in self.cells if (match := pattern.fullmatch(key))}
        found = {50.0: self.number(f"median_{name}_ms"), **found}
        known = {q: value * _MILLISECONDS for q, value in sorted(found.items()) if value is not None}
        return Latency(mean=mean * _MILLISECONDS, percentiles=known)
