"""Froude: a towing tank for machine learning.

Measure small runs, fit the laws of scaling, forecast the large run with an honest interval.
"""

from froude.errors import InputError
from froude.fitting import Backtest, Fit, Forecast, backtest, fit
from froude.laws import Law, all_laws, get_law, law
from froude.pilots import PilotResult, pilot
from froude.runs import Runs, Study, get_published, published_tables, read_curves, read_runs

__version__ = "0.1.0"

__all__ = [
    "Backtest",
    "Fit",
    "Forecast",
    "InputError",
    "Law",
    "PilotResult",
    "Runs",
    "Study",
    "all_laws",
    "backtest",
    "fit",
    "get_law",
    "get_published",
    "law",
    "pilot",
    "published_tables",
    "read_curves",
    "read_runs",
]
