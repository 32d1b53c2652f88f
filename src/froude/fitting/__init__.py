"""Runs and a law become a fit: solver, uncertainty, forecasts, backtests, choice of law, calibration.

Beside the verbs that take any law stand procedures of the literature: Chinchilla's three approaches, Farseer's pieces,
Su's estimation of steps, the frontier of a cloud of runs, and what hyperparameter sweeps and signs of
instability predict.
"""

from froude.fitting.accounting import count_flops
from froude.fitting.allocation import Allocation, optimal
from froude.fitting.backtesting import Backtest, backtest
from froude.fitting.by_group import GroupedFit, SharingTest, fit_by
from froude.fitting.calibration import calibrate
from froude.fitting.choice import Choice, LawCandidate, choose, fit
from froude.fitting.comparing.comparison import Comparison, compare, error_ratio, warn_of_reversal
from froude.fitting.comparing.estimates import Estimate
from froude.fitting.comparing.methods import fit_methods
from froude.fitting.comparing.ranking import Ranking, rank
from froude.fitting.costs.calibration import CostCalibration, calibrate_cost
from froude.fitting.costs.serving_calibration import ServingCalibration
from froude.fitting.curves.schedule_search import BestSchedule, best_schedule, free_schedule
from froude.fitting.curves.schedules import Schedule
from froude.fitting.difference import Difference, predict_difference
from froude.fitting.fits import Fit
from froude.fitting.forecasting import Forecast
from froude.fitting.held_out import HeldOut
from froude.fitting.options import FitOptions
from froude.fitting.procedures.compute_optimal import ComputeOptimal, compute_optimal
from froude.fitting.procedures.farseer_pieces import farseer_by_pieces
from froude.fitting.procedures.frontiers import frontier
from froude.fitting.procedures.instability import InstabilityForecast, forecast_instability
from froude.fitting.procedures.optimum import Optimum, fit_optimum
from froude.fitting.procedures.sensitivity import Sensitivity, lr_sensitivity
from froude.fitting.procedures.sweep_optima import SweepOptima, sweep_optima
from froude.fitting.procedures.three_approaches import Approach, Approaches, approaches
from froude.fitting.procedures.training_steps import estimate_steps
from froude.fitting.published_fit import PublishedFit
from froude.fitting.registering.registration import (
    Registration,
    register_forecast,
    registered_forecasts,
    score_forecast,
)
from froude.fitting.reports import FitReport, fit_report
from froude.fitting.sources import predict
from froude.fitting.watching.ends import EndForecast, forecast_end
from froude.fitting.watching.verdicts import RunVerdict, WatchResult, watch

__all__ = [
    "Allocation",
    "Approach",
    "Approaches",
    "Backtest",
    "BestSchedule",
    "Choice",
    "Comparison",
    "ComputeOptimal",
    "CostCalibration",
    "Difference",
    "EndForecast",
    "Estimate",
    "Fit",
    "FitOptions",
    "FitReport",
    "Forecast",
    "GroupedFit",
    "HeldOut",
    "InstabilityForecast",
    "LawCandidate",
    "Optimum",
    "PublishedFit",
    "Ranking",
    "Registration",
    "RunVerdict",
    "Schedule",
    "Sensitivity",
    "ServingCalibration",
    "SharingTest",
    "SweepOptima",
    "WatchResult",
    "approaches",
    "backtest",
    "best_schedule",
    "calibrate",
    "calibrate_cost",
    "choose",
    "compare",
    "compute_optimal",
    "count_flops",
    "error_ratio",
    "estimate_steps",
    "farseer_by_pieces",
    "fit",
    "fit_by",
    "fit_methods",
    "fit_optimum",
    "fit_report",
    "forecast_end",
    "forecast_instability",
    "free_schedule",
    "frontier",
    "lr_sensitivity",
    "optimal",
    "predict",
    "predict_difference",
    "rank",
    "register_forecast",
    "registered_forecasts",
    "score_forecast",
    "sweep_optima",
    "warn_of_reversal",
    "watch",
]
