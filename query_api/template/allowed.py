"""Which expressions may stand in a `{{ }}`: Tinybird's list, narrower than what conditions may hold."""

from __future__ import annotations

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

_ALLOWED = (
    nodes.Const, nodes.Name, nodes.Getitem, nodes.Slice, nodes.Dict, nodes.Pair, nodes.List, nodes.Tuple,
    nodes.CondExpr, nodes.Neg, nodes.Not, nodes.Add, nodes.Sub, nodes.Mul, nodes.Call, nodes.Keyword, nodes.Getattr,
)  # fmt: skip
# As Python calls what Tinybird refuses there.
_PYTHON_NAMES = {
    nodes.Div: "BinOp: Div()",
    nodes.FloorDiv: "BinOp: FloorDiv()",
    nodes.Mod: "BinOp: Mod()",
    nodes.Pow: "BinOp: Pow()",
    nodes.Pos: "UnaryOp: UAdd()",
    nodes.And: "BoolOp: And()",
    nodes.Or: "BoolOp: Or()",
    nodes.Compare: "Compare",
    nodes.Test: "Compare",
}


def check_output(expression: nodes.Expr) -> None:
    """Refuse what a `{{ }}` may not hold. Raises TemplateSyntaxError with the tag's ordinal."""
    for node in (expression, *expression.find_all(nodes.Expr)):
        if not isinstance(node, _ALLOWED):
            kind = _PYTHON_NAMES.get(type(node), type(node).__name__)
            raise TemplateSyntaxError(f"Invalid {kind}", expression.lineno)
