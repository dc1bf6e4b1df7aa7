"""Reads what a call such as `Int32(page, 1, description='…')` says of its parameter."""

from __future__ import annotations

from dataclasses import replace

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from schemas.template.errors import ParameterError
from schemas.template.functions.registry import TemplateFunction
from schemas.template.parameters import Parameter
from schemas.template.values.dates import is_impossible
from schemas.template.values.parsing import element_parser, shown

_DOCUMENTED = ("description", "required", "enum", "example", "format")
_DATED = frozenset({"Date", "DateTime", "DateTime64"})


class WrongDefaultError(Exception):
    """A default that no request could ever use, in the tag `ordinal`."""

    def __init__(self, message: str, ordinal: int) -> None:
        super().__init__(message)
        self.ordinal = ordinal


def expect_parameter(function: TemplateFunction, first: nodes.Const) -> None:
    """Refuse a literal in a parameter's place that cannot stand there: a number, a text that is not of the type."""
    if function.reads_parameter and isinstance(first.value, (int, float)):
        raise TemplateSyntaxError(f'"{first.value}" can not be used as a variable name', first.lineno)
    if function.is_typed and isinstance(first.value, str):
        try:
            element_parser(function.name)[1](first.value)
        except ParameterError as error:
            raise TemplateSyntaxError(error.message, first.lineno) from None


def declared_parameter(function: str, name: str, node: nodes.Call) -> Parameter:
    """What a call of a function says of the parameter `name`. Raises WrongDefaultError."""
    use = _declared(function, name, node)
    _check_default(function, use, node)
    return use


def _check_default(function: str, use: Parameter, node: nodes.Call) -> None:
    """Refuse a default of a date or time that does not exist: who leaves the parameter out would be answered 400."""
    kind = function if function != "Array" else (use.type or "").removeprefix("Array(").removesuffix(")")
    members = use.default if isinstance(use.default, tuple) else str(use.default).split(",")
    if kind not in _DATED or use.default is None:
        return
    for member in members if function == "Array" else [use.default]:
        if isinstance(member, str) and is_impossible(member):
            raise WrongDefaultError(
                f"the default '{shown(member)}' of `{use.name}` is a date or time that does not exist", node.lineno
            )


def _declared(function: str, name: str, node: nodes.Call) -> Parameter:
    default = _constant(node, 2 if function == "Array" else 1, ("default",))
    if function in ("column", "columns"):
        return Parameter(name, default=default, used_in="function_call")
    type_name = function
    if function == "Array":
        type_name = f"Array({_array_type(node)})"
    said = {key: _constant(node, None, (key,)) for key in _DOCUMENTED}
    enum = said["enum"]
    return replace(
        Parameter(name, type_name, default),
        description=None if said["description"] is None else str(said["description"]),
        required=None if said["required"] is None else bool(said["required"]),
        enum=enum if isinstance(enum, tuple) else None,
        example=said["example"],
        format=None if said["format"] is None else str(said["format"]),
    )


def _array_type(node: nodes.Call) -> str:
    return str(_constant(node, 1, ("type", "_type")) or "String")


def _constant(node: nodes.Call, position: int | None, keys: tuple[str, ...]) -> object:
    """The argument at a position or under a keyword, when it is a literal."""
    found = next((keyword.value for keyword in node.kwargs if keyword.key in keys), None)
    if found is None and position is not None and len(node.args) > position:
        found = node.args[position]
    return None if found is None else _literal(found)


def _literal(node: nodes.Node) -> object:
    if isinstance(node, nodes.Const):
        return node.value
    if isinstance(node, nodes.Neg):
        value = _literal(node.node)
        return -value if isinstance(value, (int, float)) else None
    if isinstance(node, (nodes.List, nodes.Tuple)):
        return tuple(_literal(item) for item in node.items)
    return None
