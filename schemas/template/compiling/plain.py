"""Which parts of a template surely become Python that compiles, so that this can wait for the first render."""

from __future__ import annotations

from jinja2 import nodes

# Statements and expressions that Jinja2 turns into Python whatever they hold, and how deep they may stand in each other
# for Python's own limits (20 blocks, 100 levels of indentation, 200 brackets) to be far away.
_PLAIN = frozenset(
    {nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Const, nodes.Name}
    | {nodes.Call, nodes.Getitem, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.CondExpr}
    | {nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos}
    | {nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow}
)
PLAIN_DEPTH = 12
_PLAIN_NUMBER = 2**64


def is_plain(node: nodes.Node) -> bool:
    """Whether nothing in the node itself could keep Python from compiling what Jinja2 makes of it."""
    if type(node) is nodes.Const:
        return not isinstance(node.value, int) or abs(node.value) < _PLAIN_NUMBER
    if type(node) is nodes.Name:
        return node.name.isascii()
    if type(node) is nodes.Call and node.kwargs:
        keys = {keyword.key for keyword in node.kwargs}
        return len(keys) == len(node.kwargs) and all(key.isascii() for key in keys)
    return type(node) in _PLAIN
