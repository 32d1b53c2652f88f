"""Every picture: results drawn into Matplotlib's axes, for Python, for a paper and for the pages of `reporting`."""

from froude.drawing.draw import draw

__all__ = ["draw"]
