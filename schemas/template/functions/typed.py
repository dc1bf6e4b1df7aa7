"""The functions that read one parameter as a value of a type."""

# ruff: noqa: ARG001 - the documented keywords are accepted, and every function is given the render

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from schemas.template.errors import (
    ParameterError,
)
from schemas.template.functions.registry import Function, declare, template_function
from schemas.template.rendering import Render
from schemas.template.values import parsing
from schemas.template.values.typed import FLOAT_TYPES, INTEGER_TYPES


def missing_message(names: list[str]) -> str:
    """The recorded text for a value that is required and was not given; it lists every name of the template."""
    listed = " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    return (
        f"Required parameter is not defined. Check the parameters {listed}. "
        "Please provide a value or set a default value in the pipe code."
    )


def _typed(name: str, parse: Callable[[object, str], object], parse_default: Function | None = None) -> Function:
    """A function that reads one parameter: its value, else its default, else an error (or None, if `defined=False`)."""
    of_default = parse_default or parse

    def function(
        render: Render,
        x: object,
        default: object = None,
        defined: bool = True,
        description: object = None,
        enum: object = None,
        example: object = None,
        format: object = None,
        required: object = None,
        parameter_name: str = "",
    ) -> object:
        if x is not None:
            return parse(x, parameter_name)
        if default is not None:
            return of_default(default, parameter_name)
        if not defined:
            return None
        raise ParameterError(render.missing, parameter=parameter_name)

    function.__name__ = function.__qualname__ = name
    return function


def _integer_parser(name: str) -> Callable[[object, str], object]:
    return lambda value, parameter: parsing.parse_integer(value, name, parameter)


def _plain_integer_parser(name: str) -> Callable[[object, str], object]:
    return lambda value, parameter: parsing.parse_plain_integer(value, name, parameter)


def _float_parser(name: str) -> Callable[[object, str], object]:
    return lambda value, parameter: parsing.parse_float(value, name, parameter)


def _dated(name: str, parse: Function) -> Function:
    return _typed(name, parse, partial(parse, is_default=True))


_TYPED: dict[str, Function] = {
    "String": _typed("String", parsing.parse_text),
    "Date": _dated("Date", parsing.parse_date),
    "DateTime": _dated("DateTime", parsing.parse_datetime),
    "DateTime64": _dated("DateTime64", parsing.parse_datetime64),
    **{name: _typed(name, _integer_parser(name)) for name in INTEGER_TYPES},
    **{name: _typed(name, _plain_integer_parser(name)) for name in ("Int", "Integer")},
    **{name: _typed(name, _float_parser(name)) for name in FLOAT_TYPES},
}
for _name, _function in _TYPED.items():
    declare(_name, _function, reads_parameter=True, is_typed=True)


@template_function(reads_parameter=True)
def Boolean(  # noqa: N802 - the template language's name
    render: Render, x: object, default: object = None, parameter_name: str = ""
) -> object:
    value = default if x is None else x
    return INTEGER_TYPES["UInt8"](value is not None and parsing.parse_boolean(value, parameter_name))
