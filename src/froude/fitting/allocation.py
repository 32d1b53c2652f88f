"""How to divide a budget of compute between parameters and tokens, under a law of both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from froude.bounds import MOST_SPENT, finite_number, positive_number
from froude.errors import InputError
from froude.fitting.fits import Fit
from froude.fitting.published_fit import PublishedFit
from froude.fitting.rules import setting_of
from froude.fitting.size_draws import SizeDraws, draw_sizes
from froude.fitting.sources import FitSource, read_source
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN, FORWARD_FLOP_PER_PARAM, inputs_for
from froude.laws import Law, get_law
from froude.provenance import Computed, recorded
from froude.quantity import read_quantities, read_quantity

_WIDEST = np.log(1e5)  # the best N is looked for from 1e-5 to 1e5 times √(C/6)
_GRID, _ROUNDS = 81, 6  # each round narrows the search fortyfold: to 6e-9
_NUDGE = 0.1
_WIDEST_NEAR, _ROUNDS_NEAR = np.log(1e3), 2  # to 0.2%, at which the loss differs by a millionth from the least


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Allocation(Computed):
    """The parameters N and tokens D that make the most of C FLOPs, and the loss there: floats, or arrays shaped as C.

    `a` and `b` are the slopes d log N/d log C and d log D/d log C. `intervals` holds the two ends for each of "N", "D",
    "loss", "tokens_per_param", "a" and "b", at the `level` of the fit; that of the loss is the forecast of one run
    there. Those of N, D and their ratio hold what the law may err by beyond the fitted runs (`size_draws`), those of a
    and b only what its parameters leave open. Where nothing is known of the errors a name is missing. `beyond` and
    `distance` say how far beyond the fitted runs that is, as a `Forecast` does. They are empty and None where constants
    were given. `unbounded` is the share of draws that have no best size within 10,000 times of N.
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
    unbounded: Any = 0.0

    @property
    def tokens_per_param(self) -> Any:
        """D/N."""
        return self.D / self.N


@final
@dataclass(frozen=True, kw_only=True)
class Spending:
    """What a budget pays for: C = per_token·N·D + 2·N·served, where only so many tokens are `unique`."""

    per_token: float = FLOP_PER_PARAM_TOKEN
    served: float = 0.0
    unique: float | None = None

    def tokens(self, C: Any, N: Any) -> Any:
        """The tokens D that C FLOPs leave for N parameters, negative where serving alone takes more."""
        return C / (self.per_token * N) - FORWARD_FLOP_PER_PARAM * self.served / self.per_token

    @property
    def is_plain(self) -> bool:
        """Whether all is spent on training, on tokens that are all new."""
        return not self.served and self.unique is None


TRAINING_ALONE = Spending()
"""All is spent on training, for 6 FLOPs a parameter and token, on tokens that are all new."""


@recorded
def optimal(
    source: FitSource | Mapping[str, float],
    C: Any,
    *,
    law: Law | str = "chinchilla",
    flop_per_param_token: float = FLOP_PER_PARAM_TOKEN,
    inference_tokens: float | str = 0.0,
    data_limit_tokens: float | str | None = None,
) -> Allocation:
    """The N and D of least loss with C = flop_per_param_token·N·D, under a fit or published constants, or given ones.

    C is a number of FLOPs, a quantity as "1e24 FLOP", or an array of them. A source is a fit, the file of one, a law
    with published constants ("chinchilla:besiroglu-2024"), or a mapping of the constants of `law`. `inference_tokens`
    are served in the model's life, for 2 FLOPs a parameter each, out of the same C. Tokens beyond `data_limit_tokens`
    are repeats, worth less.

    For laws of the form A·N^-alpha + B·D^-beta the closed form of Hoffmann et al. 2022, eq. 4: N = G·(C/6)^a with
    G = (alpha·A/(beta·B))^(1/(alpha + beta)) and a = beta/(alpha + beta); for others by search. InputError for a law
    that is not one of N and D, for C that is not above 0, and where the loss has no minimum.
    """
    if isinstance(C, Fit):
        raise InputError("froude.optimal takes the fit first, then the FLOPs: write froude.optimal(fit, 1e24)")
    source = source if isinstance(source, Mapping) else read_source(source, ("N", "D"))
    law = source.law if not isinstance(source, Mapping) else get_law(law) if isinstance(law, str) else law
    _check_law(law)
    budget = read_quantities(C)
    if np.any(bad := ~(np.isfinite(budget) & (budget > 0))):
        raise InputError(f"C = {budget[bad].flat[0]:g}: give training FLOPs above 0")
    spending = spending_of(flop_per_param_token, inference_tokens, data_limit_tokens)
    params = source if isinstance(source, Mapping) else source.params
    best = _least(law, params, budget, spending)
    if np.any(lost := np.isnan(best["N"])):
        raise InputError(_no_size(law, float(budget[lost].flat[0]), spending))
    values = {name: _plain(value) for name, value in best.items()}
    if isinstance(source, Mapping):
        return Allocation(C=_plain(budget), **values, intervals={})
    there = source.predict(**inputs_for(law, best["N"], best["D"], spending.unique))
    drawn = [
        draws_of(source, float(N), float(C), spending)
        for N, C in zip(np.ravel(best["N"]), np.ravel(budget), strict=True)
    ]
    shared = _several(drawn, budget.shape)
    return Allocation(
        C=_plain(budget),
        **{**values, "loss": there.mean},
        intervals={**_intervals(source, drawn, budget, spending), **_loss_interval(there.lo, there.hi)},
        level=source.level,
        beyond=there.beyond,
        distance=there.distance,
        unbounded=shared,
    )


def _no_size(law: Law, C: float, spending: Spending) -> str:
    """Why a budget has no best size."""
    if spending.served:
        return f"C = {C:g}: serving {spending.served:g} tokens leaves too little to train with; give a larger C"
    return f"C = {C:g}: {law.name} puts its least loss at no size there; give a C nearer to the runs"


def _check_law(law: Law) -> None:
    """InputError for a law that is none of a loss of N and D."""
    if (setting := setting_of(law)) is not None:
        raise InputError(f"{law.name} gives the best {setting}, no outcome: the best N and D need a law as chinchilla")
    if not {"N", "D"} <= set(law.inputs) <= {"N", "D", "U"}:
        raise InputError(
            f"{law.name} is a law of {' and '.join(law.inputs)}: the best N and D need one of both, as chinchilla"
        )
    if law.is_lever or any(sign > 0 for sign in law.trend.values()):
        raise InputError(f"{law.name} gives a {law.unit}, no loss: the best N and D need a law of loss, as chinchilla")


def draws_of(source: Fit | PublishedFit, N: float, C: float, spending: Spending) -> SizeDraws:
    """The losses of draws at the sizes that C pays for, about the best one."""
    return draw_sizes(source, N, lambda sizes: spending.tokens(C, sizes), spending.unique)


def spending_of(
    flop_per_param_token: float = FLOP_PER_PARAM_TOKEN,
    inference_tokens: float | str = 0.0,
    data_limit_tokens: float | str | None = None,
) -> Spending:
    """What a budget pays for; InputError for numbers out of range."""
    limit = None if data_limit_tokens is None else read_quantity(data_limit_tokens, "count")
    return Spending(
        per_token=flop_per_param_token,
        served=finite_number("inference tokens", read_quantity(inference_tokens, "count"), 0.0, MOST_SPENT),
        unique=None if limit is None else positive_number("data limit", limit, MOST_SPENT),
    )


def _several(drawn: list[SizeDraws], shape: tuple[int, ...]) -> Any:
    return _plain(np.reshape([each.unbounded for each in drawn], shape))


def _loss_interval(lo: Any, hi: Any) -> dict[str, tuple[Any, Any]]:
    return {} if lo is None else {"loss": (lo, hi)}


def _intervals(
    source: Fit | PublishedFit, drawn: list[SizeDraws], budget: np.ndarray, spending: Spending
) -> dict[str, tuple[Any, Any]]:
    """The intervals of all but the loss, none where draws are all alike, as nothing is known of the errors there."""
    ends = [(1 - source.level) / 2, (1 + source.level) / 2]
    sizes = np.array([each.best for each in drawn])  # (budgets, draws)
    tokens = spending.tokens(budget.reshape(-1, 1), sizes)
    by_name: dict[str, tuple[Any, Any]] = {}
    for name, values in {"N": sizes, "D": tokens, "tokens_per_param": tokens / sizes}.items():
        low, high = np.quantile(values, ends, axis=1)
        if np.all(high > low):
            by_name[name] = _plain(low.reshape(budget.shape)), _plain(high.reshape(budget.shape))
    if len(source.draws) > 1:
        tall = {n: source.draws[:, k].reshape(-1, *(1,) * budget.ndim) for k, n in enumerate(source.law.parameters)}
        with np.errstate(all="ignore"):  # a wild draw may put its least loss anywhere
            slopes = _least(source.law, tall, budget, spending)
        by_name |= {name: _pair(np.nanquantile(slopes[name], ends, axis=0)) for name in ("a", "b")}
    return by_name


def _least(law: Law, params: Mapping[str, Any], C: np.ndarray, spending: Spending) -> dict[str, np.ndarray]:
    """N, D, loss, a and b at the least loss for C; params and C broadcast."""
    shape = np.broadcast_shapes(np.shape(C), *(np.shape(value) for value in params.values()))
    C = np.broadcast_to(C, shape)
    if law.name in _ADDITIVE and spending.is_plain:
        A, alpha, B, beta = _ADDITIVE[law.name](params)
        a = np.broadcast_to(beta / (alpha + beta), shape)
        N = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * (C / spending.per_token) ** a
        b = 1 - a
    else:
        N = _searched(law, params, C, spending)
        above, below = (_searched(law, params, C * np.exp(nudge), spending) for nudge in (_NUDGE, -_NUDGE))
        a = np.log(above / below) / (2 * _NUDGE)
        more, fewer = spending.tokens(C * np.exp(_NUDGE), above), spending.tokens(C * np.exp(-_NUDGE), below)
        b = np.log(more / fewer) / (2 * _NUDGE)
    D = spending.tokens(C, N)
    return {"N": N, "D": D, "loss": law(**inputs_for(law, N, D, spending.unique), **params), "a": a, "b": b}


def best_params(law: Law, params: Mapping[str, Any], size: np.ndarray, near: np.ndarray | None = None) -> np.ndarray:
    """The N of least loss with N·D = size, of the shape of size; NaN where the loss has no minimum.

    With `near`, N of that shape, a law without a closed form is searched up to a factor of 1000 from there, which takes
    a third of the time.
    """
    if law.name in _ADDITIVE:
        A, alpha, B, beta = _ADDITIVE[law.name](params)
        return (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * size ** (beta / (alpha + beta))
    return _searched(law, params, size, Spending(per_token=1.0), near)


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


def _searched(
    law: Law, params: Mapping[str, Any], C: np.ndarray, spending: Spending, near: np.ndarray | None = None
) -> np.ndarray:
    """The N of least loss by ever finer grids of log N; NaN where the loss has no minimum between their ends."""
    wide = {name: np.asarray(value)[..., None] for name, value in params.items()}
    size = C / spending.per_token
    middle, reach, rounds = np.zeros(size.shape), _WIDEST, _ROUNDS
    if near is not None:
        middle, reach, rounds = np.log(near / np.sqrt(size)), _WIDEST_NEAR, _ROUNDS_NEAR
    for each in range(rounds):
        log_ratio = middle[..., None] + np.linspace(-reach, reach, _GRID)
        N = np.sqrt(size)[..., None] * np.exp(log_ratio)
        D = spending.tokens(C[..., None], N)
        paid = D > 0
        there = inputs_for(law, N, np.where(paid, D, 1.0), spending.unique)
        loss = np.where(paid, law.falling(law(**there, **wide)), np.inf)
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
