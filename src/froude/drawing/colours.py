"""One palette for every picture: colours by name, for a light and for a dark ground.

Pictures are drawn in the light colours; `svg.py` replaces each by the one that its surroundings ask for. What is
ordered by size has the ramp `n0` to `n8`, from light to dark; what has no order has `c0` to `c5`, close to those that
Okabe and Ito chose to be told apart by colour-blind readers. Nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_SEA = ("#6fb8b5", "#5aa9ad", "#4798a6", "#37869d", "#2b7391", "#225f83", "#1b4d74", "#153b62", "#102b4e")
_SEA_AT_NIGHT = (
    "#44909c",
    "#4c9ba5",
    "#58a7b0",
    "#68b3b9",
    "#7cc0c3",
    "#93cdcd",
    "#acdad7",
    "#c6e7e3",
    "#e0f4f1",
)
_UNORDERED = ("#0072b2", "#d55e00", "#009e73", "#b4609a", "#69707a", "#4aa3d8")
_UNORDERED_AT_NIGHT = ("#5aaee0", "#ff8f4d", "#3cc79c", "#e39bc3", "#a9b2bb", "#a5daf7")

THEMES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "paper": "#fdfcf9", "ink": "#16202b", "soft": "#5c6773", "faint": "#9aa3ab", "hair": "#e4e2db",
        "forecast": "#c44a17", **{f"n{i}": colour for i, colour in enumerate(_SEA)},
        **{f"c{i}": colour for i, colour in enumerate(_UNORDERED)},
    },
    "dark": {
        "paper": "#12181f", "ink": "#f2f0ea", "soft": "#a5afb8", "faint": "#77828c", "hair": "#29323b",
        "forecast": "#ff8a52", **{f"n{i}": colour for i, colour in enumerate(_SEA_AT_NIGHT)},
        **{f"c{i}": colour for i, colour in enumerate(_UNORDERED_AT_NIGHT)},
    },
}  # fmt: skip
"""Colours by name: `forecast` is what was predicted, `ink` what was measured.

Words are written in `ink`, `soft` or `forecast`, whose contrast to the paper is 4.5 or more.
"""

COLOURS = THEMES["light"]

MARKERS = "osD^vP"
"""Marks of what has no order, in the order of `c0` to `c5`."""

_DASHES: tuple[tuple[float, ...], ...] = ((5, 1.6), (1.4, 1.4), (6, 1.6, 1.4, 1.6), (3, 1.2), (8, 2))


def dashes_of(order: int) -> dict[str, Any]:
    """How to draw the line of what has no order, by its place: the first is solid, others have dashes of their own."""
    return {"dashes": _DASHES[(order - 1) % len(_DASHES)]} if order else {}


def size_colours(sizes: np.ndarray) -> dict[float, str]:
    """The colour of each distinct size, spread over the ramp from the smallest to the largest."""
    distinct = np.unique(sizes)
    steps = np.linspace(0, len(_SEA) - 1, len(distinct)).round().astype(int)
    return {float(n): _SEA[step] for n, step in zip(distinct, steps, strict=True)}


def log_colours(sizes: np.ndarray) -> list[str]:
    """The colour of each size, by its logarithm between the smallest and the largest."""
    logs = np.log(sizes)
    share = (logs - logs.min()) / (np.ptp(logs) or 1.0)
    return [ramp_colour(each) for each in share]


def ramp_colour(share: float) -> str:
    """The colour at a share of the ramp, 0 being the smallest and 1 the largest."""
    return _SEA[round(float(share) * (len(_SEA) - 1))]
