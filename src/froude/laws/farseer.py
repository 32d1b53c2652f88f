"""Laws whose data exponent depends on model size."""

from froude.laws.kinds import Exponent, Floor, NatsPerToken, Params, Pivot, Scale, Tokens, Weight
from froude.laws.law import law


@law(
    source="Froude's own form, after Farseer (Li et al. 2025, arXiv:2506.10972); no constants are published",
    domain={"N": (2e8, 2.5e10), "D": (1e9, 1e12)},
    carries={"A": {"N": "alpha"}, "Dc": {"D": 1.0}, "beta": {"N": "-kappa"}},
    wrong_when="there are few sizes or few token counts for each: its six parameters then follow the noise.",
)
def varying_exponent(
    N: Params, D: Tokens, *, E: Floor, A: Scale, alpha: Exponent, Dc: Pivot, beta: Exponent, kappa: Weight
) -> NatsPerToken:
    """Loss falls to a floor, and how fast it falls with tokens changes with model size."""
    return E + A * N**-alpha + (Dc / D) ** (beta * N**kappa)
