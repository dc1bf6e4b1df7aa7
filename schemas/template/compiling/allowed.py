"""Which expressions may stand in a `{{ }}` (Tinybird's list, narrower than what conditions may hold), and which tags
hold what is Python but no template's: the renders that come to them end, the others do not."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Literal

from jinja2.exceptions import TemplateSyntaxError

from schemas.template.compiling.tags import Segment

_ALLOWED = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Subscript, ast.Slice, ast.Dict, ast.List, ast.Tuple,
    ast.JoinedStr, ast.FormattedValue, ast.IfExp, ast.UnaryOp, ast.USub, ast.Not, ast.BinOp, ast.Add, ast.Sub, ast.Mult,
    ast.Call, ast.keyword, ast.Attribute,
)  # fmt: skip
_WITH_OPERATOR = (ast.BinOp, ast.UnaryOp, ast.BoolOp)
_EXPRESSION = "({}\n)"
_STATEMENTS = {"for": "for {}:\n pass", "set": "{}", "except": "try:\n pass\nexcept {}:\n pass"}
_STATEMENT_NODES = (ast.For, ast.Assign, ast.AugAssign, ast.Try)
_CONDITIONS = frozenset({"", "if", "elif", "while"})
_TARGETS = {
    "set": re.compile(r"([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*(?:[-+*/%]|//|\*\*)?=(?!=)", re.ASCII),
    "for": re.compile(r"([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s+in\b", re.ASCII),
}


def check_output(text: str, ordinal: int) -> None:
    """Refuse what a `{{ }}` may not hold, in the names of Python's own grammar.

    What is no Python at all is left to the parser. Raises TemplateSyntaxError with the tag's ordinal.
    """
    parsed = _parsed(_EXPRESSION.format(text))
    if parsed is None:
        return
    for node in ast.walk(parsed):
        if isinstance(node, _WITH_OPERATOR) and not isinstance(node.op, _ALLOWED):
            raise TemplateSyntaxError(f"Invalid {type(node).__name__}: {type(node.op).__name__}()", ordinal)
        if not isinstance(node, _ALLOWED):
            raise TemplateSyntaxError(f"Invalid {type(node).__name__}", ordinal)


def is_python(segment: Segment) -> bool:
    """Whether a tag that could not be read holds Python all the same, as Tinybird runs it: it may be that no request
    ever comes to it."""
    if segment.keyword in _CONDITIONS:
        return bool(segment.text) and _parsed(_EXPRESSION.format(segment.text)) is not None
    pattern = _STATEMENTS.get(segment.keyword)
    parsed = _parsed(pattern.format(segment.text), "exec") if pattern else None
    return isinstance(parsed, ast.Module) and len(parsed.body) == 1 and isinstance(parsed.body[0], _STATEMENT_NODES)


def target_of(segment: Segment) -> str:
    """The names, with commas between, that a `set` or a `for` gives a value; empty without."""
    pattern = _TARGETS.get(segment.keyword)
    found = pattern.match(segment.text) if pattern else None
    return found[1] if found else ""


def _parsed(text: str, mode: Literal["eval", "exec"] = "eval") -> ast.AST | None:
    """Python's own view of a text, None for what is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
