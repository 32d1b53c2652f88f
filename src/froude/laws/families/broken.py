"""Power laws with breaks: straight pieces in logarithms, joined by smooth bends."""

from inspect import Parameter, Signature
from typing import Any

import numpy as np

from froude.laws.decorator import law
from froude.laws.definition import Example, Law
from froude.laws.kinds import Amount, Bend, Break, Exponent, Floor, Positive, Size, Softness, Stride

_PUBLISHED = {
    1: {
        "addition-4-digits": {
            "E": 0.41388,
            "A": 2.27727,
            "alpha": 0.05508,
            "c1": 5.663,
            "d1": 612.6,
            "f1": 0.05919,
        }
    }
}
_TRUST = "refitted by least squares to the first 14 points of 4-digit addition in the authors' script"
# The least of the fitted inputs, and the three beyond them that were predicted.
_EXAMPLES = [
    Example(constants="addition-4-digits", at={"D": D}, gives=gives)
    for D, gives in ((160, "2.1358"), (800, "0.7602"), (864, "0.6375"), (928, "0.5626"))
]
_COUNTS = ("no break", "one break", "two breaks", "three breaks")


def broken(n: int) -> Law:
    """The broken law with n breaks, 0 to 3, `broken-n` by name.

    E + A·x^-alpha·Π (1 + (x/d_i)^(1/f_i))^(-c_i·f_i): at x = d_i the slope changes by c_i, over a factor of about
    e^(4·f_i) in x. In the letters of the paper E is a, A is b and alpha is c_0. Breaks are in order: what is fitted of
    all but the first is the ratio r_i = d_i/d_(i-1). ValueError for another n.
    """
    if not 0 <= n < len(_COUNTS):
        raise ValueError(f"n = {n}: give 0 to {len(_COUNTS) - 1} breaks")

    def function(x: Any, **fitted: Any) -> Any:
        falling = fitted["A"] * x ** -fitted["alpha"]
        farther = x
        for i in range(1, n + 1):
            farther = farther / fitted["d1" if i == 1 else f"r{i}"]
            falling = falling * _bend(farther, fitted[f"c{i}"], fitted[f"f{i}"])
        return fitted["E"] + falling

    hints = {"E": Floor, "A": Amount, "alpha": Exponent}
    for i in range(1, n + 1):
        hints |= {f"c{i}": Bend, **({"d1": Break} if i == 1 else {f"r{i}": Stride}), f"f{i}": Softness}
    _sign(function, f"broken_{n}", hints)
    function.__doc__ = f"Loss falls to a floor as a power of one input, with {_COUNTS[n]} in the power."
    return law(
        source="Caballero et al. 2022, arXiv:2210.14891, eq. 1",
        over={"D": _PUBLISHED.get(n, {}), "N": {}, "C": {}},
        trust=dict.fromkeys(_PUBLISHED.get(n, {}), _TRUST),
        domain={"D": (160, 928), "N": (1e6, 1e10), "C": (1e17, 1e23)},
        carries={"A": {"x": "alpha"}, **({"d1": {"x": 1.0}} if n else {})},
        examples=_EXAMPLES if n == 1 else (),
        notation=_notation(n) if n else None,
        wrong_when="a break lies beyond the runs: nothing in them tells of it.",
    )(function)


def _bend(z: Any, c: Any, f: Any) -> Any:
    # (1 + z^(1/f))^(-c·f), taken apart so that no power overflows: z may be 1e6 and 1/f 100.
    return (np.maximum(1, z) * (1 + np.minimum(z, 1 / z) ** (1 / f)) ** f) ** -c


def _notation(n: int) -> tuple[str, str]:
    """The formula as the paper has it, in text and LaTeX."""
    text, latex, place, mark = "E + A·x^-alpha", r"E + A x^{-\alpha}", "d1", "d_{1}"
    for i in range(1, n + 1):
        place, mark = (f"{place}·r{i}", f"{mark} r_{{{i}}}") if i > 1 else (place, mark)
        over = f"({place})" if i > 1 else place
        text += f"·(1 + (x/{over})^(1/f{i}))^(-c{i}·f{i})"
        latex += rf" \left(1 + \left(\frac{{x}}{{{mark}}}\right)^{{1/f_{{{i}}}}}\right)^{{-c_{{{i}}} f_{{{i}}}}}"
    return text, latex


def _sign(function: Any, name: str, hints: dict[str, Any]) -> None:
    """Give function a name and the signature (x: Size, *, …) -> Positive that its parameters ask for."""
    function.__name__ = name
    function.__annotations__ = {"x": Size, **hints, "return": Positive}
    inputs = [Parameter("x", Parameter.POSITIONAL_OR_KEYWORD)]
    function.__signature__ = Signature([*inputs, *(Parameter(each, Parameter.KEYWORD_ONLY) for each in hints)])


broken_1 = broken(1)
broken_2 = broken(2)
