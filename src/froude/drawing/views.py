"""What a picture shows, as data: points, lines and marks over one axis. Nothing here knows where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

Role = Literal["curve", "law", "beyond", "path", "frontier", "level"]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Measured runs at places x, y (n,), each in its colour; `name` is what the key calls them, if they are in it.

    `is_small` is for dots that would hide their lines; `kind` "outlier" is drawn as a ring, "diverged" as a cross at
    the upper edge, whatever its y.
    """

    x: np.ndarray
    y: np.ndarray
    colours: tuple[str, ...]
    kind: Literal["run", "outlier", "diverged"] = "run"
    marker: str = "o"
    is_small: bool = False
    name: str | None = None


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """A line through x, y (n,); `label` stands at its right end, a band fills from lo to hi if given.

    `short` is what a phone shows of the label, where it shows less.

    `name` and `band` are what the key calls the line and its band, if they are in it; `order` chooses the dashes of
    lines that have no order of their own.
    """

    x: np.ndarray
    y: np.ndarray
    role: Role
    colour: str
    label: str | None = None
    short: str | None = None
    lo: np.ndarray | None = None
    hi: np.ndarray | None = None
    name: str | None = None
    band: str | None = None
    order: int = 0


@final
@dataclass(frozen=True, kw_only=True)
class Mark:
    """One outcome worth a word: what was forecast, with its interval, or what was measured (lo = hi = y).

    `side` says where its label stands, "below" being below and to the left, where nothing is that a front leaves
    empty; on a phone only the number of a label is written.
    """

    x: float
    y: float
    lo: float
    hi: float
    role: Literal["forecast", "measured"]
    label: str
    side: Literal["right", "left", "above", "below"] = "right"


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One picture of points, lines and marks over a logarithmic x; `compute` writes x as powers of ten.

    Where `column` is given, labels of lines stand under it in a column right of the picture, each after a stroke in its
    line's colour: for lines that end in its midst. `log_y` makes y logarithmic.
    """

    points: tuple[Points, ...]
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    x_label: str
    y_label: str
    compute: bool = False
    log_y: bool = False
    column: str | None = None

    @property
    def is_keyed(self) -> bool:
        """Whether anything is in the key."""
        return any(each.name for each in (*self.points, *self.lines)) or any(each.band for each in self.lines)
