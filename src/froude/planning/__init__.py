"""The best choice under constraints, with what binds and what nearly won."""

from froude.planning.emit import FRAMEWORKS, Recipe, configuration, write_config
from froude.planning.layouts.layout_search import FoundLayouts, search
from froude.planning.layouts.space import LayoutSpace, space_of
from froude.planning.plans import BatchEffect, Infeasible, LayoutCandidate, Plan, Point, RunnerUp
from froude.planning.recipes import PublishedTraining, get_recipe, known_recipes
from froude.planning.serving.best_deployment import plan_serving
from froude.planning.serving.engine_flags import serving_script
from froude.planning.serving.serving_plan import NoServingPlan, ServingPlan
from froude.planning.training.on_budget import budget_problem, solve
from froude.planning.training.on_tokens import plan_layout
from froude.planning.training.shapes import SizedModel, shape_for
from froude.planning.training.trade_offs import pareto_front
from froude.planning.training.training_plan import plan_training

__all__ = [
    "FRAMEWORKS",
    "BatchEffect",
    "FoundLayouts",
    "Infeasible",
    "LayoutCandidate",
    "LayoutSpace",
    "NoServingPlan",
    "Plan",
    "Point",
    "PublishedTraining",
    "Recipe",
    "RunnerUp",
    "ServingPlan",
    "SizedModel",
    "budget_problem",
    "configuration",
    "get_recipe",
    "known_recipes",
    "pareto_front",
    "plan_layout",
    "plan_serving",
    "plan_training",
    "search",
    "serving_script",
    "shape_for",
    "solve",
    "space_of",
    "write_config",
]
