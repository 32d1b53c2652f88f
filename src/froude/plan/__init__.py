"""The best choice under constraints, with what binds and what nearly won."""

from froude.plan.budget import plan_budget, problem_of, solve
from froude.plan.emit import FRAMEWORKS, Recipe, emit
from froude.plan.pareto import Point, pareto
from froude.plan.plan import Candidate, Infeasible, Plan, RunnerUp
from froude.plan.search import Found, search
from froude.plan.shapes import Shape, shape_for
from froude.plan.space import Space, space_of
from froude.plan.train import plan_train

__all__ = [
    "FRAMEWORKS",
    "Candidate",
    "Found",
    "Infeasible",
    "Plan",
    "Point",
    "Recipe",
    "RunnerUp",
    "Shape",
    "Space",
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
