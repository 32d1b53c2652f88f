"""Axes that a notebook shows where they end a cell: their figure is in no window, so nothing else would show it."""

from __future__ import annotations

import io

from matplotlib.axes import Axes

_DPI = 192  # twice what a notebook shows an inch with, for sharp screens


class NotebookAxes(Axes):
    """Axes of a figure of its own."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The whole figure, with the size at which a notebook shows it."""
        figure = self.get_figure(root=True)
        if figure is None:
            raise RuntimeError("these axes have been taken out of their figure")
        target = io.BytesIO()
        figure.savefig(target, format="png", dpi=_DPI)
        width, height = (round(96 * length) for length in figure.get_size_inches())
        return target.getvalue(), {"width": width, "height": height}
