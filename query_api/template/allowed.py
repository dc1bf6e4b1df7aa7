"""Which expressions may stand in a `{{ }}`: Tinybird's list, narrower than what conditions may hold."""

from __future__ import annotations

import ast
import warnings

from jinja2.exceptions import TemplateSyntaxError

_ALLOWED = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Subscript, ast.Slice, ast.Dict, ast.List, ast.Tuple,
    ast.JoinedStr, ast.FormattedValue, ast.IfExp, ast.UnaryOp, ast.USub, ast.Not, ast.BinOp, ast.Add, ast.Sub, ast.Mult,
    ast.Call, ast.keyword, ast.Attribute,
)  # fmt: skip
_WITH_OPERATOR = (ast.BinOp, ast.UnaryOp, ast.BoolOp)


def check_output(text: str, ordinal: int) -> None:
    """Refuse what a `{{ }}` may not hold, in the names of Python's own grammar.

    What is no Python at all is left to the parser. Raises TemplateSyntaxError with the tag's ordinal.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = ast.parse(f"({text}\n)", mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(parsed):
        if isinstance(node, _WITH_OPERATOR) and not isinstance(node.op, _ALLOWED):
            raise TemplateSyntaxError(f"Invalid {type(node).__name__}: {type(node.op).__name__}()", ordinal)
        if not isinstance(node, _ALLOWED):
            raise TemplateSyntaxError(f"Invalid {type(node).__name__}", ordinal)
