"""Published trainings as recipes: what their reports state of model, data, machine, batch, precision and layout."""

from froude.planning.recipes.catalogue import get_recipe, known_recipes
from froude.planning.recipes.published_training import PublishedTraining, StatedFact

__all__ = ["PublishedTraining", "StatedFact", "get_recipe", "known_recipes"]
