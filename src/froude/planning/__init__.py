"""The best choice under constraints, with what binds and what nearly won."""

from froude.planning.emit import FRAMEWORKS, Recipe, emit
from froude.planning.layouts.layout_search import FoundLayouts, search
from froude.planning.layouts.space import LayoutSpace, space_of
from froude.planning.plans import Infeasible, LayoutCandidate, Plan, RunnerUp
from froude.planning.training.on_budget import plan_budget, problem_of, solve
from froude.planning.training.on_tokens import plan_train
from froude.planning.training.shapes import SizedModel, shape_for
from froude.planning.training.trade_offs import Point, pareto

__all__ = [
    "FRAMEWORKS",
    "FoundLayouts",
    "Infeasible",
    "LayoutCandidate",
    "LayoutSpace",
    "Plan",
    "Point",
    "Recipe",
    "RunnerUp",
    "SizedModel",
    "emit",
    "pareto",
    "plan_budget",
    "plan_train",
    "problem_of",
    "search",
    "shape_for",
    "solve",
    "space_of",
]
