"""Training in floating-point formats of few bits: the loss that they add."""

from typing import Annotated

import numpy as np

from froude.laws.decorator import law
from froude.laws.kinds import Exponent, Floor, Input, Kind, NatsPerToken, Params, Scale, Tokens

ExponentBits = Annotated[np.ndarray, Input(unit="bits of exponent", domain="count")]
MantissaBits = Annotated[np.ndarray, Input(unit="bits of mantissa", domain="count")]
Block = Annotated[np.ndarray, Input(unit="elements that share a scale", domain="count")]
# Each bit halves the error of rounding, so that powers of their number are steep.
POWER_OF_BITS = Kind(
    name="power of bits",
    coordinate="log",
    bounds=(1e-2, 20.0),
    draw=lambda rng, count, level: np.exp(rng.uniform(np.log(1.0), np.log(6.0), count)),
)
PowerOfBits = Annotated[np.ndarray, POWER_OF_BITS]


@law(
    source="Sun et al. 2025, arXiv:2501.02423, eq. 26 and table 2, with E, A, B for its epsilon, n and d",
    published={
        "sun-2025": {
            **{"E": 1.9061, "A": 69.2343, "alpha": 0.2368, "B": 68973.0621, "beta": 0.5162},
            **{"gamma": 11334.5197, "delta": 3.1926, "nu": 2.9543},
        }
    },
    domain={
        **{"N": (4.1e7, 6.8e8), "D": (1e10, 1e11)},
        **{"exponent_bits": (1, 5), "mantissa_bits": (1, 5), "block": (32, 512)},
    },
    carries={"A": {"N": "alpha"}, "B": {"D": "beta"}, "gamma": {"D": "beta", "N": "-alpha"}},
    notation=(
        "E + A·N^-alpha + B·D^-beta + D^beta·N^-alpha·log2(block)"
        "/(gamma·(exponent_bits + 0.5)^delta·(mantissa_bits + 0.5)^nu)",
        r"E + A N^{-\alpha} + B D^{-\beta} + \frac{D^{\beta}}{N^{\alpha}} \frac{\log_2 block}"
        r"{\gamma (exponent\_bits + 0.5)^{\delta} (mantissa\_bits + 0.5)^{\nu}}",
    ),
    wrong_when="formats are other than floating point, or other parts than weights and activations are rounded.",
)
def float_training(
    N: Params,
    D: Tokens,
    exponent_bits: ExponentBits,
    mantissa_bits: MantissaBits,
    block: Block,
    *,
    E: Floor,
    A: Scale,
    alpha: Exponent,
    B: Scale,
    beta: Exponent,
    gamma: Scale,
    delta: PowerOfBits,
    nu: PowerOfBits,
) -> NatsPerToken:
    """Few bits add to the loss what grows with tokens and falls with parameters: past some data, more of it hurts."""
    precision = gamma * (exponent_bits + 0.5) ** delta * (mantissa_bits + 0.5) ** nu
    return E + A * N**-alpha + B * D**-beta + D**beta * N**-alpha * np.log2(block) / precision


def critical_tokens(
    N: float, exponent_bits: float, mantissa_bits: float, block: float, constants: dict[str, float]
) -> float:
    """The tokens past which more of them raise the loss of `float_training` with these constants.

    Where its derivative by D is zero: (B·gamma·N^alpha·(E + ½)^delta·(M + ½)^nu / log2 block)^(1/(2·beta)).
    """
    p = constants
    precision = p["gamma"] * (exponent_bits + 0.5) ** p["delta"] * (mantissa_bits + 0.5) ** p["nu"]
    return (p["B"] * N ** p["alpha"] * precision / np.log2(block)) ** (1 / (2 * p["beta"]))
