"""Which runs a comparison goes through as they grow: along one input, at constant D/N, or each fit at its own best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from froude.errors import InputError
from froude.fitting.allocation import best_params
from froude.fitting.fits import Fit
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN
from froude.quantity import AMOUNT, read_quantity

Along = Literal["input", "ratio", "frontier"]
_FARTHEST = 1e60  # products of two such sizes, times what lies beyond them, are still held by floats


@final
@dataclass(frozen=True, kw_only=True)
class Route:
    """Runs by their size `x`: along one "input", along a "ratio" D/N of `tokens_per_param`, or along the "frontier".

    On the last two x is the compute, C = 6·N·D; on the frontier every law has the N and D that are best under it.
    """

    along: Along
    x: str
    tokens_per_param: float = np.nan

    def sizes_of(self, fit: Fit) -> np.ndarray:
        """The sizes (n,) of the runs of a fit."""
        return fit.inputs[self.x] if self.along == "input" else FLOP_PER_PARAM_TOKEN * fit.inputs["N"] * fit.inputs["D"]

    def inputs(
        self, fit: Fit, sizes: np.ndarray, params: Mapping[str, Any] | None = None, near: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """The inputs at sizes, under other `params` than the fit's own where given; `near` as for `best_params`."""
        if self.along == "input":
            return {self.x: sizes}
        product = sizes / FLOP_PER_PARAM_TOKEN
        if self.along == "ratio":
            return {"N": np.sqrt(product / self.tokens_per_param), "D": np.sqrt(product * self.tokens_per_param)}
        N = best_params(fit.law, fit.params if params is None else params, product, near)
        return {"N": N, "D": product / N}


def route_to(fits: Sequence[Fit], at: float | str | Mapping[str, float | str]) -> tuple[Route, float]:
    """The route that an `at` asks for, and the size there. InputError where fits and place do not suit each other."""
    first = fits[0].law
    for other in (fit.law for fit in fits[1:]):
        if {*other.inputs} != {*first.inputs} or other.unit != first.unit:
            raise InputError(
                f"{first.name} and {other.name} cannot be compared: fit two laws of the same inputs and outcome"
            )
    if first.residual != "log error" and any(sign > 0 for sign in first.trend.values()):
        raise InputError(f"{first.name} rises with {' and '.join(first.trend)}: compare by what should fall, as a loss")
    joint = {*first.inputs} == {"N", "D"}
    if len(first.inputs) != 1 and not joint:
        raise InputError(
            f"{first.name} is a law of {' and '.join(first.inputs)}: compare laws of one input or of N and D"
        )
    (x,) = ("C",) if joint else first.inputs
    given = at if isinstance(at, Mapping) else {x: at}
    place = {name: _positive(name, value) for name, value in given.items()}
    if set(place) == {x}:
        return Route(along="frontier" if joint else "input", x=x), place[x]
    if joint and set(place) == {"N", "D"}:
        route = Route(along="ratio", x="C", tokens_per_param=place["D"] / place["N"])
        return route, FLOP_PER_PARAM_TOKEN * place["N"] * place["D"]
    raise InputError(
        f"at {', '.join(place) or 'nothing'}: {first.name} is compared at "
        + ("C=…, each at its own best N and D, or at N=…,D=…" if joint else f"{x}=…")
    )


def _positive(name: str, value: float | str) -> float:
    number = read_quantity(value, AMOUNT)
    if not 0 < number < np.inf:
        raise InputError(f"{name} = {number:g}: give one positive number to compare at")
    if not 1 / _FARTHEST <= number <= _FARTHEST:
        raise InputError(f"{name} = {number:g} is beyond anything that is run: give a size to compare at")
    return number
