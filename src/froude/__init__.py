"""Froude: a towing tank for machine learning.

Measure small runs, fit the laws of scaling, forecast the large run with an honest interval, plan what it takes. Every
verb of the command line is a function here; `__init__.pyi` lists them by room, and each is loaded when first used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
