"""Published constants of a law in the place of a fit: what they forecast, and what nobody says of their errors."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from types import MappingProxyType
from typing import Any, Literal, final

import numpy as np

from froude.errors import InputError, close_names
from froude.fitting.distance import distance_beyond, grown
from froude.fitting.extrapolation import shipped
from froude.fitting.forecasting import Forecast, check_inputs, forecast_of_parts
from froude.fitting.identification import TYPICAL_NOISE
from froude.fitting.tokens import FLOP_PER_PARAM_TOKEN
from froude.laws import Law, Origin, get_law
from froude.provenance import Computed, recorded
from froude.quantity import format_quantity

DEFAULT_SETS: Mapping[str, str] = MappingProxyType({"chinchilla": "besiroglu-2024"})
"""Published constants taken where nobody says which, by law; of other laws the first. Those of Hoffmann et al. are
rounded, which alone moves the best tokens per parameter by half (Besiroglu et al. 2024, arXiv:2404.10102)."""

LOSSES = ("nats/token", "bits/character")
OUTCOMES = (*LOSSES, "unit of the measured outcome", "share")
"""Units of what a training comes to, for which studies show how fast laws err; other laws are rules for settings."""

_LEVEL = 0.9
_DRAWS = 1000
_NOT_KNOWN = Origin(source="")


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PublishedFit(Computed):
    """A law with a published set of `constants`, which forecasts as a `Fit` does. Made by `published_fit`.

    `inputs` are the corners of the range of the runs that the constants were fitted to, C among them: a forecast tells
    how far beyond these it lies. Where that range is not recorded it is that of the law's sources. The interval holds
    how far one run lies off (what was recorded, else what is typical of published studies), how fast laws of an outcome
    err beyond their runs, and what the parameters leave open only where their covariance was published.
    """

    law: Law
    constants: str
    level: float = _LEVEL

    @property
    def name(self) -> str:
        """As it is asked for: "chinchilla:besiroglu-2024"."""
        return f"{self.law.name}:{self.constants}"

    @property
    def y(self) -> str:
        """What it forecasts: the loss, or the unit of the law's value."""
        return "loss" if self.law.unit in LOSSES else "outcome" if self.forecasts_outcome else self.law.unit

    @property
    def params(self) -> Mapping[str, float]:
        """The constants."""
        return self.law.published[self.constants]

    @property
    def origin_of_constants(self) -> Origin:
        """What the constants were fitted to, as far as it is recorded."""
        return self.law.origins.get(self.constants, _NOT_KNOWN)

    @property
    def forecasts_outcome(self) -> bool:
        """Whether the law gives what a training comes to, so that published studies tell how fast it errs beyond."""
        return self.law.unit in OUTCOMES

    @property
    def draws(self) -> np.ndarray:
        """Parameters (draws, P) as uncertain as their published covariance says; (1, P) where there is none."""
        return self._draws

    @cached_property
    def _draws(self) -> np.ndarray:
        values = np.array([self.params[name] for name in self.law.parameters])
        if not self.origin_of_constants.covariance:
            return values[None]
        log = np.array([self.law.kinds[name].coordinate == "log" and name in self.law.carries for name in self.params])
        centre = np.where(log, np.log(np.where(log, values, 1.0)), values)
        rng = np.random.default_rng(0)
        drawn = rng.multivariate_normal(centre, np.array(self.origin_of_constants.covariance), _DRAWS)
        return np.where(log, np.exp(np.where(log, drawn, 0.0)), drawn)

    @property
    def inputs(self) -> Mapping[str, np.ndarray]:
        """The corners of the range of the runs, each (n,): of N and D cut at the least and the most compute."""
        ranges = {**self.law.domain, **self.origin_of_constants.ranges}
        corners = np.array([*product(*(ranges[x] for x in self.law.inputs if x in ranges))], dtype=float)
        if {*self.law.inputs} == {"N", "D"} and "C" in ranges:
            corners = _within_compute(corners, ranges["C"])
        return dict(zip((x for x in self.law.inputs if x in ranges), corners.T, strict=True))

    @property
    def deviation(self) -> float | None:
        """How far one run lies off the law, relative: as recorded, else as is typical; None for a rule for settings."""
        typical = TYPICAL_NOISE if self.forecasts_outcome else None
        return self.origin_of_constants.deviation or typical

    @property
    def warnings(self) -> tuple[str, ...]:
        """What weakens it, a sentence each."""
        return tuple(_warnings(self))

    @property
    def notes(self) -> tuple[str, ...]:
        """What it speaks of, a sentence each: the outcome and its unit, the text and the tokenizer, and the runs."""
        return tuple(_notes(self))

    def extrapolation(self, at: Mapping[str, Any]) -> np.ndarray:
        """The relative standard deviation of what a law of an outcome errs by beyond the runs; 0 where nobody knows."""
        distance = distance_beyond(self.law, self.inputs, at)
        return (shipped().other.drift if self.forecasts_outcome else 0.0) * grown(distance)

    @recorded
    def predict(self, of: Literal["run", "mean"] = "run", **inputs: Any) -> Forecast:
        """The law's value at these inputs, of one run or of the mean of many.

        Without an interval, `lo` and `hi` None, where nothing is known of its errors there: so for the mean of many
        runs within the range of those that were fitted, if the uncertainty of the constants was not published. Inputs
        may be arrays; they broadcast. InputError for an input missing, unknown or not positive.
        """
        at = check_inputs(self.law, of, inputs)
        centre = np.asarray(self.law(**at, **self.params))
        spread = _spread(self, at, centre)
        parts = {
            "parameters": spread,
            "residual": 0.0 * centre + ((self.deviation or 0.0) if of == "run" else 0.0),
            "extrapolation": self.extrapolation(at),
        }
        known = any(np.any(part) for part in parts.values())
        made = forecast_of_parts(self, of, at, centre, parts, (spread, spread) if known else None)
        return replace(made, by=self.name)


@recorded
def published_fit(name: str, inputs: Iterable[str] = ()) -> PublishedFit:
    """The published constants of a law by their name: "chinchilla:besiroglu-2024", or "chinchilla" for the usual ones.

    A law of one input is taken over the one among `inputs` for which the constants are published. InputError for an
    unknown law or unknown constants, with the nearest names, and for a law without any.
    """
    law_name, _, constants = name.partition(":")
    law = get_law(law_name)
    variants = tuple(law.over(x) for x in law.choices) or (law,)
    having = [each for each in variants if not constants or constants in each.published]
    wanted = [each for each in having if {*each.inputs} <= {*inputs}] or having
    if not any(each.published for each in wanted):
        raise InputError(_no_constants(law, constants, [set_ for each in variants for set_ in each.published]))
    chosen = next(each for each in wanted if each.published)
    return PublishedFit(law=chosen, constants=constants) if constants else usual_constants(chosen)


def usual_constants(law: Law) -> PublishedFit:
    """A law with the constants that are taken where nobody says which. InputError where none are published."""
    if not law.published:
        raise InputError(_no_constants(law, "", []))
    return PublishedFit(law=law, constants=DEFAULT_SETS.get(law.name, next(iter(law.published))))


def _no_constants(law: Law, constants: str, known: list[str]) -> str:
    if not known:
        return f"{law.name} has no published constants: give a fit that froude fit --out saved"
    near = dict.fromkeys(close_names(constants, known, n=3, cutoff=0.3))
    remedy = f"did you mean {' or '.join(near)}?" if near else f"give one of {', '.join(dict.fromkeys(known))}"
    return f"{law.name} has no constants {constants!r}: {remedy}"


def _within_compute(corners: np.ndarray, compute: tuple[float, float]) -> np.ndarray:
    """The corners (n, 2) of N and D, with those beyond the least and the most compute replaced by where it cuts."""
    low, high = (C / FLOP_PER_PARAM_TOKEN for C in compute)
    kept = []
    for N, D in corners:
        size = float(np.clip(N * D, low, high))
        kept += [(N, D)] if size == N * D else [(N, size / N), (size / D, D)]
    return np.array(kept)


def _spread(fit: PublishedFit, at: Mapping[str, Any], centre: np.ndarray) -> np.ndarray:
    """The relative standard deviation of the law's value that the parameters leave open, 0 where nobody says."""
    tall = {name: fit.draws[:, k].reshape(-1, *(1,) * centre.ndim) for k, name in enumerate(fit.law.parameters)}
    drawn = fit.law(**at, **tall)
    off = fit.law.on_scale(drawn) - fit.law.on_scale(centre)
    return np.std(off if fit.law.is_relative else off / np.abs(centre), axis=0)


def _warnings(fit: PublishedFit) -> Iterator[str]:
    origin = fit.origin_of_constants
    if not origin.covariance:
        rest = "the interval leaves it out" if fit.deviation is not None else "there is no interval"
        yield f"how uncertain the constants of {fit.name} are was not published: {rest}"
    if not fit.forecasts_outcome and (origin.covariance or fit.deviation is not None):
        yield f"how fast {fit.law.name} errs beyond its runs is not known: the interval leaves it out"
    if doubt := fit.law.trust.get(fit.constants):
        yield f"{fit.name}: {doubt}"


def _notes(fit: PublishedFit) -> Iterator[str]:
    origin = fit.origin_of_constants
    if fit.forecasts_outcome:
        unit = f"{fit.y} in {fit.law.unit}" if fit.law.unit in LOSSES else f"the {fit.y}, without a unit"
        text = f" of {origin.data}" if origin.data else ", of data that are not recorded here"
        tokenizer = f"tokenizer {origin.tokenizer}" if origin.tokenizer else "the tokenizer is not recorded here"
        yield f"{unit}{text}; {tokenizer}: other data and tokenizers have other losses"
    ranges = {**{x: fit.law.domain[x] for x in fit.law.inputs}, **origin.ranges}
    spans = ", ".join(f"{x} {_span(x, *ends)}" for x, ends in ranges.items())
    of_runs = f"of {origin.n} runs" if origin.n else "of the runs of its source"
    yield f"range {of_runs if origin.ranges else 'that the sources of the law measured'}: {spans}"
    yield f"wrong when {fit.law.wrong_when.rstrip('.')}"


def _span(x: str, low: float, high: float) -> str:
    """The two ends of a range: "57.3M to 16.2B"; FLOPs as powers of ten."""
    return f"{low:.3g} to {high:.3g}" if x == "C" else f"{format_quantity(low)} to {format_quantity(high)}"
