"""How laws did on the larger runs of a table, forecast from its smaller ones, and what they weigh for it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, final

import numpy as np

Key = TypeVar("Key")

TYPICAL_ERROR, PRIOR_CUTS = 0.02, 1  # the error of a law that no cut has judged, with the weight of one cut
PRIOR_DRIFT_CUTS = 3  # the published drift weighs as much as so many cuts
PRIOR_BIAS_CUTS = 20  # the published bias: cuts of one table err alike, and by how few runs are left below them
NO_BIAS = 0.005  # for each factor e: of a law that comes out so well at its own cuts, less and less is taken out
LEAST_SHARE = 0.02  # laws that weigh less are left out of an average
NEAREST = 0.3  # in ln size: errors of runs that lie no farther beyond the others say nothing of growth


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Larger runs forecast from the n smaller ones below one cut; `errors` (log forecast − log measured) and `reaches`
    (how far beyond the fitted runs, in ln size) are (held out,)."""

    n: int
    errors: np.ndarray
    reaches: np.ndarray

    @property
    def drift(self) -> float:
        """The error that was gained for each factor e beyond the fitted runs, root mean square."""
        return float(np.sqrt(np.mean(self.errors**2) / np.mean(np.maximum(self.reaches, NEAREST) ** 2)))

    @property
    def bias(self) -> float:
        """The error that was gained for each factor e beyond the fitted runs, with its sign."""
        reaches = np.maximum(self.reaches, NEAREST)
        return float(np.sum(self.errors * reaches) / np.sum(reaches**2))

    def without(self, bias: float) -> "HeldOut":
        """The same forecasts with such a bias taken out."""
        return replace(self, errors=self.errors - bias * np.maximum(self.reaches, 0.0))


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Weighed(Generic[Key]):
    """The `shares` of candidates in their average, the best first, their `error` at the cuts without the bias that they
    have had in published studies, how the average did there (`held_out`), and its `bias`, which the cuts sharpen."""

    shares: Mapping[Key, float]
    error: Mapping[Key, float]
    held_out: tuple[HeldOut, ...]
    bias: float


def weigh(candidates: Mapping[Key, tuple[Sequence[HeldOut], float]]) -> Weighed[Key]:
    """What candidates, each with its cuts and its bias in published studies, weigh in their average."""
    published = {each: _published_share(cuts) for each, (cuts, _) in candidates.items()}
    cuts = {
        each: tuple(cut.without(bias * published[each]) for cut in some) for each, (some, bias) in candidates.items()
    }
    error = {each: held_out_error(some) for each, some in cuts.items()}
    best = sorted(cuts, key=lambda each: error[each])
    shares = dict(zip(best, _shares([error[each] for each in best]), strict=True))
    bias = sum(
        share * (published[each] * candidates[each][1] + (1 - published[each]) * _own_bias(candidates[each][0]))
        for each, share in shares.items()
    )
    held_out = _combine_cuts([(cuts[each], share) for each, share in shares.items() if share])
    return Weighed(shares=shares, error=error, held_out=held_out, bias=bias)


def _published_share(cuts: Sequence[HeldOut]) -> float:
    """How much of a law's bias is that of published studies, the rest being that of its own cuts.

    The published one weighs as PRIOR_BIAS_CUTS cuts, and less where the law comes out nearly right at its own.
    """
    if not cuts:
        return 1.0
    far = [np.mean(np.maximum(cut.reaches, NEAREST) ** 2) for cut in cuts]  # a cut of near runs tells less
    missed = float(np.average([cut.bias**2 for cut in cuts], weights=far))
    weight = PRIOR_BIAS_CUTS * min(1.0, missed / NO_BIAS**2)
    return weight / (weight + len(cuts))


def _own_bias(cuts: Sequence[HeldOut]) -> float:
    return float(np.mean([cut.bias for cut in cuts])) if cuts else 0.0


def held_out_error(held_out: Sequence[HeldOut]) -> float:
    """Relative error on held-out runs, TYPICAL_ERROR where none could be held out.

    It is the root mean square at each cut, and the geometric mean over cuts and PRIOR_CUTS typical ones: so laws are
    compared by the ratio of their errors, and a deep cut, whose few runs leave every law far off, does not outweigh the
    others.
    """
    logs = [math.log(np.mean(cut.errors**2) + 1e-8) for cut in held_out]
    total = PRIOR_CUTS * math.log(TYPICAL_ERROR**2) + sum(logs)
    return math.exp(total / (PRIOR_CUTS + len(logs)) / 2)


def _shares(errors: Sequence[float]) -> tuple[float, ...]:
    raw = np.array(errors) ** -2.0
    raw[raw < LEAST_SHARE * raw.sum()] = 0.0
    # Three digits, so that the name of the average says all there is to know of it.
    shares = np.round(raw / raw.sum(), 3)
    shares[0] += 1 - shares.sum()
    return tuple(np.round(shares, 3).tolist())


def _combine_cuts(members: Sequence[tuple[Sequence[HeldOut], float]]) -> tuple[HeldOut, ...]:
    """How the average did at the cuts at which all its members, each with its share, were judged."""
    cuts = zip(*(held_out for held_out, _ in members), strict=False)
    return tuple(
        replace(cut[0], errors=sum(each.errors * share for each, (_, share) in zip(cut, members, strict=True)))
        for cut in cuts
    )


def update_drift(drift: float, cuts: Sequence[HeldOut]) -> float:
    """The drift of published studies, updated by the cuts of the runs themselves."""
    total = PRIOR_DRIFT_CUTS * drift**2 + sum(cut.drift**2 for cut in cuts)
    return math.sqrt(total / (PRIOR_DRIFT_CUTS + len(cuts)))
