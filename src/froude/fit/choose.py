"""Which law to believe: the one that predicts the largest runs from the smaller ones."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fit.fit import Fit, fit
from froude.runs import Runs

LAWS = ("chinchilla", "kaplan-joint", "varying-exponent")
FEWEST_SIZES = 3  # kept at a cut: with two sizes a floor and an exponent cannot be told apart
BACKTEST_DRAWS = 100


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Runs of larger sizes forecast from smaller ones, at one cut: arrays (held out,).

    `errors` are log forecast − log measured, `deviations` the relative standard deviations that parameters and residuals
    alone explain, `distances` the logarithms of N·D over the largest fitted one.
    """

    errors: np.ndarray
    deviations: np.ndarray
    distances: np.ndarray


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A law fitted to all runs, and how it did at every cut."""

    fit: Fit
    held_out: tuple[HeldOut, ...]

    @property
    def error(self) -> float:
        """Root mean square relative error on held-out runs; infinite where the law could not be held out."""
        errors = [cut.errors for cut in self.held_out]
        return float(np.sqrt(np.mean(np.concatenate(errors) ** 2))) if errors else math.inf


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """The chosen law's fit, its `drift` learned, beside all candidates, the best first, and their weights.

    A weight is the inverse square of the held-out error, as a share of all.
    """

    fit: Fit
    candidates: tuple[Candidate, ...]

    @property
    def weights(self) -> tuple[float, ...]:
        """Share of trust in each candidate."""
        raw = [1 / candidate.error**2 for candidate in self.candidates]
        return tuple(weight / sum(raw) for weight in raw)


def choose(
    runs: Runs,
    *,
    laws: Sequence[str] = LAWS,
    cluster: str | None = None,
    level: float = 0.9,
    seed: int = 0,
    **at: float,
) -> Choice:
    """The law with the smallest error on its largest runs held out, with an interval that knows of that error.

    Cuts are rolling: the runs of the smallest sizes are fitted and all larger ones forecast, from FEWEST_SIZES sizes up
    to all but the largest. `at` is where a forecast will be asked for (N=…, D=…): the candidates' disagreement there
    counts as error too. InputError where there are too few sizes for any cut.
    """
    sizes = np.unique(runs["N"][~runs.diverged()])
    if len(sizes) <= FEWEST_SIZES:
        raise InputError(
            f"{len(sizes)} sizes N are too few to hold one out: give runs of {FEWEST_SIZES + 1} or more"
        )
    options = {"cluster": cluster, "level": level, "seed": seed}
    found = [candidate(law, runs, sizes, options) for law in laws]
    best = tuple(sorted(found, key=lambda each: each.error))
    choice = Choice(fit=best[0].fit, candidates=best)
    return replace(choice, fit=replace(best[0].fit, drift=drift(choice, at)))


def candidate(law: str, runs: Runs, sizes: np.ndarray, options: dict[str, Any]) -> Candidate:
    """A law's fit to all runs and its hold-outs."""
    return Candidate(fit=fit(law, runs, **options), held_out=tuple(hold_outs(law, runs, sizes, options)))


def hold_outs(law: str, runs: Runs, sizes: np.ndarray, options: dict[str, Any]) -> Iterator[HeldOut]:
    """The forecasts at every cut that leaves enough runs to fit."""
    for largest in sizes[FEWEST_SIZES - 1 : -1]:
        held = runs.take((runs["N"] > largest) & ~runs.diverged())
        try:
            made = fit(law, runs.take(runs["N"] <= largest), draws=BACKTEST_DRAWS, **options)
        except InputError:
            continue  # too few runs below this cut for this law
        forecast = made.predict(N=held["N"], D=held["D"])
        yield HeldOut(
            errors=np.log(forecast.mean / held["loss"]),
            deviations=np.hypot(forecast.parts["parameters"], forecast.parts["residual"]),
            distances=np.log(held["N"] * held["D"] / made.farthest),
        )


def drift(choice: Choice, at: dict[str, float]) -> float:
    """Relative standard deviation of the law's own error, for each factor e of N·D beyond the fitted runs.

    Two sources add up: held-out errors beyond what parameters and residuals explain, and the weighted disagreement of
    the candidates at `at`. Both are taken to grow in proportion to the logarithm of the distance.
    """
    cuts = choice.candidates[0].held_out
    errors, deviations, distances = (
        np.concatenate([getattr(cut, name) for cut in cuts]) for name in ("errors", "deviations", "distances")
    )
    beyond = np.maximum(distances, 0.0)
    excess = np.maximum(np.mean(errors**2 - deviations**2), 0.0)
    learned = excess / np.mean(beyond**2) if beyond.any() else 0.0
    return math.sqrt(learned + disagreement(choice, at))


def disagreement(choice: Choice, at: dict[str, float]) -> float:
    """Weighted variance of the candidates' log forecasts at `at`, over the squared distance."""
    distance = math.log(math.prod(at.values()) / choice.fit.farthest) if at else 0.0
    if distance <= 0:
        return 0.0
    logs = np.log([each.fit.law(**at, **each.fit.params) for each in choice.candidates])
    centre = np.average(logs, weights=choice.weights)
    return float(np.average((logs - centre) ** 2, weights=choice.weights)) / distance**2
