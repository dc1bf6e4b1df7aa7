"""The functions that make lists and objects of a value."""

# ruff: noqa: ARG001 - the documented keywords are accepted, and every function is given the render

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NoReturn

from schemas.template.errors import (
    ParameterError,
    TemplateRenderError,
)
from schemas.template.functions.registry import template_function
from schemas.template.operators import elements
from schemas.template.rendering import Render
from schemas.template.values import parsing
from schemas.template.values.json_values import document_of, plain_text
from schemas.template.values.kinds import kind_of


@template_function(reads_parameter=True)
def Array(  # noqa: N802 - the template language's name
    render: Render,
    x: object,
    _type: object = "String",
    default: object = None,
    defined: bool = True,
    required: object = None,
    description: object = None,
    enum: object = None,
    example: object = None,
    format: object = None,
    type: object = None,
    parameter_name: str = "",
) -> object:
    value = default if x is None else x
    if value is None:
        if not defined:
            return None
        raise ParameterError(render.missing, parameter=parameter_name)
    return parsing.parse_array(value, plain_text(type or _type), parameter_name)


@template_function(reads_parameter=True)
def JSON(  # noqa: N802 - the template language's name
    render: Render,
    x: object,
    default: object = "{}",
    description: object = None,
    required: object = None,
    example: object = None,
    format: object = None,
    parameter_name: str = "",
) -> object:
    value = default if x is None else x
    try:
        found = json.loads(value, parse_constant=_refuse_constant) if isinstance(value, str) else document_of(value)
    except ValueError as error:
        raise ParameterError(
            f"Error parsing JSON: '{parsing.shown(value)}' - {_json_problem(error)}",
            parameter=parameter_name,
            accepted="JSON",
        ) from None
    except RecursionError:
        raise ParameterError(
            "Error parsing JSON: it is nested too deep", parameter=parameter_name, accepted="JSON"
        ) from None
    return render.budget.checked(found)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _json_problem(error: ValueError) -> str:
    """What Tinybird's own error ends with, and nothing of Python's limits."""
    is_told = isinstance(error, json.JSONDecodeError) or str(error).endswith("is no JSON")
    return str(error) if is_told else "a number is too long"


@template_function()
def split_to_array(render: Render, x: object, default: object = "", separator: str = ",") -> object:
    value = default if x is None else x
    if isinstance(value, (list, tuple)):
        return list(value)
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise TemplateRenderError(f"split_to_array() takes text or a list, not {kind_of(value)}")
    return [part.strip() for part in str(value).split(separator)]


@template_function()
def enumerate_with_last(render: Render, values: object) -> Iterator[tuple[bool, object]]:
    if not isinstance(values, (str, list, tuple, range, dict)):
        raise TemplateRenderError(f"enumerate_with_last() takes a list, not {kind_of(values)}")
    count = len(values)
    return iter([(index == count - 1, item) for index, item in enumerate(elements(values))])
