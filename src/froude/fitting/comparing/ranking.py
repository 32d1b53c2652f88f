"""Several methods at a size not run: how probable it is of each that it is the best."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.comparing.comparison import Comparison, compare_sides
from froude.fitting.comparing.drawn import Of, draw_sides
from froude.fitting.fits import Fit, read_fit
from froude.provenance import Computed, recorded


@final
@dataclass(frozen=True, kw_only=True, repr=False)
class Ranking(Computed):
    """Methods by their forecasts at a size, the one of the lowest outcome first, each against that one.

    `probabilities` say of each method how often its draw is the lowest of all, `comparisons` compare every method but
    the first, as `Comparison.first`, with the first, as `Comparison.second`.
    """

    names: tuple[str, ...]
    probabilities: tuple[float, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def fits(self) -> tuple[Fit, ...]:
        """The fits of the methods, the best first."""
        return self.comparisons[0].second, *(each.first for each in self.comparisons)

    def to_dict(self) -> dict[str, Any]:
        """What `froude compare --json` prints of more than two methods."""
        first = self.comparisons[0].to_dict()
        forecasts = [first["forecasts"][1], *(each.to_dict()["forecasts"][0] for each in self.comparisons)]
        beside = [{}, *({"ratio": each.ratio.to_dict()} | _more(each) for each in self.comparisons)]
        rows = zip(self.names, self.fits, self.probabilities, forecasts, beside, strict=True)
        return {
            **{name: first[name] for name in ("x", "at", "along", "of", "level")},
            "methods": [
                {"name": name, "law": fit.law.name, "best": best, "forecast": forecast, **more}
                for name, fit, best, forecast, more in rows
            ],
            **self.origin,
        }


def _more(comparison: Comparison) -> dict[str, Any]:
    """What the JSON of a ranking says of a method beside the best one, after the ratio."""
    data = comparison.to_dict()
    names = ("multiplier", "best_multiplier", "crossing")
    return {"ahead": comparison.ahead} | {name: data[name] for name in names if name in data}


@recorded
def rank(
    fits: Mapping[str, Fit | str | Path], at: float | str | Mapping[str, float | str], *, of: Of = "run"
) -> Ranking:
    """Two methods or more, by name, ranked by their forecasts at a size, and each compared with the best.

    `at`, `of` and what errors are taken for are those of `compare`, all methods drawn together. The best is so by its
    forecast: that it is ahead of many others is less sure than of each, which its probability shows. InputError for
    fewer than two fits, and as `compare` raises it.
    """
    if not isinstance(fits, Mapping) or len(fits) < 2:
        raise InputError("froude.rank takes two fits or more by their names: write froude.rank({'adam': fit, …}, at)")
    sides = draw_sides([read_fit(fit) for fit in fits.values()], at, of)
    runs = np.array([each.run for each in sides.drawn])
    order = np.argsort(runs[:, 0])
    lowest = np.argmin(np.where(np.isnan(runs[:, 1:]), np.inf, runs[:, 1:]), axis=0)
    names = list(fits)
    return Ranking(
        names=tuple(names[i] for i in order),
        probabilities=tuple(float(np.mean(lowest == i)) for i in order),
        comparisons=tuple(compare_sides(sides, [(int(i), int(order[0])) for i in order[1:]])),
    )
