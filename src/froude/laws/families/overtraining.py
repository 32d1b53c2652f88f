"""Laws of models trained on more tokens than compute alone would ask for, and of what their loss is worth."""

import numpy as np

from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.kinds import Amount, Exponent, Floor, Flop, Loss, NatsPerToken, Rate, Scale, Share, TokensPerParam
from froude.laws.origin import Origin

_GADRE = "Gadre et al. 2024, arXiv:2403.08540"
_REFITTED = "refitted by least squares to the authors' own points; to the digits remembered, the paper's"
_DATA_SETS = ("c4", "redpajama", "refinedweb")
_DEVIATIONS = {
    "c4": 0.0246,
    "redpajama": 0.0140,
    "refinedweb": 0.0158,
}  # of the 34 or 35 runs


@law(
    source=f"{_GADRE}, eq. 4",
    published={
        "gadre-2024-c4": {"E": 1.50826055, "a": 141.277256, "b": 189.515523, "eta": 0.121236120},
        "gadre-2024-redpajama": {"E": 1.83664840, "a": 212.236117, "b": 366.687188, "eta": 0.136425352},
        "gadre-2024-refinedweb": {"E": 1.73446209, "a": 157.116285, "b": 246.206688, "eta": 0.127197423},
    },
    trust={f"gadre-2024-{name}": f"{_REFITTED}; loss on C4-eval" for name in _DATA_SETS},
    origins={
        f"gadre-2024-{name}": Origin(
            source="the five runs of the authors' fit, and all runs on this text (table overtraining_mlfoundations)",
            data="C4-eval",
            tokenizer="GPT-NeoX's",
            n=5,
            deviation=_DEVIATIONS[name],
        )
        for name in _DATA_SETS
    },
    domain={"C": (3e16, 3e22), "M": (5, 640)},
    carries={"a": {"C": "eta", "M": "-eta"}, "b": {"C": "eta", "M": "eta"}},
    falls_in=("C",),
    examples=[
        # The two forecasts that the authors' notebook prints, of 1.4B parameters at M = 640 and 6.9B at M = 20.
        Example(constants="gadre-2024-redpajama", at={"C": 7.960359237e21, "M": 640.0}, gives="2.5198"),
        Example(constants="gadre-2024-redpajama", at={"C": 5.695677344e21, "M": 20.0}, gives="2.4427"),
    ],
    wrong_when="parameters and tokens pay at different rates: both have the one exponent 2·eta here.",
)
def overtrained(C: Flop, M: TokensPerParam, *, E: Floor, a: Scale, b: Scale, eta: Exponent) -> NatsPerToken:
    """Loss falls to a floor with compute, by one exponent however many tokens each parameter sees."""
    return E + (a * M**eta + b * M**-eta) * C**-eta


@law(
    source=f"{_GADRE}, eq. 5",
    published={
        "gadre-2024-c4-46-tasks": {"epsilon": 0.7589, "k": 1.2885, "gamma": 0.9722},
        "gadre-2024-c4-17-tasks": {"epsilon": 0.8497, "k": 2.0789, "gamma": 0.7561},
        "gadre-2024-redpajama-46-tasks": {"epsilon": 0.7608, "k": 1.3229, "gamma": 0.8907},
        "gadre-2024-redpajama-17-tasks": {"epsilon": 0.8570, "k": 2.2065, "gamma": 0.7146},
        "gadre-2024-refinedweb-46-tasks": {"epsilon": 0.7677, "k": 1.1281, "gamma": 0.8215},
        "gadre-2024-refinedweb-17-tasks": {"epsilon": 0.8653, "k": 2.2148, "gamma": 0.7070},
    },
    trust={f"gadre-2024-{name}-{n}-tasks": _REFITTED for name in _DATA_SETS for n in (46, 17)},
    domain={"L": (2.2, 4.5)},
    carries={"gamma": {"L": -1.0}},
    rises_in=("L",),
    wrong_when="models differ in anything but size and tokens, or a single task is meant: its error is no curve.",
)
def error_from_loss(L: Loss, *, epsilon: Amount, k: Amount, gamma: Rate) -> Share:
    """The mean error of many tasks falls as the loss does, from epsilon, the error of guessing."""
    return epsilon - k * np.exp(-gamma * L)
