"""Loss along a training, as its learning rate rises and falls: what progress gives, and what a falling rate adds."""

from typing import Any

from froude.laws.decorator import law
from froude.laws.kinds import (
    Changes,
    Clock,
    Drops,
    Exponent,
    Floor,
    Lost,
    Memory,
    NatsPerToken,
    PerStep,
    RateArea,
    RootRateArea,
    Scale,
    Steepness,
)
from froude.laws.lr_history import LrHistory

_RATES = (3e-5, 3e-4)
_REFITTED = "fitted by Froude to three curves of the public 25M model (arXiv:2503.12811)"

_LUO = {
    "luo-2025-25m": (3.04045406, 0.52468604, 0.50786857, 363.78751622, 2.06560812, 0.58279013, 0.64142257),
    "luo-2025-100m": (2.6514477, 0.60115152, 0.45295811, 437.9464276, 2.13245612, 0.59785199, 0.65523644),
    "luo-2025-400m": (2.37474466, 0.65421216, 0.42878731, 523.42464371, 2.02462735, 0.59350493, 0.63472457),
}


def _annealed(drops: LrHistory, tau: Any) -> Any:
    """The drops of the rate so far, each by the share of it that has taken effect, with a memory of tau steps."""
    return drops.sum(drops.drop * (1 - (1 - 1 / tau) ** drops.steps))


@law(
    source="Tissue et al. 2024, arXiv:2408.11029, with B = C/(1 − lambda) and tau = 1/(1 − lambda)",
    published={
        "refitted-25m": {"L0": 3.15163, "A": 0.520455, "alpha": 0.5034, "B": 390.344, "tau": 538.508},
    },
    trust={"refitted-25m": f"not the authors', whose were not found: {_REFITTED}"},
    domain={"S1": (0.3, 21.0), "drops": _RATES},
    carries={"A": {"S1": "alpha"}, "B": {"drops": -1.0}},
    falls_in=("S1",),
    notation=(
        "L0 + A·S1^-alpha - B·sum(drop·(1 - (1 - 1/tau)^steps))",
        r"L_{0} + A S_{1}^{-\alpha} - B \sum_k (\eta_{k-1} - \eta_k) \left(1 - (1 - 1/\tau)^{t-k+1}\right)",
    ),
    wrong_when="a long decay and a short one end at the same rate: it counts progress by the area under the rate.",
)
def annealing(
    S1: RateArea, drops: Drops, *, L0: Floor, A: Scale, alpha: Exponent, B: Scale, tau: Memory
) -> NatsPerToken:
    """Loss falls with the area under the learning rate, and further by each drop of the rate, after some steps."""
    return L0 + A * S1**-alpha - B * _annealed(drops, tau)


@law(
    source="Luo et al. 2025, arXiv:2503.12811; constants from the authors' repository",
    published={
        name: dict(zip(("L0", "A", "alpha", "B", "C", "beta", "gamma"), values, strict=True))
        for name, values in _LUO.items()
    },
    trust=dict.fromkeys(_LUO, "the paper prints others, its authors say; their descent stops before the minimum"),
    domain={"S1": (0.3, 21.0), "changes": _RATES},
    carries={"A": {"S1": "alpha"}, "B": {"changes": -1.0}, "C": {"changes": ("gamma", -1.0)}},
    falls_in=("S1",),
    notation=(
        "L0 + A·S1^-alpha - B·sum(drop·(1 - (1 + C·rate^-gamma·area)^-beta))",
        r"L_{0} + A S_{1}^{-\alpha} - B \sum_k (\eta_{k-1} - \eta_k) "
        r"\left(1 - \left(1 + C \eta_k^{-\gamma} \sum_{i=k}^{t} \eta_i\right)^{-\beta}\right)",
    ),
    wrong_when="it is fitted to few schedules: three leave C, beta and gamma to chance, and longer decays off by 0.5%.",
)
def multi_power(
    S1: RateArea,
    changes: Changes,
    *,
    L0: Floor,
    A: Scale,
    alpha: Exponent,
    B: Scale,
    C: PerStep,
    beta: Steepness,
    gamma: Clock,
) -> NatsPerToken:
    """Loss falls with the area under the learning rate, and further by each drop, as a power of the area since."""
    relaxed = 1 - (1 + C * changes.rate**-gamma * changes.area) ** -beta
    return L0 + A * S1**-alpha - B * changes.sum(changes.drop * relaxed)


@law(
    source="Froude's own: the annealing law with progress as under AdamW, whose steps turn the weights by the square "
    "root of the rate (Kosson et al. 2023, arXiv:2305.17212; as remembered: not checked against the paper)",
    published={
        "refitted-25m": {"L0": 3.05943, "A": 2.61924, "alpha": 0.370453, "W": 12.8153, "B": 296.683, "tau": 105.93},
    },
    trust={"refitted-25m": _REFITTED},
    domain={"root_S1": (25.0, 1240.0), "drops": _RATES},
    carries={"A": {"root_S1": "alpha"}, "W": {"root_S1": 1.0}, "B": {"drops": -1.0}},
    falls_in=("root_S1",),
    notation=(
        "L0 + A·(root_S1 - W)^-alpha - B·sum(drop·(1 - (1 - 1/tau)^steps))",
        r"L_{0} + A \left(\sum_i \sqrt{\eta_i} - W\right)^{-\alpha} "
        r"- B \sum_k (\eta_{k-1} - \eta_k) \left(1 - (1 - 1/\tau)^{t-k+1}\right)",
    ),
    wrong_when="the optimizer is none with weight decay, or the rate rises again after warm-up.",
)
def root_annealing(
    root_S1: RootRateArea, drops: Drops, *, L0: Floor, A: Scale, alpha: Exponent, W: Lost, B: Scale, tau: Memory
) -> NatsPerToken:
    """Loss falls with the sum of the learning rate's roots, of which W lost in warm-up, and further by each drop."""
    return L0 + A * (root_S1 - W) ** -alpha - B * _annealed(drops, tau)
