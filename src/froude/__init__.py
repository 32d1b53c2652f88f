"""Froude: a towing tank for machine learning.

Measure small runs, fit the laws of scaling, forecast the large run with an honest interval, plan what it takes. Every
verb of the command line is a function here; `__init__.pyi` lists them by room, and each is loaded when first used.
"""

import lazy_loader

from froude.result import Faces, show_results_by
from froude.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def _faces() -> Faces:
    """What shows a result: rooms above those that results stand in, imported when one is first shown."""
    from froude.drawing import draw
    from froude.rendering.results import brief_of, data_of, html_of, summary_of

    return Faces(brief=brief_of, html=html_of, summary=summary_of, to_dict=data_of, draw=draw)


show_results_by(_faces)
