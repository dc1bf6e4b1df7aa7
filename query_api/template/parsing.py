"""Reads a caller's text as a value of a declared type, with Tinybird's validation and error texts."""

from __future__ import annotations

import re
from collections.abc import Callable

from query_api.template.errors import ParameterError
from query_api.template.moments import MomentText
from query_api.template.values import (
    FLOAT_TYPES,
    INTEGER_TYPES,
    TypedArray,
    TypedFloat,
    TypedInteger,
    integer_range,
)

# `$` lets one trailing newline through, and `\d` any script's digits: both are Tinybird's.
_SIGNED = re.compile(r"[+-]?\d+$")
_UNSIGNED = re.compile(r"\d+$")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
# Only the beginning is looked at; ClickHouse judges the rest.
_DATETIME = re.compile(r"\d+-\d+-\d+[T ]\d+:\d+:\d+")
_DATETIME64 = re.compile(r"\d+-\d+-\d+[T ]\d+:\d+:\d+[.,]\d+")
# Longer ones are out of every type's range, and int() would take quadratic time.
_MAX_DIGITS = 4_000
_MAX_SHOWN = 500

ACCEPTED = {
    "Float32": "a number",
    "Float64": "a number",
    "Date": "a date like 2024-01-31",
    "DateTime": "a date and time like 2024-01-31 10:00:00",
    "DateTime64": "a date and time with a fraction like 2024-01-31 10:00:00.000",
}


def _accepted(type_name: str) -> str:
    if type_name in INTEGER_TYPES:
        least, greatest = integer_range(type_name)
        return f"a whole number from {least} to {greatest}"
    return ACCEPTED.get(type_name, "a whole number")


def shown(value: object) -> str:
    """A value in an error's text, which no caller can make endless."""
    text = str(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"


def _refused(value: object, type_name: str, parameter: str) -> ParameterError:
    return ParameterError(
        f"Error validating '{shown(value)}' to type {type_name}", parameter=parameter, accepted=_accepted(type_name)
    )


def _whole_number(value: object, pattern: re.Pattern[str]) -> int | None:
    text = str(value)
    return int(text) if len(text) <= _MAX_DIGITS and pattern.match(text) else None


def parse_integer(value: object, type_name: str, parameter: str = "") -> TypedInteger:
    """A whole number of a ClickHouse type. Raises ParameterError."""
    number = _whole_number(value, _UNSIGNED if type_name.startswith("U") else _SIGNED)
    least, greatest = integer_range(type_name)
    if number is None or not least <= number <= greatest:
        raise _refused(value, type_name, parameter)
    return INTEGER_TYPES[type_name](number)


def parse_plain_integer(value: object, type_name: str, parameter: str = "") -> int:
    """`Int(x)` and `Integer(x)`: a whole number without a type of its own. Raises ParameterError."""
    number = _whole_number(value, _SIGNED)
    if number is None or number.bit_length() > 255:
        raise _refused(value, type_name, parameter)
    return number


def parse_float(value: object, type_name: str, parameter: str = "") -> TypedFloat:
    """A floating-point number, `inf` and `nan` among them. Raises ParameterError."""
    try:
        return FLOAT_TYPES[type_name](str(value))
    except ValueError:
        raise _refused(value, type_name, parameter) from None


def parse_boolean(value: object) -> bool:
    """`0`, `false` in any case and nothing are false, all else is true; never an error."""
    return str(value).lower() not in ("0", "false", "")


def parse_text(value: object) -> str:
    """A String: text as it is, anything else as Python writes it."""
    return value if isinstance(value, str) else str(value)


def _parse_dated(value: object, pattern: re.Pattern[str], type_name: str, parameter: str) -> str:
    text = str(value)
    if not pattern.match(text):
        raise _refused(value, type_name, parameter)
    return text


def parse_date(value: object, parameter: str = "") -> str:
    """A Date's text, its form alone checked. Raises ParameterError."""
    return _parse_dated(value, _DATE, "Date", parameter)


def parse_datetime(value: object, parameter: str = "") -> MomentText:
    """A DateTime's text, its beginning alone checked. Raises ParameterError."""
    return MomentText(_parse_dated(value, _DATETIME, "DateTime", parameter))


def parse_datetime64(value: object, parameter: str = "") -> MomentText:
    """A DateTime64's text with its fraction, its beginning alone checked. Raises ParameterError."""
    return MomentText(_parse_dated(value, _DATETIME64, "DateTime64", parameter))


def element_parser(element_type: str) -> tuple[str, Callable[[object], object]]:
    """The ClickHouse type of an array's elements, and what reads one; an unknown type means text."""
    if element_type in INTEGER_TYPES:
        return element_type, lambda value: parse_integer(value, element_type)
    if element_type in ("Int", "Integer"):
        return "Int64", lambda value: parse_integer(value, "Int64")
    if element_type in FLOAT_TYPES:
        return element_type, lambda value: parse_float(value, element_type)
    checks: dict[str, Callable[[object], object]] = {
        "Date": parse_date,
        "DateTime": parse_datetime,
        "DateTime64": parse_datetime64,
        "Boolean": lambda value: INTEGER_TYPES["UInt8"](parse_boolean(value)),
    }
    return ("UInt8" if element_type == "Boolean" else "String"), checks.get(element_type, parse_text)


def parse_array(value: object, element_type: str, parameter: str = "") -> TypedArray:
    """The elements of `a,b,c` (not trimmed) or of a list. Raises ParameterError for one that is not of its type."""
    parts = list(value) if isinstance(value, (list, tuple)) else str(value).split(",")
    clickhouse_type, parse = element_parser(element_type)
    elements = []
    for index, part in enumerate(parts):
        try:
            elements.append(parse(part))
        except ParameterError:
            listed = ",".join(str(each) for each in parts)
            text = "empty string" if part == "" else part
            raise ParameterError(
                f"Error validating [{shown(listed)}][{index}] ({shown(text)}) to type {element_type}",
                parameter=parameter,
                accepted=f"values separated by commas, each {_accepted(element_type)}",
            ) from None
    return TypedArray(elements, clickhouse_type)


def split_ahead(value: object) -> object:
    """What a bare `x` is in a node that has `Array(x, 'T')`: its parts, as texts whatever the type."""
    return value.split(",") if isinstance(value, str) else value
