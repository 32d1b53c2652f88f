"""From plan to action: a recipe as the configuration of a training framework, with a comment on every choice."""

from froude.planning.emit.recipe import Recipe
from froude.planning.emit.write import FRAMEWORKS, configuration, recipe_of, write_config

__all__ = ["FRAMEWORKS", "Recipe", "configuration", "recipe_of", "write_config"]
