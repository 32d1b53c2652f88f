"""How fast laws err beyond their runs, and how far intervals must be stretched, as published studies show.

`froude calibrate` learns these few numbers from the cases of `benchmarks/calibration_cases.toml` and writes them to
`extrapolation.json`, which ships with the package.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, final

import numpy as np

from froude.laws import Law


@final
@dataclass(frozen=True, kw_only=True)
class Extrapolation:
    """What published studies show of extrapolations in general.

    `bias` is by how much the forecasts of a law, by its name, came out too high for each factor e of the product of its
    inputs beyond the fitted runs, in ln outcome: a forecast takes it out. `drift` is the relative error that is gained
    then, root mean square, for each factor e. `stretch` maps a level to the factor by which the part of extrapolation,
    taken for normal, must be stretched for intervals to hold that share of held-out runs (split conformal prediction).
    `studies` are those it was learned from, and `farthest` is how far beyond the fitted runs, in ln size, the farthest
    held-out run of them lies: nothing is known of forecasts beyond.
    """

    bias: Mapping[str, float]
    drift: float
    farthest: float
    stretch: Mapping[float, float]
    studies: tuple[str, ...]

    def stretch_at(self, level: float) -> float:
        """The stretch at any level: linear between those learned, constant beyond."""
        levels = sorted(self.stretch)
        return float(np.interp(level, levels, [self.stretch[each] for each in levels]))

    def to_dict(self) -> dict[str, Any]:
        """As it is written to `extrapolation.json`."""
        stretch = {f"{level:g}": factor for level, factor in self.stretch.items()}
        return {
            "bias": dict(self.bias),
            "drift": self.drift,
            "farthest": self.farthest,
            "stretch": stretch,
            "studies": list(self.studies),
        }


def read_extrapolation(document: Mapping[str, Any]) -> Extrapolation:
    """The reverse of `Extrapolation.to_dict`."""
    return Extrapolation(
        bias=document["bias"],
        drift=document["drift"],
        farthest=document["farthest"],
        stretch={float(level): factor for level, factor in document["stretch"].items()},
        studies=tuple(document["studies"]),
    )


@final
@dataclass(frozen=True, kw_only=True)
class PilotRecord:
    """What whole `pilots` show of their own forecasts: the relative error that they gained for each factor e of size
    beyond their trainings (`drift`, root mean square), and how far beyond, in ln size, the farthest target lay."""

    drift: float
    farthest: float
    pilots: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As it is written to `extrapolation.json`."""
        return {"drift": self.drift, "farthest": self.farthest, "pilots": list(self.pilots)}


@final
@dataclass(frozen=True, kw_only=True)
class Learned:
    """What published studies show of an `average` of laws of a loss over N and D, whose bias is taken out, of laws of
    `error_rates` and accuracies, and of all `other` fits, of whose law nobody knows the bias; and what pilots before
    show of forecasts from the trainings of a pilot in the `tank`."""

    average: Extrapolation
    error_rates: Extrapolation
    other: Extrapolation
    tank: PilotRecord

    def of(self, law: Law, *, has_bias: bool) -> Extrapolation:
        """What they show of a law, or of an average of laws, whose bias is taken out or not."""
        if law.output.most == 1:
            return self.error_rates
        return self.average if has_bias else self.other

    @property
    def farthest(self) -> float:
        """How far beyond the fitted runs, in ln size, the farthest held-out run of all studies lies."""
        return max(self.average.farthest, self.error_rates.farthest, self.other.farthest)

    def to_dict(self) -> dict[str, Any]:
        """As it is written to `extrapolation.json`."""
        parts = {"average": self.average, "error_rates": self.error_rates, "other": self.other, "tank": self.tank}
        return {name: part.to_dict() for name, part in parts.items()}


def read_learned(document: Mapping[str, Any]) -> Learned:
    """The reverse of `Learned.to_dict`."""
    studied = {name: read_extrapolation(document[name]) for name in ("average", "error_rates", "other")}
    return Learned(**studied, tank=PilotRecord(**{**document["tank"], "pilots": tuple(document["tank"]["pilots"])}))


@cache
def shipped() -> Learned:
    """What ships with the package."""
    return read_learned(json.loads(files("froude.fitting").joinpath("extrapolation.json").read_text(encoding="utf-8")))
