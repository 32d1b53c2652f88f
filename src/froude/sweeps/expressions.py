"""Arithmetic over the values of a run, "20 * 12 * layers * width**2", never run as code."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from froude.errors import InputError, close_names, shown

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs, "ceil": math.ceil, "exp": math.exp, "float": float, "floor": math.floor, "int": int, "log": math.log,
    "log10": math.log10, "log2": math.log2, "max": max, "min": min, "round": round, "sqrt": math.sqrt,
}  # fmt: skip
"""What an expression may call."""

_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.UAdd: operator.pos, ast.USub: operator.neg,
}  # fmt: skip
_LARGEST = 1e300
_MOST_LETTERS = 500


def evaluate(text: str, values: Mapping[str, Any]) -> int | float:
    """The number that an expression comes to, given values by name; whole where all in it are.

    `+ - * / // % **`, brackets and FUNCTIONS may stand in it. InputError, which names the expression, for anything
    else, for a name without a number, and for what is no finite number.
    """
    if len(text) > _MOST_LETTERS:
        raise InputError(f"expression {shown(text)} has {len(text)} letters: give at most {_MOST_LETTERS}")
    try:
        return _value(ast.parse(text.strip(), mode="eval").body, values)
    except SyntaxError:
        why = "it does not parse"
    except RecursionError:
        why = "it is nested too deeply"
    except (ArithmeticError, ValueError, TypeError) as error:
        why = str(error)
    raise InputError(f"expression {text!r} cannot be computed ({why}): write arithmetic, as in 12 * layers * width**2")


def _value(node: ast.AST, values: Mapping[str, Any]) -> int | float:
    """The value of a part. InputError is a ValueError, so that what is raised here ends in the line of `evaluate`."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            result = number
        case ast.Name(id=name):
            result = _named(name, values)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            result = _power(_value(left, values), _value(right, values))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            result = _OPERATORS[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            result = _OPERATORS[type(op)](_value(operand, values))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            result = FUNCTIONS[name](*(_value(each, values) for each in arguments))
        case _:
            raise ValueError(f"{shown(ast.unparse(node), 40)} is no arithmetic")
    if not abs(result) < _LARGEST:
        raise ValueError(f"{shown(ast.unparse(node), 40)} is no finite number")
    return result


def _named(name: str, values: Mapping[str, Any]) -> int | float:
    value = values.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if name in values:
        raise ValueError(f"{name} = {shown(value, 40)} is no number")
    near = close_names(name, values)
    raise ValueError(f"nothing is called {name!r}" + (f", is it {near[0]!r}?" if near else ""))


def _power(base: int | float, exponent: int | float) -> int | float:
    """A power, computed among integers only once it is known to be small."""
    rough = math.pow(base, exponent)
    return base**exponent if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0 else rough
