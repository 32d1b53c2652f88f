"""A law's formula as text and LaTeX, read off by running the law on symbols."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from froude.laws.smooth import Smooth

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)
_GREEK = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "eta",
    "theta",
    "kappa",
    "lambda",
    "rho",
    "sigma",
    "tau",
)
_SYMBOLIC = {
    np.add: lambda a, b: _joined(a, b, " + ", " + ", _SUM),
    np.subtract: lambda a, b: _joined(a, b, " - ", " - ", _SUM),
    np.multiply: lambda a, b: _joined(a, b, "·", " ", _PRODUCT),
    np.divide: lambda a, b: _quotient(a, b),
    np.power: lambda a, b: _power(a, b),
    np.negative: lambda a: Symbol("-" + _inside(a, _SIGN)[0], "-" + _inside(a, _SIGN)[1], _SIGN),
}


@final
@dataclass(frozen=True)
class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """A formula under construction: arithmetic and NumPy functions on it return longer formulas."""

    text: str
    latex: str
    rank: int = _ATOM

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> "Symbol":
        symbols = [_as_symbol(operand) for operand in operands]
        if ufunc in _SYMBOLIC:
            return _SYMBOLIC[ufunc](*symbols)
        return _called(_SHORT.get(ufunc.__name__, ufunc.__name__), symbols)

    def __smooth__(self, function: Smooth, arguments: tuple[Any, ...]) -> "Symbol":
        return _called(function.name, [_as_symbol(argument) for argument in arguments])


_SHORT = {"minimum": "min", "maximum": "max"}


def _called(name: str, symbols: Sequence[Symbol]) -> Symbol:
    text, latex = (", ".join(parts) for parts in zip(*((s.text, s.latex) for s in symbols), strict=True))
    return Symbol(f"{name}({text})", rf"\mathrm{{{name}}}\left({latex}\right)")


def symbol(name: str) -> Symbol:
    """The symbol of an input or a parameter: `alpha_N` becomes \\alpha_{N}, `Dc` becomes D_{c}."""
    head, _, tail = name.partition("_")
    if not tail and len(head) == 2 and (head[0].isupper() or head[1].isdigit()):
        head, tail = head
    latex = "\\" + head if head in _GREEK else head
    return Symbol(name, f"{latex}_{{{tail}}}" if tail else latex)


def _as_symbol(operand: Any) -> Symbol:
    return operand if isinstance(operand, Symbol) else Symbol(f"{operand:g}", f"{operand:g}")


def _inside(part: Symbol, rank: int) -> tuple[str, str]:
    if part.rank >= rank:
        return part.text, part.latex
    return f"({part.text})", rf"\left({part.latex}\right)"


def _joined(a: Symbol, b: Symbol, sign: str, latex_sign: str, rank: int) -> Symbol:
    (a_text, a_latex), (b_text, b_latex) = _inside(a, rank), _inside(b, rank + (sign == " - "))
    return Symbol(a_text + sign + b_text, a_latex + latex_sign + b_latex, rank)


def _quotient(a: Symbol, b: Symbol) -> Symbol:
    text = f"{_inside(a, _PRODUCT)[0]}/{_inside(b, _SIGN)[0]}"
    return Symbol(text, rf"\frac{{{a.latex}}}{{{b.latex}}}", _PRODUCT)


def _power(a: Symbol, b: Symbol) -> Symbol:
    base_text, base_latex = _inside(a, _ATOM)
    return Symbol(f"{base_text}^{_inside(b, _SIGN)[0]}", f"{base_latex}^{{{b.latex}}}", _POWER)
