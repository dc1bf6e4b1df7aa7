"""Which functions a template may call, and with which arguments."""

from __future__ import annotations

from functools import cache
from inspect import Signature, signature

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from schemas.template.errors import TemplateRenderError
from schemas.template.functions.registry import FUNCTIONS, TemplateFunction


class WrongConstantError(Exception):
    """A constant in a call, in the tag `ordinal`, that no render takes."""

    def __init__(self, message: str, ordinal: int) -> None:
        super().__init__(message)
        self.ordinal = ordinal


# Tinybird's words for a call of what is no function.
_NO_FUNCTION = "wrong syntax, you might be using a not valid function inside a control block"


def function_named(name: str, lineno: int, *, in_output: bool) -> TemplateFunction:
    """The function of a name, as far as a `{{ }}` (`in_output`) or a block may call it."""
    known = FUNCTIONS.get(name)
    if known is None or (in_output and known.is_for_control):
        where = "" if in_output else f": {_NO_FUNCTION}"
        raise TemplateSyntaxError(f"Invalid function name: {name}{where}", lineno)
    return known


def expect_arguments(name: str, node: nodes.Call) -> None:
    """Refuse a call whose arguments the function does not take."""
    for keyword in node.kwargs:
        if keyword.key == "parameter_name" or keyword.key.startswith("_"):
            raise TemplateSyntaxError(f"{name}() takes no `{keyword.key}`", node.lineno)
    if name == "sql_and" and node.args:
        raise TemplateSyntaxError("sql_and() takes keywords only, as in sql_and(country=country)", node.lineno)
    keys = [keyword.key for keyword in node.kwargs]
    known = _signature(name)
    try:
        known.bind(None, *node.args, **dict.fromkeys(keys))
    except TypeError:
        unknown = next((key for key in keys if key not in known.parameters), "")
        what = f"no `{unknown}`" if unknown else f"other arguments: {_usage(name, known)}"
        raise TemplateSyntaxError(f"{name}() takes {what}", node.lineno) from None
    if name == "columns":
        _expect_function_name(node)
    _expect_constant(FUNCTIONS[name], node)


def _expect_constant(function: TemplateFunction, node: nodes.Call) -> None:
    if function.expect is None or not node.args or not isinstance(node.args[0], nodes.Const):
        return
    try:
        function.expect(node.args[0].value)
    except TemplateRenderError as error:
        raise WrongConstantError(error.message, node.lineno) from None


def _expect_function_name(node: nodes.Call) -> None:
    """`columns(…, fn='max')`: the one text of a template that becomes SQL as it is."""
    fn = next((each.value for each in node.kwargs if each.key == "fn"), None)
    fn = fn or (node.args[2] if len(node.args) > 2 else None)
    is_name = isinstance(fn, nodes.Const) and isinstance(fn.value, str) and fn.value.isidentifier()
    if fn is not None and not is_name:
        raise TemplateSyntaxError("columns() takes a function's name as text for `fn`", node.lineno)


@cache
def _signature(name: str) -> Signature:
    return signature(FUNCTIONS[name].call)


def _usage(name: str, known: Signature) -> str:
    """How a function is called, as far as its first arguments."""
    hidden = ("render", "parameter_name")
    shown = [each for each in known.parameters if each not in hidden and not each.startswith("_")]
    return f"write {name}({', '.join(shown[:3])})"
