"""Kaplan's joint laws: of parameters and tokens, of parameters and steps, and of whole trainings at any batch size.

Steps are told apart by batch size through the critical batch B_crit(L): S steps at batch B do the work of
S_min = S/(1 + B_crit/B) steps at a very large batch, and C FLOPs that of C_min = C/(1 + B/B_crit) at a very small one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.kinds import (
    Amount,
    BestStepTokens,
    Exponent,
    Floor,
    Loss,
    NatsPerToken,
    Params,
    Pivot,
    Steepness,
    Steps,
    StepTokens,
    Tokens,
)
from froude.laws.origin import Origin
from froude.laws.smooth import Smooth, softplus_and_sigmoid

_KAPLAN = "Kaplan et al. 2020, arXiv:2001.08361"
_SU = "Su et al. 2024, arXiv:2403.06563"
_SMALL, _MOST_STEPS = 1e-8, 60
_REMEMBERED = "as remembered: not checked against the paper"


@law(
    source=f"{_KAPLAN}, eq. 1.5",
    published={
        "kaplan-2020-joint": {"Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103},
        "kaplan-2020-limits": {"Nc": 8.8e13, "alpha_N": 0.076, "Dc": 5.4e13, "alpha_D": 0.095},
    },
    trust={
        "kaplan-2020-joint": f"constants of the joint fit, {_REMEMBERED}",
        "kaplan-2020-limits": "the constants of L(N) and L(D), fitted each alone: right in either limit only",
    },
    origins=dict.fromkeys(
        ("kaplan-2020-joint", "kaplan-2020-limits"),
        Origin(source=_KAPLAN, data="WebText2", tokenizer="GPT-2's of 50,257"),
    ),
    domain={"N": (1e5, 1.5e9), "D": (2e7, 2.3e10)},
    carries={"Nc": {"N": 1.0}, "Dc": {"D": 1.0}},
    falls_in=("N", "D"),
    wrong_when="the loss nears its floor, of which it has none: far extrapolations come out too low.",
)
def kaplan_joint(N: Params, D: Tokens, *, Nc: Pivot, alpha_N: Exponent, Dc: Pivot, alpha_D: Exponent) -> NatsPerToken:
    """Loss is limited by parameters and by tokens together, and falls without a floor."""
    return ((Nc / N) ** (alpha_N / alpha_D) + Dc / D) ** alpha_D


@law(
    source=f"{_KAPLAN}, eq. 1.5, with the floor that it lacks; no constants are published",
    domain={"N": (1e5, 1.5e9), "D": (2e7, 2.3e10)},
    carries={"Nc": {"N": 1.0}, "Dc": {"D": 1.0}},
    falls_in=("N", "D"),
    wrong_when="runs are few: floor and exponents then trade off.",
)
def kaplan_floor(
    N: Params, D: Tokens, *, E: Floor, Nc: Pivot, alpha_N: Exponent, Dc: Pivot, alpha_D: Exponent
) -> NatsPerToken:
    """Loss is limited by parameters and by tokens together, and falls to a floor."""
    return E + kaplan_joint.function(N, D, Nc=Nc, alpha_N=alpha_N, Dc=Dc, alpha_D=alpha_D)


@law(
    source=f"{_KAPLAN}, eq. 1.5, with alpha_N = alpha_D and a sharpness in place of 1; no constants are published",
    domain={"N": (1e5, 1.5e9), "D": (2e7, 2.3e10)},
    carries={"Nc": {"N": 1.0}, "Dc": {"D": 1.0}},
    falls_in=("N", "D"),
    wrong_when="parameters and tokens pay at different rates, or the loss nears its floor, of which it has none.",
)
def kaplan_tied(N: Params, D: Tokens, *, Nc: Pivot, Dc: Pivot, alpha: Exponent, sharpness: Steepness) -> NatsPerToken:
    """Loss is limited by parameters and by tokens, both at one rate; the sharper, the more by the scarcer alone."""
    return ((Nc / N) ** sharpness + (Dc / D) ** sharpness) ** (alpha / sharpness)


_STEPS = {
    "kaplan-2020": {"Nc": 6.5e13, "alpha_N": 0.077, "Sc": 2.1e3, "alpha_S": 0.76},
    "su-2024-c4": {"Nc": 1.5e14, "alpha_N": 0.076, "Sc": 2.6e3, "alpha_S": 0.67},
}
_BATCHES = {
    "kaplan-2020": {"B_star": 2.1e8, "alpha_B": 0.21},
    "su-2024-c4": {"B_star": 1.7e8, "alpha_B": 0.205},
}
_STEPS_TRUST = {"kaplan-2020": f"Nc and alpha_N {_REMEMBERED}", "su-2024-c4": _REMEMBERED}


@law(
    source=f"{_KAPLAN}, eq. 1.6; {_SU}",
    published=_STEPS,
    trust=_STEPS_TRUST,
    domain={"N": (1e6, 1.5e9), "S_min": (1e3, 3e5)},
    carries={"Nc": {"N": 1.0}, "Sc": {"S_min": 1.0}},
    falls_in=("N", "S_min"),
    examples=[
        Example(constants="kaplan-2020", at={"N": 1e9, "S_min": 1e5}, gives="2.4005"),
        Example(constants="su-2024-c4", at={"N": 1e9, "S_min": 1e5}, gives="2.5606"),
        Example(constants="su-2024-c4", at={"N": 3.3e10, "S_min": 1e5}, gives="1.9833"),
    ],
    wrong_when="training is still warming up, or data repeat: steps then stop paying as they did.",
)
def kaplan_steps(
    N: Params, S_min: Steps, *, Nc: Pivot, alpha_N: Exponent, Sc: Pivot, alpha_S: Exponent
) -> NatsPerToken:
    """Loss falls with parameters and with steps taken at a very large batch, without end."""
    return (Nc / N) ** alpha_N + (Sc / S_min) ** alpha_S


@law(
    source=f"{_KAPLAN}, eq. 1.4, where beta is 1/alpha_B",
    published={name: {"B_star": at["B_star"], "beta": 1 / at["alpha_B"]} for name, at in _BATCHES.items()},
    trust={"su-2024-c4": _REMEMBERED},
    domain={"L": (1.9, 6.0)},
    carries={"B_star": {"L": "beta"}},
    falls_in=("L",),
    examples=[
        Example(constants="kaplan-2020", at={"L": 3.0}, gives="1.12e6"),
        Example(constants="kaplan-2020", at={"L": 2.0}, gives="7.74e6"),
    ],
    wrong_when="the optimizer or the data differ: it follows the noise of the gradient.",
)
def critical_batch(L: Loss, *, B_star: Amount, beta: Exponent) -> BestStepTokens:
    """The batch at which twice the steps are saved for twice the tokens grows as the loss falls."""
    return B_star * L**-beta


def s_min(S: Any, B: Any, B_crit: Any) -> Any:
    """How many steps at a very large batch do what S steps do at batch B, in tokens a step as B_crit is."""
    return S / (1 + B_crit / B)


def c_min(C: Any, B: Any, B_crit: Any) -> Any:
    """How many FLOPs at a very small batch do what C FLOPs do at batch B, in tokens a step as B_crit is."""
    return C / (1 + B / B_crit)


def _log_loss(
    log_a: np.ndarray, log_s: np.ndarray, log_c: np.ndarray, alpha_B: np.ndarray, alpha_S: np.ndarray
) -> np.ndarray:
    # Of L = a + s·(1 + c·L^(-1/alpha_B))^alpha_S, ln L is solved for: there the left side less the right is increasing
    # and concave, so that Newton's steps from below, the loss at a very large batch, close in from one side, and square
    # a small error.
    at = log_a + softplus_and_sigmoid(log_s - log_a)[0]
    for _ in range(_MOST_STEPS):
        excess, by_excess = softplus_and_sigmoid(log_c - at / alpha_B)
        above, share = softplus_and_sigmoid(log_s + alpha_S * excess - log_a)
        step = (log_a + above - at) / (1 + share * alpha_S / alpha_B * by_excess)
        at = at + step
        if not np.any(np.abs(step) > _SMALL * (1 + np.abs(at))):
            break
    return at


def _log_loss_partials(
    at: np.ndarray,
    log_a: np.ndarray,
    log_s: np.ndarray,
    log_c: np.ndarray,
    alpha_B: np.ndarray,
    alpha_S: np.ndarray,
) -> Sequence[np.ndarray]:
    excess, by_excess = softplus_and_sigmoid(log_c - at / alpha_B)
    share = softplus_and_sigmoid(log_s + alpha_S * excess - log_a)[1]
    by_critical = share * alpha_S * by_excess
    own = 1 + by_critical / alpha_B
    return (1 - share) / own, share / own, by_critical / own, by_critical * at / alpha_B**2 / own, share * excess / own


_LOG_LOSS = Smooth(name="log_loss", value=_log_loss, partials=_log_loss_partials)


@law(
    source=f"{_KAPLAN}, eq. 1.4, 1.6 and 5.4; {_SU}",
    published={name: _STEPS[name] | _BATCHES[name] for name in _STEPS},
    trust=_STEPS_TRUST,
    domain={"N": (1e6, 1.5e9), "S": (1e3, 3e5), "B": (3e4, 4e6)},
    carries={"Nc": {"N": 1.0}, "Sc": {"S": 1.0}, "B_star": {"B": 1.0}},
    falls_in=("N", "S", "B"),
    notation=(
        "L = (Nc/N)^alpha_N + (Sc·(1 + B_star·L^(-1/alpha_B)/B)/S)^alpha_S",
        r"L = \left(\frac{N_{c}}{N}\right)^{\alpha_{N}} "
        r"+ \left(\frac{S_{c}}{S} \left(1 + \frac{B_{*} L^{-1/\alpha_{B}}}{B}\right)\right)^{\alpha_{S}}",
    ),
    wrong_when="the learning rate decays, or training is still warming up: the curve then leaves the law's.",
)
def kaplan_trajectory(
    N: Params,
    S: Steps,
    B: StepTokens,
    *,
    Nc: Pivot,
    alpha_N: Exponent,
    Sc: Pivot,
    alpha_S: Exponent,
    B_star: Pivot,
    alpha_B: Exponent,
) -> NatsPerToken:
    """Loss along a whole training at any batch size: steps count in full only far above the critical batch.

    The critical batch is that of the loss itself, which the law therefore gives implicitly.
    """
    log_a, log_s = alpha_N * np.log(Nc / N), alpha_S * np.log(Sc / S)
    return np.exp(_LOG_LOSS(log_a, log_s, np.log(B_star / B), alpha_B, alpha_S))
