"""Which values open each branch of a template: read off its conditions, as far as they compare parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from schemas.template.compiling.tags import Segment


class Wanted(Enum):
    """What a branch asks of a parameter, where it is no value of its own."""

    GIVEN = "given"
    ABSENT = "absent"


Wish = Mapping[str, str | Wanted]
"""What a branch asks of parameters, by their names; those that it does not name may be anything."""


@dataclass(slots=True)
class _Block:
    """An open block: what leads to it, and the conditions of its branches so far."""

    outside: dict[str, str | Wanted]
    conditions: list[ast.expr] = field(default_factory=list)
    inside: dict[str, str | Wanted] = field(default_factory=dict)


def branch_wishes(segments: Sequence[Segment]) -> Iterator[Wish]:
    """What each branch of the blocks asks of parameters, outer ones with it, in the order of the text.

    What cannot be read off a condition is left out, so that a wish may lead elsewhere: it is a try, no proof.
    """
    blocks: list[_Block] = []
    for segment in segments:
        if segment.kind == "open":
            blocks.append(_Block(dict(blocks[-1].inside) if blocks else {}))
            _enter(blocks[-1], segment)
        elif segment.kind == "middle" and blocks:
            _enter(blocks[-1], segment)
        elif segment.kind == "close" and blocks:
            blocks.pop()
        if segment.kind in ("open", "middle") and blocks[-1].inside:
            yield dict(blocks[-1].inside)


def _enter(block: _Block, segment: Segment) -> None:
    block.inside = dict(block.outside)
    for condition in block.conditions:
        block.inside |= _falsifying(condition)
    found = _parsed(segment.text) if segment.keyword in ("if", "elif") else None
    if found is not None:
        block.inside |= _satisfying(found)
        block.conditions.append(found)


def _parsed(condition: str) -> ast.expr | None:
    try:
        return ast.parse(condition.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _satisfying(condition: ast.expr) -> dict[str, str | Wanted]:
    match condition:
        case ast.BoolOp(op=ast.And(), values=values):
            return _together(map(_satisfying, values))
        case ast.BoolOp(op=ast.Or(), values=values):
            return next(filter(None, map(_satisfying, values)), {})
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _falsifying(operand)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _compared(left, operator, right, is_true=True)
    name = _parameter(condition)
    return {name: Wanted.GIVEN} if name else {}


def _falsifying(condition: ast.expr) -> dict[str, str | Wanted]:
    match condition:
        case ast.BoolOp(op=ast.And(), values=values):
            return next(filter(None, map(_falsifying, values)), {})
        case ast.BoolOp(op=ast.Or(), values=values):
            return _together(map(_falsifying, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _satisfying(operand)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _compared(left, operator, right, is_true=False)
    name = _parameter(condition)
    return {name: Wanted.ABSENT} if name else {}


def _together(wishes: Iterator[dict[str, str | Wanted]]) -> dict[str, str | Wanted]:
    """All of them; a value of its own is more than that there is one."""
    merged: dict[str, str | Wanted] = {}
    for wish in wishes:
        merged |= {name: want for name, want in wish.items() if want is not Wanted.GIVEN or name not in merged}
    return merged


def _compared(left: ast.expr, operator: ast.cmpop, right: ast.expr, *, is_true: bool) -> dict[str, str | Wanted]:
    name, said = _parameter(left), _constant(right)
    if not name:
        name, said = _parameter(right), _constant(left)
    if not name:
        return {}
    match operator:
        case ast.Is() | ast.IsNot():
            is_absent = (said is None) == (isinstance(operator, ast.Is) == is_true)
            return {name: Wanted.ABSENT if is_absent else Wanted.GIVEN}
        case ast.Eq() | ast.NotEq() | ast.In() | ast.NotIn():
            is_equal = isinstance(operator, ast.Eq | ast.In) == is_true
            return {name: _text(said) if is_equal and said is not None else Wanted.GIVEN}
        case ast.Gt() | ast.LtE():
            step = 1 if isinstance(operator, ast.Gt) == is_true else 0
        case _:
            step = -1 if isinstance(operator, ast.Lt) == is_true else 0
    is_number = isinstance(said, int | float) and not isinstance(said, bool)
    return {name: str(said + step) if is_number else Wanted.GIVEN}  # type: ignore[operator]  # a number by then


def _parameter(expression: ast.expr) -> str:
    """The parameter that an expression is of: `x`, `defined(x)`, `Int32(x, 1)`, `x.upper()`, `x[0]`; else nothing."""
    while True:
        match expression:
            case ast.Name(id=name):
                return name
            case ast.Call(func=ast.Name(), args=[first, *_]):
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    return first.value
                expression = first
            case ast.Call(func=ast.Attribute(value=inner)) | ast.Subscript(value=inner):
                expression = inner
            case _:
                return ""


def _constant(expression: ast.expr) -> object:
    """The first value that an expression lists; None where it says none."""
    match expression:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.List(elts=[first, *_]) | ast.Tuple(elts=[first, *_]) | ast.Set(elts=[first, *_]):
            return _constant(first)
    return None


def _text(said: object) -> str:
    return str(int(said)) if isinstance(said, bool) else str(said)
