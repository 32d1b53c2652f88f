"""Exact first derivatives by forward accumulation: a number that carries its tangents.

A law is run once on `Dual` numbers and comes back with its value and its derivative by every parameter.
Tangents are kept by parameter, and only where they are not zero, so that a term of a law costs nothing for
parameters it does not contain. Values broadcast: parameters have shape (rows, 1), inputs (n,).
"""

from collections.abc import Callable
from typing import Any, final

import numpy as np

from froude.laws.smooth import Smooth

Tangents = dict[str, np.ndarray]


@final
class Dual(np.lib.mixins.NDArrayOperatorsMixin):
    """A value and its derivatives by named parameters.

    `log` may be given where the logarithm of the value is known: powers then need no logarithm.
    Supports arithmetic and the NumPy functions of `UNARY` and `BINARY`; any other raises TypeError.
    """

    __slots__ = ("_log", "tangents", "value")

    def __init__(self, value: np.ndarray, tangents: Tangents | None = None, log: np.ndarray | None = None) -> None:
        self.value = value
        self.tangents: Tangents = tangents or {}
        self._log = log

    @property
    def log(self) -> np.ndarray:
        """The logarithm of the value, computed once."""
        if self._log is None:
            self._log = np.log(self.value)
        return self._log

    def __getitem__(self, which: np.ndarray | slice) -> "Dual":
        """Some of the values (n,) of an input, which has no tangents."""
        return Dual(self.value[which], log=None if self._log is None else self._log[which])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> "Dual":
        duals = [x if isinstance(x, Dual) else Dual(np.asarray(x, dtype=float)) for x in operands]
        if method == "__call__" and not options:
            if ufunc in BINARY:
                return BINARY[ufunc](*duals)
            if ufunc in UNARY:
                function, derivative = UNARY[ufunc]
                (x,) = duals
                value = function(x)
                return Dual(value, _times(x.tangents, derivative(x.value, value)) if x.tangents else None)
        if ufunc is np.add and method == "reduceat":
            x, starts = operands
            tall = {name: np.broadcast_to(tangent, x.value.shape) for name, tangent in x.tangents.items()}
            sums = {name: np.add.reduceat(tangent, starts, axis=-1) for name, tangent in tall.items()}
            return Dual(np.add.reduceat(x.value, starts, axis=-1), sums)
        raise TypeError(f"a law may not use numpy.{ufunc.__name__}: its derivative is not known here")

    def __smooth__(self, function: Smooth, arguments: tuple[Any, ...]) -> "Dual":
        duals = [x if isinstance(x, Dual) else Dual(np.asarray(x, dtype=float)) for x in arguments]
        values = [x.value for x in duals]
        value = function.value(*values)
        tangents: Tangents = {}
        for x, partial in zip(duals, function.partials(value, *values), strict=True):
            tangents = _sum(tangents, _times(x.tangents, partial))
        return Dual(value, tangents)


def _times(tangents: Tangents, factor: Any) -> Tangents:
    return {name: tangent * factor for name, tangent in tangents.items()}


def _sum(a: Tangents, b: Tangents) -> Tangents:
    if not a or not b:
        return a or b
    return {k: a[k] + b[k] if k in a and k in b else (a[k] if k in a else b[k]) for k in {**a, **b}}


def _add(a: Dual, b: Dual) -> Dual:
    return Dual(a.value + b.value, _sum(a.tangents, b.tangents))


def _subtract(a: Dual, b: Dual) -> Dual:
    return Dual(a.value - b.value, _sum(a.tangents, _times(b.tangents, -1.0)))


def _multiply(a: Dual, b: Dual) -> Dual:
    return Dual(a.value * b.value, _sum(_times(a.tangents, b.value), _times(b.tangents, a.value)))


def _divide(a: Dual, b: Dual) -> Dual:
    value = a.value / b.value
    log = None if a._log is None or b._log is None else a._log - b._log
    by_b = _times(b.tangents, -value / b.value) if b.tangents else {}
    return Dual(value, _sum(_times(a.tangents, 1 / b.value) if a.tangents else {}, by_b), log)


def _power(base: Dual, exponent: Dual) -> Dual:
    if not exponent.tangents and exponent.value.ndim == 0:
        p = exponent.value
        return Dual(base.value**p, _times(base.tangents, p * base.value ** (p - 1.0)))
    # One exponential serves the value and both derivatives.
    log = exponent.value * base.log
    value = np.exp(log)
    by_exponent = {k: t * base.log * value for k, t in exponent.tangents.items()}
    by_base: Tangents = {}
    if base.tangents and base.value.size < value.size:
        by_base = {k: t / base.value * exponent.value * value for k, t in base.tangents.items()}
    elif base.tangents:
        by_base = _times(base.tangents, value * exponent.value / base.value)
    return Dual(value, _sum(by_base, by_exponent), log)


def _smaller(sign: int) -> Callable[[Dual, Dual], Dual]:
    """The smaller of two (sign 1) or the larger (sign -1), with the tangents of the one that is taken."""

    def chosen(a: Dual, b: Dual) -> Dual:
        first = sign * a.value <= sign * b.value
        value = np.where(first, a.value, b.value)
        return Dual(value, _sum(_times(a.tangents, first * 1.0), _times(b.tangents, ~first * 1.0)))

    return chosen


def _logaddexp(a: Dual, b: Dual) -> Dual:
    value = np.logaddexp(a.value, b.value)
    by_a, by_b = np.exp(a.value - value), np.exp(b.value - value)
    return Dual(value, _sum(_times(a.tangents, by_a), _times(b.tangents, by_b)))


BINARY: dict[np.ufunc, Callable[[Dual, Dual], Dual]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.power: _power,
    np.logaddexp: _logaddexp,
    np.minimum: _smaller(1),
    np.maximum: _smaller(-1),
}
"""NumPy functions of two arguments and the rule of each."""

UNARY: dict[np.ufunc, tuple[Callable[[Dual], np.ndarray], Callable[[np.ndarray, np.ndarray], Any]]] = {
    np.negative: (lambda x: -x.value, lambda x, y: -1.0),
    np.positive: (lambda x: x.value, lambda x, y: 1.0),
    np.exp: (lambda x: np.exp(x.value), lambda x, y: y),
    np.log: (lambda x: x.log, lambda x, y: 1 / x),
    np.log2: (lambda x: np.log2(x.value), lambda x, y: 1 / (x * np.log(2))),
    np.log10: (lambda x: np.log10(x.value), lambda x, y: 1 / (x * np.log(10))),
    np.expm1: (lambda x: np.expm1(x.value), lambda x, y: y + 1),
    np.log1p: (lambda x: np.log1p(x.value), lambda x, y: 1 / (1 + x)),
    np.sqrt: (lambda x: np.sqrt(x.value), lambda x, y: 0.5 / y),
    np.square: (lambda x: np.square(x.value), lambda x, y: 2 * x),
    np.reciprocal: (lambda x: 1 / x.value, lambda x, y: -y * y),
    np.tanh: (lambda x: np.tanh(x.value), lambda x, y: 1 - y * y),
}
"""NumPy functions of one argument: the value, and the derivative from argument and value."""
