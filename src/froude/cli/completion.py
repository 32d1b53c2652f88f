"""What a shell may complete: names of laws, chips, models, tables, examples and papers."""

from __future__ import annotations

import os
from collections.abc import Iterable

COMPLETING = "_FROUDE_COMPLETE"
"""The variable of the environment in which a shell asks what may come next."""


def is_completing() -> bool:
    """Whether a shell asks for what may come next, instead of a user for an answer."""
    return COMPLETING in os.environ


def complete_laws(incomplete: str) -> list[str]:
    """Names of laws and of what averages them; after a comma that of a further one."""
    from froude.laws import all_laws

    return beginning(incomplete, ["auto", *(law.name for law in all_laws())])


def complete_law_names(incomplete: str) -> list[str]:
    """Names of laws."""
    from froude.laws import all_laws

    return beginning(incomplete, [law.name for law in all_laws()])


def complete_constants(incomplete: str) -> list[str]:
    """Laws with published constants, and after a colon the sets of one: "chinchilla:besiroglu-2024"."""
    from froude.laws import all_laws

    sets = {law.name: [set_ for over in law.choices.values() or [law.published] for set_ in over] for law in all_laws()}
    name, colon, _ = incomplete.partition(":")
    if not colon:
        return beginning(incomplete, [law for law, known in sets.items() if known])
    return beginning(incomplete, [f"{name}:{set_}" for set_ in sets.get(name, [])])


def complete_fits(incomplete: str) -> list[str]:
    """Files of fits, and laws with published constants."""
    from pathlib import Path

    folder = Path(incomplete).parent if os.sep in incomplete else Path()
    files = [str(path) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []
    return [*complete_constants(incomplete), *beginning(incomplete, files)]


def complete_families(incomplete: str) -> list[str]:
    """Families of laws."""
    from froude.laws import all_laws

    return beginning(incomplete, [law.family for law in all_laws()])


def complete_machines(incomplete: str) -> list[str]:
    """Names of chips, after a count of them too; and this machine."""
    from froude.cost.machine.known_machines import known_chips

    return beginning(incomplete, ["this", *known_chips()], after=" ")


def complete_stacks(incomplete: str) -> list[str]:
    """Names of software stacks, with their versions."""
    from froude.cost.stack.known_stacks import known_stacks

    return beginning(incomplete, [name for stack in known_stacks() for name in (stack.name, stack.label)])


def complete_models(incomplete: str) -> list[str]:
    """Names of models."""
    from froude.cost.model.catalogue import model_catalogue

    return beginning(incomplete, model_catalogue())


def complete_recipes(incomplete: str) -> list[str]:
    """Names of published trainings."""
    from froude.planning import known_recipes

    return beginning(incomplete, [recipe.name for recipe in known_recipes()])


def complete_published(incomplete: str) -> list[str]:
    """Names of public run tables."""
    from froude.runs import published_tables

    return beginning(incomplete, [table.id for table in published_tables()])


def complete_examples(incomplete: str) -> list[str]:
    """Names of the experiments on growth that ship with Froude."""
    from froude.growth import growth_examples

    return beginning(incomplete, [example.name for example in growth_examples()])


def complete_papers(incomplete: str) -> list[str]:
    """Ids of the records of the atlas."""
    from froude.atlas import atlas_records

    return beginning(incomplete, [record.id for record in atlas_records()])


def beginning(incomplete: str, names: Iterable[str], after: str = ",") -> list[str]:
    """The names that begin as what was typed after the last separator, with what was typed before it."""
    before, separator, word = incomplete.rpartition(after)
    matching = [name for name in dict.fromkeys(names) if name.startswith(word)]
    return [f"{before}{separator}{name}" for name in matching]
