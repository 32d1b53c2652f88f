"""An input from a seed and its number, of a kind drawn by weight."""

import random

from fuzzing.documents import calibrate_input, experiment_input, fit_input, machine_input, model_input
from fuzzing.inputs import Input, Material
from fuzzing.studies import study_input
from fuzzing.tables import condition_input, table_input
from fuzzing.words import atlas_input, command_input, cost_input, law_input, option_input, plan_input, quantity_input

KINDS = {
    table_input: 24, condition_input: 9, option_input: 10, law_input: 6, cost_input: 7, plan_input: 4, atlas_input: 4,
    command_input: 1, experiment_input: 4, calibrate_input: 2,
}  # fmt: skip
KINDS_OF_MATERIAL = {quantity_input: 7, fit_input: 9, machine_input: 7, model_input: 10, study_input: 5}


def draw(seed: int, index: int, material: Material) -> Input:
    """The input of this number: the same for the same seed and material."""
    rng = random.Random(f"{seed}:{index}")
    kinds = [*KINDS, *KINDS_OF_MATERIAL]
    weights = [*KINDS.values(), *KINDS_OF_MATERIAL.values()]
    kind = rng.choices(kinds, weights)[0]
    return kind(rng, material) if kind in KINDS_OF_MATERIAL else kind(rng)
