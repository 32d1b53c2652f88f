"""By how much the outcome at one place differs from that at another, under one fit: what both share cancels."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, final

import numpy as np

from froude.errors import InputError
from froude.fitting.distance import UNSHARED, distances_by_direction
from froude.fitting.fits import Fit
from froude.fitting.forecasting import Forecast
from froude.fitting.published_fit import PublishedFit
from froude.fitting.small_samples import deviations_at, widened
from froude.fitting.sources import FitSource, read_source
from froude.provenance import Computed, recorded


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Difference(Computed):
    """The outcome of `first` minus that of `second`, `of` the means of many runs or of one run each.

    `value` is the difference and `lo` to `hi` its interval at `level`, in the unit of the outcome. `parts` are standard
    deviations in that unit, whose squares add up to the interval's: "parameters", "residual" and "extrapolation", as
    in a `Forecast`. `shared` is the correlation that errors of extrapolation at the two places are taken to have. Where
    nothing is known of its errors, as of published constants within their range, `lo` and `hi` are None.
    """

    first: Forecast
    second: Forecast
    value: float
    lo: float | None
    hi: float | None
    level: float
    parts: Mapping[str, float]
    shared: float
    of: Literal["run", "mean"] = "mean"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What weakens it: the warnings of its fit, a sentence each."""
        return self.first.warnings

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, None where nothing is known of its errors."""
        return None if self.lo is None or self.hi is None else (self.lo, self.hi)

    @property
    def probability_below(self) -> float | None:
        """The probability that the first outcome is below the second: of a normal to either side of the difference.

        None without an interval.
        """
        if self.interval is None:
            return None
        lo, hi = self.interval
        side = (hi - self.value if self.value < 0 else self.value - lo) / deviations_at(self.level)
        if side == 0:  # nothing is in doubt
            return 0.5 - 0.5 * float(np.sign(self.value))
        return NormalDist().cdf(-self.value / side)

    def to_dict(self) -> dict[str, Any]:
        """What `froude predict --against --json` prints of one difference."""
        return {
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "difference": self.value,
            "interval": [self.lo, self.hi],
            "level": self.level,
            "parts": dict(self.parts),
            "shared": self.shared,
            "probability_below": self.probability_below,
            "of": self.of,
            "warnings": list(self.warnings),
            **self.origin,
        }


@recorded
def predict_difference(
    fit: FitSource, at: Mapping[str, Any], against: Mapping[str, Any], *, of: Literal["run", "mean"] = "mean"
) -> Difference:
    """The outcome at some inputs minus that `against` others, by one fit, the file of one, or published constants.

    Both places are forecast by the same parameters, draw by draw, so that what they have in common cancels. Errors of
    extrapolation s are shared as far as the places lie in one direction beyond the runs: their variance is s₁² + s₂² −
    2·ρ·s₁·s₂, with ρ the cosine between the two by `distances_by_direction`, times `UNSHARED` squared. So of two places
    that lie equally far in one direction nothing is left, and otherwise the difference in reach. The means of many runs
    have no residual noise, and one run each has that of both. InputError as `Fit.predict` raises it, and for several
    places at once.
    """
    return _difference(read_source(fit, at), at, against, of)


@recorded
def _difference(
    source: Fit | PublishedFit, at: Mapping[str, Any], against: Mapping[str, Any], of: Literal["run", "mean"]
) -> Difference:
    first, second = (source.predict(of=of, **inputs) for inputs in (at, against))
    if np.ndim(first.mean) or np.ndim(second.mean):
        raise InputError("a difference is that of two places: give one number for each input")
    value, z = first.mean - second.mean, deviations_at(first.level)
    sizes = [abs(source.law.falling(each.mean)) for each in (first, second)]  # parts of an accuracy are of its errors
    noise, errors = (
        [each.parts[name] * size for each, size in zip((first, second), sizes, strict=True)] for name in _BY_PLACE
    )
    shared = _shared(source, first, second)
    residual = float(np.hypot(*noise))
    apart = errors[0] ** 2 + errors[1] ** 2 - 2 * shared * errors[0] * errors[1]
    extrapolation = UNSHARED * float(np.sqrt(max(apart, 0.0)))
    below, above = _parameters(source, first, second)
    rest = residual**2 + extrapolation**2
    known = isinstance(source, Fit) or rest + below + above > 0
    return Difference(
        first=first,
        second=second,
        value=value,
        lo=value - z * float(np.sqrt(below**2 + rest)) if known else None,
        hi=value + z * float(np.sqrt(above**2 + rest)) if known else None,
        level=first.level,
        parts={"parameters": (below + above) / 2, "residual": residual, "extrapolation": extrapolation},
        shared=shared,
        of=of,
    )


_BY_PLACE = ("residual", "extrapolation")


def _shared(source: Fit | PublishedFit, first: Forecast, second: Forecast) -> float:
    """The cosine between the directions in which two places lie beyond the runs; 1 where both lie among them."""
    u, v = (distances_by_direction(source.law, source.inputs, each.at) for each in (first, second))
    lengths = float(np.linalg.norm(u) * np.linalg.norm(v))
    return float(u @ v) / lengths if lengths else 1.0


def _parameters(source: Fit | PublishedFit, first: Forecast, second: Forecast) -> tuple[float, float]:
    """The standard deviations of the difference that the draws of the parameters give, below it and above.

    None where the law goes through all runs, as in a forecast.
    """
    fitted = isinstance(source, Fit)
    if fitted and source.interpolates:
        return 0.0, 0.0
    drawn = {name: source.draws[:, k] for k, name in enumerate(source.law.parameters)}
    with np.errstate(all="ignore"):  # a wild draw may give anything
        one, other = (
            each.mean * (source.law(**each.at, **drawn) / source.law(**each.at, **source.params))
            for each in (first, second)
        )
        off = np.nan_to_num(one - other - (first.mean - second.mean), nan=0.0)
    level = widened(source.level, len(source.residuals), source.n_parameters) if fitted else source.level
    low, high = np.quantile(off, [(1 - level) / 2, (1 + level) / 2])
    z = deviations_at(source.level)
    return max(0.0, -float(low)) / z, max(0.0, float(high)) / z
