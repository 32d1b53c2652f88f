"""Every picture: results drawn into Matplotlib's axes, for Python, for a paper and for the pages of `reporting`."""

from froude.drawing.panels import draw

__all__ = ["draw"]
