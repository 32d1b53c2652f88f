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


@final
@dataclass(frozen=True, kw_only=True)
class Extrapolation:
    """What published studies show of extrapolations in general.

    `drift` is the relative error that a law gains, root mean square, for each factor e of the product of its inputs
    beyond the fitted runs. `stretch` maps a level to the factor by which the part of extrapolation, taken for normal,
    must be stretched for intervals to hold that share of held-out runs (split conformal prediction). `studies` are
    those it was learned from, and `farthest` is how far beyond the fitted runs, in ln size, the farthest held-out run
    of them lies: nothing is known of forecasts beyond.
    """

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
        return {"drift": self.drift, "farthest": self.farthest, "stretch": stretch, "studies": list(self.studies)}


def read_extrapolation(document: Mapping[str, Any]) -> Extrapolation:
    """The reverse of `Extrapolation.to_dict`."""
    return Extrapolation(
        drift=document["drift"],
        farthest=document["farthest"],
        stretch={float(level): factor for level, factor in document["stretch"].items()},
        studies=tuple(document["studies"]),
    )


@cache
def shipped_extrapolation() -> Extrapolation:
    """What ships with the package."""
    text = files("froude.fitting").joinpath("extrapolation.json").read_text(encoding="utf-8")
    return read_extrapolation(json.loads(text))
