"""How to divide a budget of compute between parameters and tokens, under a law of both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.fits import Fit, read_fit
from froude.fitting.rules import setting_of
from froude.laws import Law, get_law
from froude.provenance import Computed, recorded
from froude.quantity import read_quantities

FLOP_PER_PARAM_TOKEN = 6.0
"""Training FLOPs for each parameter and token by the usual account: 2 forward, 4 backward."""

_WIDEST = np.log(1e5)  # the best N is looked for from 1e-5 to 1e5 times √(C/6)
_GRID, _ROUNDS = 81, 6  # each round narrows the search fortyfold: to 6e-9
_NUDGE = 0.1


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Allocation(Computed):
    """The parameters N and tokens D that make the most of C FLOPs, and the loss there: floats, or arrays shaped as C.

    `a` and `b` are the slopes d log N/d log C and d log D/d log C. `intervals` holds the two ends for each of "N", "D",
    "loss", "tokens_per_param", "a" and "b", at the `level` of the fit; that of the loss is the forecast of one run
    there. `beyond` and `distance` say how far beyond the fitted runs that is, as a `Forecast` does. They are empty and
    None where constants were given.
    """

    C: Any
    N: Any
    D: Any
    loss: Any
    a: Any
    b: Any
    intervals: Mapping[str, tuple[Any, Any]]
    level: float | None = None
    beyond: Mapping[str, Any] = field(default_factory=dict)
    distance: Any | None = None

    @property
    def tokens_per_param(self) -> Any:
        """D/N."""
        return self.D / self.N


@recorded
def optimal(
    source: Fit | Mapping[str, float] | str | Path,
    C: Any,
    *,
    law: Law | str = "chinchilla",
    flop_per_param_token: float = FLOP_PER_PARAM_TOKEN,
) -> Allocation:
    """The N and D of least loss with C = flop_per_param_token·N·D, under a fit or a saved one, or constants of a law.

    C is a number of FLOPs, a quantity as "1e24 FLOP", or an array of them.

    For laws of the form A·N^-alpha + B·D^-beta the closed form of Hoffmann et al. 2022, eq. 4: N = G·(C/6)^a with
    G = (alpha·A/(beta·B))^(1/(alpha + beta)) and a = beta/(alpha + beta); for others by search. InputError for a law
    that is not one of N and D, for C that is not above 0, and where the loss has no minimum.
    """
    if isinstance(C, Fit):
        raise InputError("froude.optimal takes the fit first, then the FLOPs: write froude.optimal(fit, 1e24)")
    source = source if isinstance(source, Mapping) else read_fit(source)
    law = source.law if isinstance(source, Fit) else get_law(law) if isinstance(law, str) else law
    if (setting := setting_of(law)) is not None:
        raise InputError(f"{law.name} gives the best {setting}, no outcome: the best N and D need a law as chinchilla")
    if set(law.inputs) != {"N", "D"}:
        raise InputError(
            f"{law.name} is a law of {' and '.join(law.inputs)}: the best N and D need one of both, as chinchilla"
        )
    budget = read_quantities(C)
    if np.any(bad := ~(np.isfinite(budget) & (budget > 0))):
        raise InputError(f"C = {budget[bad].flat[0]:g}: give training FLOPs above 0")
    params = source.params if isinstance(source, Fit) else source
    best = _least(law, params, budget / flop_per_param_token)
    if np.any(lost := np.isnan(best["N"])):
        first = float(budget[lost].flat[0])
        raise InputError(f"C = {first:g}: {law.name} puts its least loss at no size there; give a C nearer to the runs")
    intervals: dict[str, tuple[Any, Any]] = {}
    beyond, distance = {}, None
    if isinstance(source, Fit):
        tall = {name: source.draws[:, k].reshape(-1, *(1,) * budget.ndim) for k, name in enumerate(law.parameters)}
        ends = [(1 - source.level) / 2, (1 + source.level) / 2]
        with np.errstate(all="ignore"):  # a wild draw may put its least loss anywhere
            drawn = _least(law, tall, budget / flop_per_param_token)
            drawn["tokens_per_param"] = drawn["D"] / drawn["N"]
            intervals = {name: _pair(np.nanquantile(values, ends, axis=0)) for name, values in drawn.items()}
        there = source.predict(N=best["N"], D=best["D"])
        intervals["loss"] = there.lo, there.hi
        beyond, distance = there.beyond, there.distance
    return Allocation(
        C=_plain(budget),
        **{name: _plain(value) for name, value in best.items()},
        intervals=intervals,
        level=source.level if isinstance(source, Fit) else None,
        beyond=beyond,
        distance=distance,
    )


def _least(law: Law, params: Mapping[str, Any], size: np.ndarray) -> dict[str, np.ndarray]:
    """N, D, loss, a and b at the least loss with N·D = size; params and size broadcast."""
    shape = np.broadcast_shapes(np.shape(size), *(np.shape(value) for value in params.values()))
    size = np.broadcast_to(size, shape)
    if law.name in _ADDITIVE:
        A, alpha, B, beta = _ADDITIVE[law.name](params)
        a = np.broadcast_to(beta / (alpha + beta), shape)
        N = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * size**a
    else:
        N = _searched(law, params, size)
        above, below = (_searched(law, params, size * np.exp(nudge)) for nudge in (_NUDGE, -_NUDGE))
        a = np.log(above / below) / (2 * _NUDGE)
    return {"N": N, "D": size / N, "loss": law(N=N, D=size / N, **params), "a": a, "b": 1 - a}


def _kaplan(p: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    # Its loss rises with (Nc/N)^(alpha_N/alpha_D) + Dc/D, and is least where this is.
    alpha = p["alpha_N"] / p["alpha_D"]
    return p["Nc"] ** alpha, alpha, p["Dc"], 1.0


_ADDITIVE: Mapping[str, Callable[[Mapping[str, Any]], tuple[Any, Any, Any, Any]]] = {
    "chinchilla": lambda p: (p["A"], p["alpha"], p["B"], p["beta"]),
    "chinchilla-tied": lambda p: (p["A"], p["alpha"], p["B"], p["alpha"]),
    "kaplan-joint": _kaplan,
    "kaplan-floor": _kaplan,
}
"""A, alpha, B and beta of the laws that are least where A·N^-alpha + B·D^-beta is."""


def _searched(law: Law, params: Mapping[str, Any], size: np.ndarray) -> np.ndarray:
    """The N of least loss by ever finer grids of log N; NaN where the loss has no minimum between their ends."""
    wide = {name: np.asarray(value)[..., None] for name, value in params.items()}
    middle, reach = np.zeros(size.shape), _WIDEST
    for each in range(_ROUNDS):
        log_ratio = middle[..., None] + np.linspace(-reach, reach, _GRID)
        N = np.sqrt(size)[..., None] * np.exp(log_ratio)
        loss = law(N=N, D=size[..., None] / N, **wide)
        hollow = np.full(loss.shape, each > 0)
        if each == 0:  # far from all runs a law may fall for ever: only a hollow counts
            hollow[..., 1:-1] = (loss[..., 1:-1] < loss[..., :-2]) & (loss[..., 1:-1] < loss[..., 2:])
        lowest = np.argmin(np.where(hollow, loss, np.inf), axis=-1)[..., None]
        is_minimum = np.take_along_axis(hollow, lowest, axis=-1)
        middle = np.where(is_minimum, np.take_along_axis(log_ratio, lowest, axis=-1), np.nan)[..., 0]
        reach *= 2 / (_GRID - 1)
    return np.sqrt(size) * np.exp(middle)


def _pair(ends: np.ndarray) -> tuple[Any, Any]:
    return _plain(ends[0]), _plain(ends[1])


def _plain(value: Any) -> Any:
    return float(value) if np.ndim(value) == 0 else np.asarray(value)
