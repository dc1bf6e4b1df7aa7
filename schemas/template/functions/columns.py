"""The functions that write a name into the SQL: of columns, tables and anything else."""

# ruff: noqa: ARG001 - the documented keywords are accepted, and every function is given the render

from __future__ import annotations

from schemas.template.errors import (
    ParameterError,
    TemplateRenderError,
)
from schemas.template.functions.registry import template_function
from schemas.template.rendering import Render
from schemas.template.values import parsing
from schemas.template.values.kinds import kind_of
from schemas.template.values.typed import Fragment, Identifier, SqlText


def name_text(name: object, function: str, parameter: str = "") -> str:
    """The text of a name. Raises ParameterError for what is none, as a list."""
    if not isinstance(name, (str, int, float)) or isinstance(name, bool):
        raise ParameterError(
            f"{function}() takes the text of a name, not {kind_of(name)}", parameter=parameter, accepted="a name"
        )
    return str(name)


def _identifier(name: str) -> Identifier:
    """A part of a name, without the double quotes that Tinybird takes out of names."""
    return Identifier(name.replace('"', ""))


def _dotted(name: str) -> list[object]:
    pieces: list[object] = []
    for part in name.split("."):
        pieces += [SqlText("."), _identifier(part)]
    return pieces[1:]


@template_function(reads_parameter=True)
def column(
    render: Render,
    x: object = None,
    default: object = None,
    parameter_name: str = "",
) -> object:
    name = default if x is None else x
    if name is None:
        raise ParameterError(
            "Missing column() default value, use `column(column_name, 'default_column_name')`",
            parameter=parameter_name,
            accepted="the name of a column",
        )
    return Fragment(tuple(_dotted(name_text(name, "column", parameter_name))))


@template_function(reads_parameter=True)
def columns(
    render: Render,
    x: object = None,
    default: object = None,
    fn: str | None = None,
    parameter_name: str = "",
) -> object:
    names = default if x is None else x
    if names is None:
        raise ParameterError(
            "Missing columns() default value, use `columns(column_names, 'default_column_name')`",
            parameter=parameter_name,
            accepted="names separated by commas, as one text",
        )
    if not isinstance(names, str):
        raise ParameterError(
            "The 'columns' function expects a String not an Array",
            parameter=parameter_name,
            accepted="names separated by commas, as one text",
        )
    pieces: list[object] = []
    for name in names.split(","):
        dotted = _dotted(name.strip())
        pieces.append(SqlText(","))
        # `fn` is a name in the template's own text: the compiler takes a literal there and nothing else.
        pieces += [SqlText(f"{fn}("), *dotted, SqlText(") as "), _identifier(name.strip())] if fn else dotted
    return Fragment(tuple(pieces[1:]))


@template_function()
def symbol(render: Render, x: object, quote: object = "`") -> object:
    name = name_text(x, "symbol")
    around = name_text(quote, "symbol")
    return _identifier(name if around in ("`", '"') else f"{around}{name}{around}")


@template_function("TABLE")
def table(render: Render, x: object) -> object:
    name = render.table_name(x) if isinstance(x, str) else None
    if name is None:
        given = f"'{parsing.shown(x)}'" if isinstance(x, str) else kind_of(x)
        raise TemplateRenderError(f"table() takes the name of a data source, node or pipe of the project, not {given}")
    return Fragment((SqlText(name),))
