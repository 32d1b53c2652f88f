"""Runs and a law become a fit: solver, uncertainty, forecasts, backtests, choice of law, calibration."""

from froude.fit.backtest import Backtest, backtest
from froude.fit.choose import Candidate, Choice, choose
from froude.fit.fit import Fit, fit
from froude.fit.forecast import Forecast

__all__ = ["Backtest", "Candidate", "Choice", "Fit", "Forecast", "backtest", "choose", "fit"]
