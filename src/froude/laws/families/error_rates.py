"""Error rates and accuracies, which lie between 0 and 1: the loss behind them follows a law of losses.

error = chance·(1 − exp(−loss)), accuracy = 1 − error: an answer is known with probability exp(−loss) and else guessed,
wrongly with probability `chance`, which is 1 where nothing can be guessed. With a floor E of the loss the accuracy does
not rise above 1 − chance·(1 − exp(−E)).
"""

from dataclasses import replace
from typing import Any

import numpy as np

from froude.laws.definition import Law
from froude.laws.families.chinchilla import chinchilla, chinchilla_tied
from froude.laws.families.kaplan import kaplan_tied
from froude.laws.families.power import power_floor
from froude.laws.kinds import ACCURACY, CHANCE, ERROR_RATE

_SOURCE = "Gadre et al. 2024, arXiv:2403.08540, eq. 5: error = ε − k·exp(−γ·loss), k and γ taken into the loss"
_WRONG = "a skill sets in at some size at once, or the metric gives credit to a part of an answer"


def _error(base: Law, name: str, about: str) -> Law:
    """The law of an error rate whose loss follows another law."""

    def function(*inputs: Any, chance: Any, **parameters: Any) -> Any:
        return chance * (1 - np.exp(-base.function(*inputs, **parameters)))

    return replace(
        base,
        name=name,
        about=about,
        function=function,
        kinds={"chance": CHANCE, **base.kinds},
        output=ERROR_RATE,
        family="error-rates",
        source=f"{_SOURCE}; the loss by {base.source.partition(';')[0]}",
        wrong_when=f"{_WRONG}; {base.wrong_when}",
        published={},
        trust={},
        choices={x: {} for x in base.choices},
        examples=(),
    )


def _accuracy(error: Law, about: str) -> Law:
    """The law of the accuracy that is 1 − error."""

    def function(*inputs: Any, **parameters: Any) -> Any:
        return 1 - error.function(*inputs, **parameters)

    name = error.name.replace("error", "accuracy")
    return replace(
        error,
        name=name,
        about=about,
        function=function,
        output=ACCURACY,
        trend={x: -sign for x, sign in error.trend.items()},
    )


error_chinchilla = _error(chinchilla, "error-chinchilla", "The loss behind an error rate falls with size and data.")
error_tied = _error(chinchilla_tied, "error-tied", "The loss behind an error rate falls with size and data alike.")
error_joint = _error(
    kaplan_tied, "error-joint", "The loss behind an error rate is limited by size and data together, without a floor."
)
error_power = _error(power_floor, "error-power", "The loss behind an error rate falls to a floor with one input.")
accuracy_chinchilla = _accuracy(error_chinchilla, "The loss behind an accuracy falls with size and data.")
accuracy_tied = _accuracy(error_tied, "The loss behind an accuracy falls with size and data alike.")
accuracy_joint = _accuracy(
    error_joint, "The loss behind an accuracy is limited by size and data together, without a floor."
)
accuracy_power = _accuracy(error_power, "The loss behind an accuracy falls to a floor with one input.")
