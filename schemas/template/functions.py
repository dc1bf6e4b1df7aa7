"""The functions a template may call, as Tinybird documents them."""

# ruff: noqa: ARG001 - the documented keywords are accepted, and every function is given the render

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import NoReturn

from schemas.template.errors import (
    CustomReportedError,
    ParameterError,
    ReportedError,
    TemplateLimitError,
    TemplateRenderError,
)
from schemas.template.operators import elements
from schemas.template.rendering import Render
from schemas.template.values import parsing
from schemas.template.values.binding import typed_text
from schemas.template.values.date_functions import DATE_FUNCTIONS
from schemas.template.values.json_values import document_of, plain_text
from schemas.template.values.kinds import kind_of
from schemas.template.values.moments import MomentText, compared_text
from schemas.template.values.typed import FLOAT_TYPES, INTEGER_TYPES, Fragment, Identifier, SqlText, TypedArray

Function = Callable[..., object]
FUNCTIONS: dict[str, Function] = {}

_MAX_THREADS = 64
_DIGITS = re.compile(r"[+-]?[0-9A-Za-z]+")
_OPERATORS = {"in": "in", "not_in": "not in", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


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


TYPED: dict[str, Function] = {
    "String": _typed("String", parsing.parse_text),
    "Date": _dated("Date", parsing.parse_date),
    "DateTime": _dated("DateTime", parsing.parse_datetime),
    "DateTime64": _dated("DateTime64", parsing.parse_datetime64),
    **{name: _typed(name, _integer_parser(name)) for name in INTEGER_TYPES},
    **{name: _typed(name, _plain_integer_parser(name)) for name in ("Int", "Integer")},
    **{name: _typed(name, _float_parser(name)) for name in FLOAT_TYPES},
}
FUNCTIONS.update(TYPED)


def _function(function: Function) -> Function:
    FUNCTIONS[function.__name__.rstrip("_")] = function
    return function


@_function
# Named as in the template language, as are Array and JSON.
def Boolean(render: Render, x: object, default: object = None, parameter_name: str = "") -> object:  # noqa: N802
    value = default if x is None else x
    return INTEGER_TYPES["UInt8"](value is not None and parsing.parse_boolean(value, parameter_name))


@_function
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


@_function
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


@_function
def defined(render: Render, x: object = None) -> bool:
    return x is not None


def _name(name: object, function: str, parameter: str = "") -> str:
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


@_function
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
    return Fragment(tuple(_dotted(_name(name, "column", parameter_name))))


@_function
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


@_function
def symbol(render: Render, x: object, quote: object = "`") -> object:
    name = _name(x, "symbol")
    around = _name(quote, "symbol")
    return _identifier(name if around in ("`", '"') else f"{around}{name}{around}")


@_function
def table(render: Render, x: object) -> object:
    name = render.table_name(x) if isinstance(x, str) else None
    if name is None:
        given = f"'{parsing.shown(x)}'" if isinstance(x, str) else kind_of(x)
        raise TemplateRenderError(f"table() takes the name of a data source, node or pipe of the project, not {given}")
    return Fragment((SqlText(name),))


FUNCTIONS["TABLE"] = table


def compared(render: Render, value: object, column: str) -> object:
    """A value that is compared with a column: times, and lists of them, become what the column can be compared with."""
    kind = render.column_kinds.get(column)
    if isinstance(value, MomentText):
        return compared_text(value, kind)
    if isinstance(value, TypedArray) and value and all(isinstance(each, MomentText) for each in value):
        made = [compared_text(each, kind) for each in value if isinstance(each, MomentText)]
        types = {typed_text(each)[0] for each in made}
        return TypedArray(made, types.pop()) if len(types) == 1 else value
    return value


@_function
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


@_function
def split_to_array(render: Render, x: object, default: object = "", separator: str = ",") -> object:
    value = default if x is None else x
    if isinstance(value, (list, tuple)):
        return list(value)
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise TemplateRenderError(f"split_to_array() takes text or a list, not {kind_of(value)}")
    return [part.strip() for part in str(value).split(separator)]


@_function
def enumerate_with_last(render: Render, values: object) -> Iterator[tuple[bool, object]]:
    if not isinstance(values, (str, list, tuple, range, dict)):
        raise TemplateRenderError(f"enumerate_with_last() takes a list, not {kind_of(values)}")
    count = len(values)
    return iter([(index == count - 1, item) for index, item in enumerate(elements(values))])


@_function
def sql_unescape(render: Render, x: object, what: object = "") -> object:
    """Tinybird undoes its own escaping here; a bound value has none, so it is the value itself."""
    return None if x is None else parsing.parse_text(x)


@_function
def error(render: Render, message: object = "", *_: object) -> NoReturn:
    raise ReportedError(parsing.shown(message) if not isinstance(message, str) else message)


@_function
def custom_error(render: Render, body: object = "", code: object = 400) -> NoReturn:
    status = code if isinstance(code, int) and 400 <= code < 600 else 400
    document = document_of(body)
    raise CustomReportedError(document if isinstance(document, dict) else plain_text(body), int(status))


@_function
def max_threads(render: Render, count: object) -> object:
    number = parsing.parse_plain_integer(count, "Int")
    render.settings["max_threads"] = str(min(max(number, 1), _MAX_THREADS))
    return Fragment(())


@_function
def cache_ttl(render: Render, expression: object) -> object:
    accepted = ("5s", "1m", "5m", "30m", "1h")
    if expression not in accepted:
        raise TemplateRenderError(f"Invalid TTL cache expression, valid expressions are {accepted}")
    return Fragment(())


@_function
def activate(render: Render, feature: object) -> object:
    if feature not in ("analyzer", "parallel_replicas", "optimize_aggregation_in_order"):
        raise TemplateRenderError(f"'{parsing.shown(feature)}' is not a valid 'activate' argument")
    if feature == "optimize_aggregation_in_order":
        render.settings["optimize_aggregation_in_order"] = "1"
    return Fragment(())


@_function
def disable(render: Render, feature: object) -> object:
    if feature != "analyzer":
        raise TemplateRenderError(f"'{parsing.shown(feature)}' is not a valid 'disable' argument")
    return Fragment(())


@_function
def backend_hint(render: Render, hint: object) -> object:
    return Fragment(())


@_function
def tb_secret(render: Render, name: object, default: object = None) -> object:
    key = _name(name, "tb_secret")
    value = render.secrets.get(key, default)
    if value is None:
        raise TemplateRenderError(
            f"Cannot access secret '{key}'. Check the secret exists in the Workspace and the token has the "
            "required scope."
        )
    return parsing.parse_text(value)


FUNCTIONS["tb_var"] = tb_secret


def _list(render: Render, x: object = ()) -> object:
    return render.budget.checked(list(elements(x)))


def _int(render: Render, x: object = 0, base: object = None) -> object:
    if isinstance(x, str) and len(x) > 4_000:
        raise TemplateLimitError("the template reads a number of more than 4000 digits")
    if base is None:
        return render.budget.checked(parsing.parse_plain_integer(x, "Int") if isinstance(x, str) else int(x))  # type: ignore[call-overload]
    if not isinstance(x, str) or not _DIGITS.fullmatch(x):
        raise TemplateRenderError(f"int() with a base takes digits, not {kind_of(x)}")
    return render.budget.checked(int(x, base))  # type: ignore[call-overload]


def _float(render: Render, x: object = 0.0) -> object:
    return float(parsing.parse_float(x, "Float64")) if isinstance(x, str) else float(x)  # type: ignore[arg-type]


def _builtin(name: str, function: Callable[..., object]) -> Function:
    """Python's own function, once what it goes through is known to end."""

    def guarded(render: Render, *given: object, **keywords: object) -> object:
        return render.budget.checked(function(*given, **keywords))

    guarded.__name__ = guarded.__qualname__ = name
    return guarded


def _sum(values: object) -> object:
    return sum(elements(values))  # type: ignore[arg-type]  # what cannot be summed raises, and that is told


def _sorted(values: object) -> object:
    return sorted(elements(values))  # type: ignore[type-var]  # what cannot be sorted raises, and that is told


def _enumerate(values: object) -> object:
    return [(index, item) for index, item in enumerate(elements(values))]


def _zip(*lists: object) -> object:
    return [*zip(*(elements(each) for each in lists), strict=False)]


def _range(render: Render, *bounds: int) -> range:
    made = range(*bounds)
    if len(made) > render.budget.limits.steps:
        raise TemplateLimitError(f"range() of more than {render.budget.limits.steps} numbers")
    return made


FUNCTIONS.update(
    {
        "list": _list,
        "int": _int,
        "float": _float,
        "range": _range,
        **{function.__name__: _builtin(function.__name__, function) for function in (len, min, max, bool, abs)},
        "str": _builtin("str", lambda x="": "None" if x is None else plain_text(x)),
        "sum": _builtin("sum", _sum),
        "sorted": _builtin("sorted", _sorted),
        "enumerate": _builtin("enumerate", _enumerate),
        "zip": _builtin("zip", _zip),
        **DATE_FUNCTIONS,
    }
)

# In `{{ }}` Tinybird has no more of Python's builtins than these.
OUTPUT_BUILTINS = frozenset({"len", "list", "min", "max", "int", "float"})
CONTROL_BUILTINS = OUTPUT_BUILTINS | {"str", "bool", "abs", "sum", "sorted", "range", "enumerate", "zip"}
# These read a parameter: their first argument is its name.
READS_PARAMETER = frozenset({*TYPED, "Boolean", "Array", "JSON", "column", "columns"})
