"""Reads a caller's text as a value of a declared type, with Tinybird's validation and error texts."""

from __future__ import annotations

import re
from collections.abc import Callable

from schemas.template.errors import ParameterError, ValueTooLargeError
from schemas.template.values.dates import DATETIME, existing_date, existing_moment, is_in_range
from schemas.template.values.json_values import plain_text
from schemas.template.values.kinds import kind_of
from schemas.template.values.moments import DateText, MomentText
from schemas.template.values.typed import (
    FLOAT_TYPES,
    INTEGER_TYPES,
    TypedArray,
    TypedFloat,
    TypedInteger,
    integer_range,
)

# What ClickHouse's own readers take and no more (tried on 26.9): ASCII digits, nothing around them. Python's int() and
# float() would also take `1_0`, digits of any script and space around them.
_SIGNED = re.compile(r"[+-]?[0-9]+")
_UNSIGNED = re.compile(r"[0-9]+")
_FLOAT = re.compile(
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE | re.ASCII
)
# Longer ones are out of every type's range, and int() would take quadratic time.
_MAX_DIGITS = 4_000
_MAX_SHOWN = 500
# No more fit ClickHouse's 128 KiB for one value, each with its comma.
_MAX_MEMBERS = 65_536
_SCALARS = (str, bool, int, float)

ACCEPTED = {
    "Float32": "a number",
    "Float64": "a number",
    "Date": "a date that exists, like 2024-01-31, from 1900-01-01 to 2299-12-31",
    "Date32": "a date that exists, like 2024-01-31, from 1900-01-01 to 2299-12-31",
    "DateTime": "a date and time that exist, like 2024-01-31 10:00:00, from the years 1900 to 2299",
    "DateTime64": "a date and time that exist, with a fraction, like 2024-01-31 10:00:00.000, "
    "from the years 1900 to 2299",
    "Boolean": "one value such as `true` or `0`",
    "String": "text",
}


def _accepted(type_name: str) -> str:
    if type_name in INTEGER_TYPES:
        least, greatest = integer_range(type_name)
        return f"a whole number from {least} to {greatest}"
    return ACCEPTED.get(type_name, "text" if type_name not in ("Int", "Integer") else "a whole number")


def shown(value: object) -> str:
    """A value in an error's text, which no caller can make endless."""
    text = plain_text(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"


def _refused(value: object, type_name: str, parameter: str) -> ParameterError:
    return ParameterError(
        f"Error validating '{shown(value)}' to type {type_name}", parameter=parameter, accepted=_accepted(type_name)
    )


def _whole_number(value: object, pattern: re.Pattern[str]) -> int | None:
    text = plain_text(value)
    return int(text) if len(text) <= _MAX_DIGITS and pattern.fullmatch(text) else None


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
    text = plain_text(value)
    if len(text) > _MAX_DIGITS or not _FLOAT.fullmatch(text):
        raise _refused(value, type_name, parameter)
    return FLOAT_TYPES[type_name](text)


def parse_boolean(value: object, parameter: str = "") -> bool:
    """`0`, `false` in any case and nothing are false, all else is true. Raises ParameterError for what is no scalar."""
    if not isinstance(value, _SCALARS):
        raise _refused(value, "Boolean", parameter)
    return str(value).lower() not in ("0", "false", "")


def parse_text(value: object, parameter: str = "") -> str:
    """A String: text as it is, a list or an object as JSON. Raises ParameterError for a column or symbol, and null."""
    if not isinstance(value, (*_SCALARS, list, tuple, dict)):
        raise _refused(value, "String", parameter)
    return plain_text(value)


def parse_date(value: object, parameter: str = "", is_default: bool = False) -> DateText:
    """A Date's text. Raises ParameterError for one of another form, one that does not exist, and one out of range.

    A default of the author's may be out of range: some write 9999-12-31 for a time without end.
    """
    text = plain_text(value)
    found = existing_date(text)
    if found is None or not (is_default or is_in_range(found)):
        raise _refused(value, "Date", parameter)
    return DateText(text)


def parse_datetime(value: object, parameter: str = "", is_default: bool = False) -> MomentText:
    """A DateTime's text. Raises ParameterError, as `parse_date` does."""
    return _parse_moment(value, "DateTime", parameter, is_default)


def parse_datetime64(value: object, parameter: str = "", is_default: bool = False) -> MomentText:
    """A DateTime64's text with its fraction. Raises ParameterError, as `parse_date` does."""
    return _parse_moment(value, "DateTime64", parameter, is_default)


def _parse_moment(value: object, type_name: str, parameter: str, is_default: bool) -> MomentText:
    text = plain_text(value)
    match = DATETIME.fullmatch(text)
    moment = existing_moment(match) if match else None
    if match is None or moment is None or not (is_default or is_in_range(moment)):
        raise _refused(value, type_name, parameter)
    if type_name == "DateTime64" and match["fraction"] is None:
        raise _refused(value, type_name, parameter)
    return MomentText.of(match, moment)


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
        "Date32": parse_date,
        "DateTime": parse_datetime,
        "DateTime64": parse_datetime64,
        "Boolean": lambda value: INTEGER_TYPES["UInt8"](parse_boolean(value)),
    }
    return ("UInt8" if element_type == "Boolean" else "String"), checks.get(element_type, parse_text)


def parse_array(value: object, element_type: str, parameter: str = "") -> TypedArray:
    """The elements of `a,b,c` (not trimmed) or of a list. Raises ParameterError for one that is not of its type."""
    if not isinstance(value, (*_SCALARS, list, tuple)):
        raise ParameterError(
            f"Error validating {kind_of(value)} to type Array({element_type})",
            parameter=parameter,
            accepted="a list, or its members separated by commas",
        )
    parts = list(value) if isinstance(value, (list, tuple)) else str(value).split(",")
    if len(parts) > _MAX_MEMBERS:
        raise ValueTooLargeError(
            f"an array has more than the {_MAX_MEMBERS} elements that ClickHouse takes as one value"
        )
    clickhouse_type, parse = element_parser(element_type)
    elements = []
    for index, part in enumerate(parts):
        try:
            elements.append(parse(part))
        except ParameterError:
            listed = ",".join(plain_text(each) for each in parts)
            text = "empty string" if part == "" else part
            raise ParameterError(
                f"Error validating [{shown(listed)}][{index}] ({shown(text)}) to type {element_type}",
                parameter=parameter,
                accepted=f"a list of values, each {_accepted(element_type)}",
            ) from None
    return TypedArray(elements, clickhouse_type)


def split_ahead(value: object) -> object:
    """What a bare `x` is in a node that has `Array(x, 'T')`: its parts, as texts whatever the type."""
    return value.split(",") if isinstance(value, str) else value
