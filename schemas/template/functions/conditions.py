"""The functions about conditions, and what a value that is compared with a column becomes."""

# ruff: noqa: ARG001 - the documented keywords are accepted, and every function is given the render

from __future__ import annotations

from schemas.template.errors import (
    TemplateRenderError,
)
from schemas.template.functions.registry import template_function
from schemas.template.rendering import Render
from schemas.template.values.binding import typed_text
from schemas.template.values.moments import TimeText, compared_text
from schemas.template.values.typed import Fragment, SqlText, TypedArray

_OPERATORS = {"in": "in", "not_in": "not in", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@template_function()
def defined(render: Render, x: object = None) -> bool:
    return x is not None


def compared(render: Render, value: object, column: str) -> object:
    """A value that is compared with a column: times, and lists of them, become what the column can be compared with."""
    kind = render.column_kinds.get(column)
    if isinstance(value, TimeText):
        return compared_text(value, kind)
    if isinstance(value, TypedArray) and value and all(isinstance(each, TimeText) for each in value):
        made = [compared_text(each, kind) for each in value if isinstance(each, TimeText)]
        types = {typed_text(each)[0] for each in made}
        return TypedArray(made, types.pop()) if len(types) == 1 else value
    return value


@template_function()
def sql_and(render: Render, **conditions: object) -> object:
    pieces: list[object] = []
    for name, given in conditions.items():
        column_name, _, operator = name.partition("__")
        if operator and operator not in _OPERATORS:
            raise TemplateRenderError(f"operand {operator} not supported")
        value = compared(render, given, column_name)
        if value is not None:
            pieces += [SqlText(" and "), SqlText(f"{column_name} {_OPERATORS.get(operator, '=')} "), value]
    return Fragment(tuple(pieces[1:]))
