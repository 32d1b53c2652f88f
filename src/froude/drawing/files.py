"""A picture as a file: PNG, SVG or PDF, by the end of its name."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from froude.errors import InputError
from froude.files import write_outputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = (".png", ".svg", ".pdf")
_DPI = 200


def write_picture(axes: Axes, path: Path) -> None:
    """Write the figure that axes are part of, whole or not at all. InputError for a name of another kind."""
    write_outputs({path: picture_bytes(axes, path)})


def picture_bytes(axes: Axes, path: Path) -> bytes:
    """The figure that axes are part of, in the format that a name ends in. InputError for another one."""
    check_kind(path)
    target = io.BytesIO()
    figure = axes.figure.figure if hasattr(axes.figure, "figure") else axes.figure
    figure.savefig(target, format=path.suffix[1:].lower(), dpi=_DPI, facecolor="white")  # pyright: ignore[reportAttributeAccessIssue]
    return target.getvalue()


def check_kind(path: Path) -> None:
    """InputError where a name does not end as a picture does."""
    if path.suffix.lower() not in KINDS:
        raise InputError(f"{str(path)!r} is no picture: end its name in {', '.join(KINDS[:-1])} or {KINDS[-1]}")
