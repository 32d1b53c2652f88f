"""Laws whose data exponent depends on model size: Farseer's, and one of fewer parameters."""

from collections.abc import Mapping, Sequence

import numpy as np

from froude.errors import InputError
from froude.laws.decorator import law
from froude.laws.definition import Example
from froude.laws.kinds import (
    BitsPerCharacter,
    Curve,
    Exponent,
    Floor,
    Growth,
    NatsPerToken,
    ParamCount,
    Params,
    Pivot,
    Scale,
    TokenCount,
    Tokens,
    Weight,
)
from froude.laws.smooth import Smooth

N0, D0 = 1e9, 1e10
"""The parameters of Farseer's law say how large its terms are at N0 parameters and D0 tokens."""

_PAPER = {"a1": -0.124, "alpha": 0.123, "b1": 0.424, "a2": 88.01, "beta": -0.1, "b2": -6.287} | {
    "a3": -0.021,
    "gamma": 0.169,
    "b3": -0.091,
}


def from_paper(constants: Mapping[str, float]) -> dict[str, float]:
    """The parameters of `farseer` from the paper's own.

    These are a1, alpha, b1, a2, beta, b2, a3, gamma and b3 of exp(a3·N^gamma + b3) + exp(a2·N^beta + b2)·D^-A(N)
    with A(N) = exp(a1·N^alpha + b1).
    """
    (a1, alpha, b1), (a2, beta, b2), (a3, gamma, b3) = (
        [constants[name] for name in names]
        for names in (("a1", "alpha", "b1"), ("a2", "beta", "b2"), ("a3", "gamma", "b3"))
    )
    A, A_growth = np.exp(a1 * N0**alpha + b1), a1 * alpha * N0**alpha
    return {
        "E": float(np.exp(a3 * N0**gamma + b3)),
        "E_growth": a3 * gamma * N0**gamma,
        "E_curve": gamma,
        "B": float(np.exp(a2 * N0**beta + b2 - A * np.log(D0))),
        "B_growth": float(a2 * beta * N0**beta - A * A_growth * np.log(D0)),
        "B_curve": beta,
        "A": float(A),
        "A_growth": A_growth,
        "A_curve": alpha,
    }


def to_paper(fitted: Mapping[str, float]) -> dict[str, float]:
    """The paper's own nine constants from the parameters of `farseer`: the inverse of `from_paper`.

    They grow beyond bounds as a curve nears 0, where a term is a plain power of N; InputError at 0.
    """
    for name in ("E_curve", "B_curve", "A_curve"):
        if fitted[name] == 0:
            raise InputError(f"{name} = 0: the paper's form has no constants for a plain power of N")
    p, log_D0 = fitted, np.log(D0)
    growths = {
        "1": (p["A_growth"], p["A_curve"], np.log(p["A"])),
        "2": (p["B_growth"] + p["A"] * p["A_growth"] * log_D0, p["B_curve"], np.log(p["B"]) + p["A"] * log_D0),
        "3": (p["E_growth"], p["E_curve"], np.log(p["E"])),
    }
    constants = {"alpha": p["A_curve"], "beta": p["B_curve"], "gamma": p["E_curve"]}
    for k, (growth, curve, level) in growths.items():
        constants[f"a{k}"] = float(growth / curve * N0**-curve)
        constants[f"b{k}"] = float(level - growth / curve)
    return constants


def box_cox(x: np.ndarray, curve: np.ndarray | float) -> np.ndarray:
    """(e^(curve·x) − 1)/curve, which is x where curve is 0 (Box and Cox 1964)."""
    z = curve * x
    small = np.abs(z) < 1e-8
    return np.where(small, x * (1 + z / 2), np.expm1(z) / np.where(small, 1.0, curve))


def _box_cox_partials(value: np.ndarray, x: np.ndarray, curve: np.ndarray) -> Sequence[np.ndarray]:
    z = curve * x
    small = np.abs(z) < 1e-3
    series = 1 / 2 + z / 3 + z**2 / 8 + z**3 / 30
    exact = (z * np.exp(z) - np.expm1(z)) / np.where(small, 1.0, z) ** 2
    return np.exp(z), x**2 * np.where(small, series, exact)


_BOX_COX = Smooth(name="box_cox", value=box_cox, partials=_box_cox_partials)


@law(
    source="Li et al. 2025, arXiv:2506.10972, eq. 15",
    published={"li-2025": from_paper(_PAPER)},
    trust={"li-2025": "printed to three digits within double exponentials: good to about 1% of the loss"},
    domain={"N": (2e8, 2.5e10), "D": (2e9, 5e11)},
    carries={},
    falls_in=("D",),
    examples=[
        Example(constants="li-2025", at={"N": 1e9, "D": 2e10}, gives="0.52722"),
        Example(constants="li-2025", at={"N": 1e9, "D": 1e11}, gives="0.49857"),
        Example(constants="li-2025", at={"N": 7e9, "D": 1e12}, gives="0.40791"),
        Example(constants="li-2025", at={"N": 25.1e9, "D": 1e11}, gives="0.42105"),
    ],
    notation=(
        "E·exp(E_growth·h(E_curve)) + B·exp((B_growth + A·A_growth·ln D0)·h(B_curve))"
        "·D0^A·D^(-A·exp(A_growth·h(A_curve))), where h(k) = ((N/N0)^k - 1)/k, N0 = 1e9 and D0 = 1e10",
        r"E e^{E_{growth} h(E_{curve})} + B e^{(B_{growth} + A A_{growth} \ln D_0) h(B_{curve})} D_0^A "
        r"D^{-A e^{A_{growth} h(A_{curve})}}, \quad h(k) = \frac{(N/N_0)^k - 1}{k}",
    ),
    wrong_when="sizes span little, or each has few token counts: its nine parameters then follow the noise.",
)
def farseer(
    N: ParamCount,
    D: TokenCount,
    *,
    E: Scale,
    E_growth: Growth,
    E_curve: Curve,
    B: Scale,
    B_growth: Growth,
    B_curve: Curve,
    A: Exponent,
    A_growth: Growth,
    A_curve: Curve,
) -> BitsPerCharacter:
    """Floor, what tokens gain and how fast they gain it all change with model size.

    Exactly Farseer's exp(a3·N^gamma + b3) + exp(a2·N^beta + b2)·D^-exp(a1·N^alpha + b1), in parameters that a fit
    can find: at N0 parameters E is the floor, B what is above it at D0 tokens and A the exponent of D there; growths
    are the slopes of their logarithms against log N at N0, and curves are gamma, beta and alpha. `from_paper` and
    `to_paper` translate. N and D are plain counts: the form does not survive another unit.
    """
    x = np.log(N / N0)
    exponent = A * np.exp(A_growth * _BOX_COX(x, A_curve))
    growth = B_growth + A * A_growth * np.log(D0)
    above = np.log(B) + growth * _BOX_COX(x, B_curve) + A * np.log(D0) - exponent * np.log(D)
    return E * np.exp(E_growth * _BOX_COX(x, E_curve)) + np.exp(above)


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
