"""What filtered samples are still worth as they are seen again and wear out."""

import numpy as np

from froude.laws.decorator import law
from froude.laws.kinds import EffectiveTokens, Ratio, Tokens

_EPOCHS = 64  # told apart; what is seen more often than that counts as the last of them


@law(
    source="Goyal et al. 2024, arXiv:2404.07177, and its authors' code; its constants of pools were not found",
    domain={"D": (1e7, 1e9), "U": (1e7, 1e8)},
    carries={},
    rises_in=("D",),
    notation=(
        "U·prod_k (D_k/D_(k-1))^(2^(-(k - 1)/tau)), D_k = min(D, k·U), for D of U or more",
        r"U \prod_{k \geq 2} \left(\frac{D_k}{D_{k-1}}\right)^{2^{-(k-1)/\tau}}, \quad D_k = \min(D, k U)",
    ),
    wrong_when="the base law has a floor that the samples set, or pools of very different half-lives are mixed.",
)
def fading_tokens(D: Tokens, U: Tokens, *, tau: Ratio) -> EffectiveTokens:
    """Samples lose utility as they are seen again, half of it every tau epochs: of D seen, U are unique.

    Utility is the exponent with which the error falls. That of equal shares of several pools is the mean of theirs, and
    so their error is the geometric mean of the pools' laws, each at the D and U of all together.
    """
    log_worth = np.log(np.minimum(D, U))
    for k in range(1, _EPOCHS):
        log_worth = log_worth + 0.5 ** (k / tau) * np.log(np.minimum(D, (k + 1) * U) / np.minimum(D, k * U))
    return np.exp(log_worth)
