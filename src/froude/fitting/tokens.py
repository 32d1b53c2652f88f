"""What a training's tokens cost, and what they are worth where there are only so many unique ones."""

from collections.abc import Callable
from typing import Any

import numpy as np

from froude.laws import Law, get_law

FLOP_PER_PARAM_TOKEN = 6.0
"""Training FLOPs for each parameter and token by the usual account: 2 forward, 4 backward."""

FORWARD_FLOP_PER_PARAM = 2
"""FLOPs of serving a token for each active parameter: the forward pass without attention scores (Kaplan et al. 2020,
arXiv:2001.08361, table 1; so counted by Sardana et al. 2024, arXiv:2401.00448)."""

BOUNDLESS = 1e40
"""Parameters or tokens, where nothing is left to gain."""

REPETITION, REPETITION_SET = "repeated-tokens", "muennighoff-2023"


def effective_tokens(D: Any, unique: float | None) -> np.ndarray:
    """What D tokens are worth where some of them are repeats (Muennighoff et al. 2023, arXiv:2305.16264, eq. 5)."""
    if unique is None:
        return np.asarray(D, dtype=float)
    lever = get_law(REPETITION)
    return lever(D=D, U=np.minimum(D, unique), **lever.published[REPETITION_SET])


def inputs_for(law: Law, N: Any, D: Any, unique: float | None = None) -> dict[str, Any]:
    """The inputs of a law of N and D for N parameters and D tokens seen, of which at most so many are unique.

    A law that takes U is told of repeats; for others tokens count by `effective_tokens`.
    """
    own = {"U": D if unique is None else np.minimum(D, unique)} if "U" in law.inputs else {}
    return {"N": np.asarray(N, dtype=float), "D": effective_tokens(D, None if own else unique), **own}


def tokens_reaching(loss_at: Callable[[float], Any], loss: float) -> float | None:
    """The fewest tokens at which a loss that falls with them reaches another; None where no number is enough."""
    if loss_at(BOUNDLESS) >= loss:
        return None
    low, high = 0.0, np.log(BOUNDLESS)
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if loss_at(float(np.exp(middle))) <= loss else (middle, high)
    return float(np.exp(high))


def about_repeats() -> str:
    """The sentence on how repeats are counted for a law that does not know of them."""
    lever = get_law(REPETITION)
    half = lever.published[REPETITION_SET]["R_D"]
    return (
        f"repeats: worth less with a constant of {half:.3g} repetitions ({lever.source}); wrong when "
        + lever.wrong_when.rstrip(".")
    )
