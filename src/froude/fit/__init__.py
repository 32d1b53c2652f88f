"""Runs and a law become a fit: solver, uncertainty, forecasts, backtests."""

from froude.fit.backtest import Backtest, backtest
from froude.fit.fit import Fit, fit
from froude.fit.forecast import Forecast

__all__ = ["Backtest", "Fit", "Forecast", "backtest", "fit"]
