"""A law and the runs it is fitted to, as the residuals a solver minimises.

Everything is scaled: inputs are divided by their geometric mean, parameters move in the coordinate of their
kind. A point is one vector of coordinates; points come in batches of shape (rows, P).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from froude.fit.dual import Dual
from froude.fit.solver import Space
from froude.laws import Law
from froude.laws.kinds import Input

# A law such as Kaplan's is absurd at most random points: powers of powers overflow. One in eight never is.
_CANDIDATES = 8


@final
@dataclass(frozen=True, kw_only=True)
class Problem:
    """A law, its scaled inputs (n,), what was measured (n,) and the factors the inputs were divided by."""

    law: Law
    inputs: tuple[Dual, ...]
    measured: np.ndarray
    factors: Mapping[str, float]

    def residuals(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals (rows, n) and their derivatives by coordinate (rows, P, n) at points (rows, P)."""
        predicted = self.law.function(*self.inputs, **self._parameters(points))
        residual = np.empty((len(points), self.measured.size))
        slopes = np.zeros((len(points), points.shape[1], self.measured.size))
        factor = 1.0
        if self.law.residual == "log":
            np.subtract(predicted.log, self.measured, out=residual)
            factor = 1 / predicted.value
        else:
            np.subtract(predicted.value, self.measured, out=residual)
        for k, name in enumerate(self.law.parameters):
            if name in predicted.tangents:
                np.multiply(predicted.tangents[name], factor, out=slopes[:, k])
        return residual, slopes

    def _parameters(self, points: np.ndarray) -> dict[str, Dual]:
        made = {}
        for k, (name, kind) in enumerate(self.law.kinds.items()):
            z = points[:, k, None]
            if kind.coordinate == "log":
                value = np.exp(z)
                made[name] = Dual(value, {name: value}, z)
            else:
                made[name] = Dual(z, {name: np.ones_like(z)})
        return made

    def space(self) -> Space:
        """Where the coordinates may lie, and how far one step may take them."""
        kinds = self.law.kinds.values()
        ends = [[np.log(b) if k.coordinate == "log" else b for b in k.bounds] for k in kinds]
        lower, upper = np.array(ends, dtype=float).T
        # A logarithm that moves by 3 changes its parameter twentyfold: no linearisation holds that far.
        longest = np.array([3.0 if k.coordinate == "log" else np.inf for k in kinds])
        return Space(lower=lower, upper=upper, longest_step=longest)

    def starts(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Random points (count, P) to start from: the best of eight draws of the kinds each."""
        lowest = self.measured.min()
        level = float(np.exp(lowest) if self.law.residual == "log" else abs(lowest))
        columns = [kind.draw(rng, _CANDIDATES * count, level) for kind in self.law.kinds.values()]
        space = self.space()
        kinds = zip(self.law.kinds.values(), columns, strict=True)
        drawn = np.stack([np.log(c) if k.coordinate == "log" else c for k, c in kinds], axis=-1)
        points = np.clip(drawn, space.lower, space.upper)
        with np.errstate(all="ignore"):
            misfit = np.abs(self.residuals(points)[0]).sum(axis=1)
        misfit = np.where(np.isfinite(misfit), misfit, np.inf).reshape(count, _CANDIDATES)
        return points.reshape(count, _CANDIDATES, -1)[np.arange(count), misfit.argmin(axis=1)]

    def parameters(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """The law's parameters in the units of the runs, each (rows,), at points (rows, P)."""
        kinds = enumerate(self.law.kinds.items())
        scaled = {p: np.exp(points[:, i]) if k.coordinate == "log" else points[:, i] for i, (p, k) in kinds}
        return self.law.rescaled(scaled, {x: 1 / f for x, f in self.factors.items()})


def make_problem(law: Law, inputs: Mapping[str, np.ndarray], y: np.ndarray) -> Problem:
    """The problem of fitting law to outcomes y (n,) at inputs {role: (n,)}, all finite, positive where it asks."""
    factors = _factors(law, inputs)
    scaled = tuple(_scaled(np.asarray(inputs[x], dtype=float) / factors[x], law.marks[x]) for x in law.inputs)
    measured = np.log(y) if law.residual == "log" else np.asarray(y, dtype=float)
    return Problem(law=law, inputs=scaled, measured=measured, factors=factors)


def _factors(law: Law, inputs: Mapping[str, np.ndarray]) -> dict[str, float]:
    """What each input is divided by: the middle of the first input of its unit, as a law may compare the two."""
    middle: dict[str, float] = {}
    for x, mark in law.marks.items():
        size = np.abs(inputs[x][inputs[x] != 0])
        scaled = size.size and mark.domain != "count"
        middle.setdefault(mark.unit, float(np.exp(np.log(size).mean())) if scaled else 1.0)
    return {x: middle[mark.unit] for x, mark in law.marks.items()}


def _scaled(values: np.ndarray, mark: Input) -> Dual:
    return Dual(values, log=None if mark.domain == "real" else np.log(values))
