"""Which law to believe: the one that predicts the largest runs from the smaller ones."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fit.fit import Fit, fit
from froude.runs import Runs

# All have a floor: text has entropy, and small runs hide it.
LAWS = ("chinchilla", "chinchilla-tied", "varying-exponent")
CUTS = (1.5, 2, 3, 4, 6, 8)  # runs up to the largest N·D over a cut are fitted, the others forecast
FEWEST_SIZES = 3  # below a cut: with two sizes a floor and an exponent cannot be told apart
FEWEST_RUNS = 8  # below a cut
LEAST_KEPT = 0.5  # of all runs, below a cut: with fewer, laws are judged on what they were hardly told
BACKTEST_DRAWS = 100
PRIOR_CUTS = 2  # so many cuts' worth of belief that a fit's own uncertainty is right, against those that tell


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Larger runs forecast from smaller ones, at one cut: arrays (held out,).

    `errors` are log forecast − log measured, `deviations` the relative standard deviations that the fit foresaw.
    """

    errors: np.ndarray
    deviations: np.ndarray


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A law fitted to all runs, and how it did at every cut."""

    fit: Fit
    held_out: tuple[HeldOut, ...]

    @property
    def error(self) -> float:
        """Relative error on held-out runs; infinite where none could be held out.

        It is the root mean square at each cut, and the geometric mean over cuts: so laws are compared by the ratio of
        their errors at each, and a deep cut, whose few runs leave every law far off, does not outweigh the others.
        """
        squares = [np.mean(cut.errors**2) for cut in self.held_out]
        return float(np.sqrt(np.exp(np.mean(np.log(squares))))) if squares else math.inf


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
    N: float,
    D: float,
    laws: Sequence[str] = LAWS,
    cluster: str | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> Choice:
    """The law with the smallest error on the largest runs held out, its interval widened for a forecast at N and D.

    At each of CUTS the runs below are fitted and all above forecast. InputError where no cut leaves FEWEST_RUNS of
    FEWEST_SIZES sizes.
    """
    options = {"cluster": cluster, "level": level, "seed": seed}
    found = [candidate(law, runs, options) for law in laws]
    best = tuple(sorted(found, key=lambda each: each.error))
    if not best[0].held_out:
        raise InputError(
            f"{len(runs)} runs are too few to hold the largest out: give {FEWEST_RUNS} or more of {FEWEST_SIZES} "
            f"sizes N at less than 1/{CUTS[0]} of the largest N·D"
        )
    choice = Choice(fit=best[0].fit, candidates=best)
    return replace(choice, fit=replace(best[0].fit, drift=drift(choice, {"N": N, "D": D})))


def candidate(law: str, runs: Runs, options: dict[str, Any]) -> Candidate:
    """A law's fit to all runs and its hold-outs."""
    return Candidate(fit=fit(law, runs, **options), held_out=tuple(hold_outs(law, runs, options)))


def hold_outs(law: str, runs: Runs, options: dict[str, Any]) -> Iterator[HeldOut]:
    """The forecasts at every cut that leaves enough runs to fit."""
    runs = runs.take(~runs.diverged())
    size = runs["N"] * runs["D"]
    for cut in CUTS:
        below = size <= size.max() / cut
        if below.sum() < max(FEWEST_RUNS, LEAST_KEPT * len(runs)) or len(np.unique(runs["N"][below])) < FEWEST_SIZES:
            return
        held = runs.take(~below)
        made = fit(law, runs.take(below), draws=BACKTEST_DRAWS, **options)
        forecast = made.predict(N=held["N"], D=held["D"])
        yield HeldOut(
            errors=np.log(forecast.mean / held["loss"]),
            deviations=np.hypot(forecast.parts["parameters"], forecast.parts["residual"]),
        )


def drift(choice: Choice, at: dict[str, float]) -> float:
    """Relative standard deviation of the law's own error for each factor e of N·D beyond the fitted runs, for `at`.

    Two variances add up there: what the hold-outs show beyond the uncertainty of the parameters, and the candidates'
    disagreement. 0 where `at` is no farther than the fitted runs.
    """
    distance = math.log(at["N"] * at["D"] / choice.fit.farthest)
    if distance <= 0:
        return 0.0
    own = choice.fit.predict(of="mean", N=at["N"], D=at["D"]).parts["parameters"]
    return math.sqrt(own**2 * (inflation(choice.candidates[0].held_out) - 1) + disagreement(choice, at)) / distance


def inflation(cuts: Sequence[HeldOut]) -> float:
    """By how much errors squared exceed the variance that the fits themselves foresaw, at least 1.

    A cut counts once, however many runs it holds out, as their errors go together; PRIOR_CUTS more cuts count 1.
    """
    shown = [float(np.mean((cut.errors / cut.deviations) ** 2)) for cut in cuts]
    return max(1.0, (PRIOR_CUTS + sum(shown)) / (PRIOR_CUTS + len(shown)))


def disagreement(choice: Choice, at: dict[str, float]) -> float:
    """Weighted variance of the candidates' log forecasts."""
    logs = np.log([each.fit.law(**at, **each.fit.params) for each in choice.candidates])
    centre = np.average(logs, weights=choice.weights)
    return float(np.average((logs - centre) ** 2, weights=choice.weights))
