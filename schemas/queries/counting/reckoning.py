"""What an expression of numbers comes to, once the values that are bound in it are known."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping

Number = int | float
# What an expression comes to with the bound values, by their names; None for what is not known here.
Expression = Callable[[Mapping[str, str]], Number | None]


def reckoned(function: Callable[..., Number], *arguments: Expression) -> Expression:
    """A function or operator of expressions."""

    def expression(bound: Mapping[str, str]) -> Number | None:
        values = [argument(bound) for argument in arguments]
        if any(value is None for value in values):
            return None
        try:
            return function(*values)
        except (ArithmeticError, TypeError, ValueError):
            return None

    return expression


def bound_value(name: str) -> Expression:
    """The value that is bound by a name."""
    return lambda bound: _number(bound[name])


def constant(text: str) -> Expression:
    """The number of a text."""
    number = _number(text)
    return lambda _: number


def _number(text: str) -> Number | None:
    try:
        return float(text) if set(text) & set(".en") else int(text)
    except ValueError:
        return None


def _unsigned(value: Number) -> Number:
    """What does not fit wraps around, and is not below zero."""
    return abs(value)


NEGATE = operator.neg
OPERATORS: Mapping[str, Callable[..., Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": math.fmod,
    "DIV": lambda left, right: math.trunc(left / right),
}
_FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "least": min,
    "greatest": max,
    "abs": abs,
    "negate": NEGATE,
    "plus": operator.add,
    "minus": operator.sub,
    "multiply": operator.mul,
    "intdiv": OPERATORS["DIV"],
}


def function_of(name: str) -> Callable[..., Number] | None:
    """What a function of SQL does with numbers, None for one that is not known here."""
    if re.fullmatch(r"toUInt\d+", name):
        return _unsigned
    return int if re.fullmatch(r"toInt\d+", name) else _FUNCTIONS.get(name.lower())
