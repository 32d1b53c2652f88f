"""What is said of published trainings: those that are known, and one with the source of every fact."""

from __future__ import annotations

from collections.abc import Sequence

from froude.answers.answer import Answer, Fact, Table
from froude.planning.recipes import PublishedTraining
from froude.quantity import format_quantity


def answer_of_recipes(recipes: Sequence[PublishedTraining]) -> Answer:
    """All of them, with what they trained where and what it took."""
    rows = tuple(
        (
            one.name,
            one.machine,
            format_quantity(one.tokens),
            format_quantity(one.device_hours),
            "as published" if one.layout else "not published",
        )
        for one in recipes
    )
    return Answer(
        headline=f"{len(recipes)} published trainings",
        tables=(
            Table(
                title="Recipes",
                columns=("name", "machine", "tokens", "device hours", "layout"),
                rows=rows,
                left=(0, 1, 4),
            ),
        ),
        next_steps=("froude plan recipes NAME", "froude plan train --recipe NAME"),
        data={"recipes": [one.to_dict() for one in recipes]},
    )


def answer_of_recipe(recipe: PublishedTraining) -> Answer:
    """One of them: every fact with its source and trust."""
    rows = tuple((name, str(fact.value), str(fact.source)) for name, fact in recipe.facts.items())
    return Answer(
        headline=f"{recipe.title}: {format_quantity(recipe.device_hours)} device hours as reported",
        facts=(Fact("model", recipe.model), Fact("machine", recipe.machine)),
        tables=(
            Table(
                title="What its report states", columns=("fact", "value", "trust and source"), rows=rows, left=(0, 1, 2)
            ),
        ),
        notes=(recipe.note,) if recipe.note else (),
        next_steps=(f"froude plan train --recipe {recipe.name}",),
        data=recipe.to_dict(),
    )
