"""Which function answers for which result: what shows a result asks here. A new kind of result joins by a line.

A room above this one, whose results cannot be imported here, joins them with `answer_of.register` where it defines
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from typing import Any

from froude.answers.allocations import (
    answer_of_allocation,
    answer_of_approach,
    answer_of_approaches,
    answer_of_optimum,
)
from froude.answers.answer import Answer
from froude.answers.atlas import answer_of_finding, answer_of_hit, answer_of_one_record, answer_of_one_status
from froude.answers.backtests import answer_of_backtest
from froude.answers.calibration import answer_of_judged_case
from froude.answers.comparisons import answer_of_comparison, answer_of_ranking
from froude.answers.cost_calibrations import answer_of_cost_calibration
from froude.answers.costs import answer_of_layout, answer_of_train_cost
from froude.answers.differences import answer_of_difference, answer_of_differences
from froude.answers.fits import answer_of_choice, answer_of_fit
from froude.answers.fits_by_group import answer_of_grouped_fit
from froude.answers.forecasts import answer_of_forecast, answer_of_forecasts
from froude.answers.growth import answer_of_experiment, answer_of_growth
from froude.answers.growth_examples import answer_of_growth_example
from froude.answers.laws import answer_of_law
from froude.answers.machines import answer_of_machine
from froude.answers.models import answer_of_entry, answer_of_whole_model
from froude.answers.optimal import answer_of_compute_optimal
from froude.answers.plans import answer_of_infeasible, answer_of_plan
from froude.answers.published import answer_of_published
from froude.answers.published_fits import answer_of_published_fit
from froude.answers.recipes import answer_of_recipe
from froude.answers.registrations import answer_of_registration, answer_of_registrations
from froude.answers.reports import answer_of_fit_report
from froude.answers.run_imports import answer_of_run_import
from froude.answers.runs import answer_of_runs, answer_of_study_folder
from froude.answers.schedules import answer_of_best_schedule, answer_of_schedule
from froude.answers.serving import answer_of_serve_cost
from froude.answers.serving_calibrations import answer_of_serving_calibration
from froude.answers.serving_plans import answer_of_no_serving_plan, answer_of_serving_plan
from froude.answers.serving_simulations import answer_of_serve_simulation
from froude.answers.stacks import answer_of_stack
from froude.answers.sweeps import answer_of_sweep_optima
from froude.answers.watching import answer_of_watch
from froude.atlas.arithmetic import Finding
from froude.atlas.index import Hit
from froude.atlas.schema import Record
from froude.atlas.status import Status
from froude.cost import Layout, Machine, Model, Stack
from froude.cost.model.catalogue import Entry
from froude.cost.serving.serve_cost import ServeCost
from froude.cost.serving.simulation.serve_simulation import ServeSimulation
from froude.cost.training.assumptions import TrainCost
from froude.fitting import (
    Allocation,
    Approach,
    Approaches,
    Backtest,
    BestSchedule,
    Choice,
    Comparison,
    ComputeOptimal,
    CostCalibration,
    Difference,
    Fit,
    FitReport,
    Forecast,
    GroupedFit,
    Optimum,
    PublishedFit,
    Ranking,
    Registration,
    Schedule,
    ServingCalibration,
    SweepOptima,
    WatchResult,
)
from froude.fitting.calibration import JudgedCase
from froude.growth import Experiment, GrowthExample, GrowthResult
from froude.laws import Law
from froude.planning import Infeasible, NoServingPlan, Plan, PublishedTraining, ServingPlan
from froude.runs import PublishedTable, RunImport, Runs, Study


@singledispatch
def answer_of(result: Any) -> Answer:
    """The answer of any result of a public function. TypeError for what is none."""
    raise TypeError(f"a {type(result).__name__} has no answer")


def answer_of_several(results: Sequence[Any]) -> Answer:
    """The answer of several results of one kind. TypeError where there is none."""
    kinds = {type(each) for each in results}
    together = _TOGETHER.get(kinds.pop()) if len(kinds) == 1 else None
    if together is None:
        raise TypeError("these results have no answer together")
    return together(results)


_TOGETHER: Mapping[type, Callable[[Sequence[Any]], Answer]] = {
    Forecast: answer_of_forecasts,
    Difference: answer_of_differences,
    Registration: answer_of_registrations,
}

answer_of.register(list, answer_of_several)
answer_of.register(tuple, answer_of_several)
answer_of.register(Runs, answer_of_runs)
answer_of.register(Study, answer_of_study_folder)
answer_of.register(RunImport, answer_of_run_import)
answer_of.register(WatchResult, answer_of_watch)
answer_of.register(PublishedTable, answer_of_published)
answer_of.register(Law, answer_of_law)
answer_of.register(Fit, answer_of_fit)
answer_of.register(FitReport, answer_of_fit_report)
answer_of.register(Choice, answer_of_choice)
answer_of.register(PublishedFit, answer_of_published_fit)
answer_of.register(GroupedFit, answer_of_grouped_fit)
answer_of.register(Forecast, answer_of_forecast)
answer_of.register(Difference, answer_of_difference)
answer_of.register(Backtest, answer_of_backtest)
answer_of.register(JudgedCase, answer_of_judged_case)
answer_of.register(Comparison, answer_of_comparison)
answer_of.register(Ranking, answer_of_ranking)
answer_of.register(Registration, answer_of_registration)
answer_of.register(Allocation, answer_of_allocation)
answer_of.register(Approach, answer_of_approach)
answer_of.register(Approaches, answer_of_approaches)
answer_of.register(ComputeOptimal, answer_of_compute_optimal)
answer_of.register(Optimum, answer_of_optimum)
answer_of.register(SweepOptima, answer_of_sweep_optima)
answer_of.register(Schedule, answer_of_schedule)
answer_of.register(BestSchedule, answer_of_best_schedule)
answer_of.register(Model, answer_of_whole_model)
answer_of.register(Entry, answer_of_entry)
answer_of.register(Machine, answer_of_machine)
answer_of.register(Stack, answer_of_stack)
answer_of.register(Layout, answer_of_layout)
answer_of.register(TrainCost, answer_of_train_cost)
answer_of.register(ServeCost, answer_of_serve_cost)
answer_of.register(ServeSimulation, answer_of_serve_simulation)
answer_of.register(CostCalibration, answer_of_cost_calibration)
answer_of.register(ServingCalibration, answer_of_serving_calibration)
answer_of.register(Plan, answer_of_plan)
answer_of.register(Infeasible, answer_of_infeasible)
answer_of.register(ServingPlan, answer_of_serving_plan)
answer_of.register(NoServingPlan, answer_of_no_serving_plan)
answer_of.register(PublishedTraining, answer_of_recipe)
answer_of.register(Experiment, answer_of_experiment)
answer_of.register(GrowthExample, answer_of_growth_example)
answer_of.register(GrowthResult, answer_of_growth)
answer_of.register(Record, answer_of_one_record)
answer_of.register(Status, answer_of_one_status)
answer_of.register(Finding, answer_of_finding)
answer_of.register(Hit, answer_of_hit)
