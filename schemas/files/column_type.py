"""ClickHouse type texts taken apart, with Tinybird's words for what is no type."""

from __future__ import annotations

import re
from difflib import get_close_matches

from schemas.files.type_aliases import meant_by
from schemas.model import ColumnType
from schemas.sql.text import identifier

MAX_DEPTH = 40
_GEOMETRY = ("Point", "Ring", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "Geometry")
_INTEGERS = tuple(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256))
_FLOATS = ("Float32", "Float64", "BFloat16")
_OTHERS = ("String", "UUID", "Date", "Date32", "DateTime", "Time", "Bool", "IPv4", "IPv6", "JSON", "Dynamic", "Object")
_UNITS = (
    "Nanosecond",
    "Microsecond",
    "Millisecond",
    "Second",
    "Minute",
    "Hour",
    "Day",
    "Week",
    "Month",
    "Quarter",
    "Year",
)
_INTERVALS = tuple(f"Interval{unit}" for unit in _UNITS)
_SIMPLE = frozenset((*_INTEGERS, *_FLOATS, *_OTHERS, *_GEOMETRY, *_INTERVALS, "Decimal", "Nothing"))
_NESTING = {"Nullable": 1, "LowCardinality": 1, "Array": 1, "Map": 2}
_NAMED = frozenset({"Tuple", "Nested"})
_DECIMALS = ("Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256")
_STATES = ("AggregateFunction", "SimpleAggregateFunction")
_WITH_ARGUMENTS = frozenset(
    ("FixedString", "DateTime64", "Time64", "Enum", "Enum8", "Enum16", "Variant", "QBit", *_DECIMALS, *_STATES)
)
_OPTIONAL_ARGUMENTS = frozenset({"DateTime", "JSON", "Dynamic", "Object"})
_REASONS = {"UInt": "Precision is mandatory for UInt types. Please use UInt32 or another width"}
# ClickHouse takes these names in any case; the schema keeps the one that ClickHouse shows.
_ANY_CASE = {name.lower(): name for name in ("Date", "DateTime", "DateTime64", "Decimal", "Bool", "JSON", "Date32")}
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIRST_ARGUMENT = {
    "DateTime64": (re.compile(r"[0-9]"), "a precision from 0 to 9"),
    "FixedString": (re.compile(r"[1-9][0-9]{0,6}"), "a number of bytes"),
    "Decimal": (re.compile(r"[1-9][0-9]?"), "a number of digits"),
    "DateTime": (re.compile(r"'[^'\\]+'"), "a time zone in single quotes, or DateTime64 with a precision"),
}


def parse_column_type(text: str, replaced: dict[str, str] | None = None) -> ColumnType:
    """The type of a text, in the time of its length. Raises ValueError, with a sentence for people, when it is none.

    `replaced` takes the words in it that are read as another type: `Int` → `Int32`.
    """
    return _parse(text, 0, {} if replaced is None else replaced)


def is_state(column_type: ColumnType | None) -> bool:
    """Whether a column holds states of an aggregate function, which only ClickHouse makes."""
    return column_type is not None and column_type.family == "AggregateFunction"


def nearest_family(text: str) -> str:
    """The family that a text which is none was probably meant to be, or ''."""
    family = text.partition("(")[0].strip()
    names = {name.lower(): name for name in (*_SIMPLE, *_NESTING, *_NAMED, *_WITH_ARGUMENTS)}
    near = get_close_matches(family.lower()[:40], names, n=1)
    return names[near[0]] if near else ""


def split_arguments(text: str) -> list[str]:
    """Split at the commas that stand outside brackets and quotes. Raises ValueError when those are not closed."""
    parts: list[str] = []
    depth, quote, start, position = 0, "", 0, 0
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'`\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                raise ValueError(f"`{_short(text)}` closes a bracket that is not open")
        elif character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
        position += 1
    if depth or quote:
        raise ValueError(f"`{_short(text)}` has an open {'quote' if quote else 'bracket'}")
    parts.append(text[start:].strip())
    return parts


def _parse(text: str, depth: int, replaced: dict[str, str]) -> ColumnType:
    text = text.strip()
    if depth > MAX_DEPTH:
        raise ValueError(f"the type is nested more than {MAX_DEPTH} deep")
    family, bracket, inside = text.partition("(")
    family = _ANY_CASE.get(family.strip().lower(), family.strip())
    if not bracket:
        return _without_arguments(family, depth, replaced)
    if not inside.endswith(")"):
        raise ValueError(f"the type `{_short(text)}` has no closing bracket, or something behind it")
    if meant := meant_by(family, inside[:-1]):
        replaced[text] = meant
        return _parse(meant, depth, replaced)
    arguments = split_arguments(inside[:-1])
    if arguments[-1] == "" and len(arguments) > 1:
        arguments.pop()
    if family in _NESTING:
        if len(arguments) != _NESTING[family]:
            raise ValueError(f"{family} takes {_NESTING[family]} type(s), `{_short(text)}` has {len(arguments)}")
        inner = tuple(_parse(argument, depth + 1, replaced) for argument in arguments)
        return ColumnType(family, f"{family}({', '.join(kind.text for kind in inner)})", (), inner)
    if family in _NAMED:
        return _members(family, arguments, depth, replaced)
    if family in _WITH_ARGUMENTS or family in _OPTIONAL_ARGUMENTS:
        return _with_parameters(family, arguments)
    if family in _SIMPLE:
        raise ValueError(f"{family} takes no arguments")
    raise ValueError(_reason(family))


def _without_arguments(family: str, depth: int, replaced: dict[str, str]) -> ColumnType:
    if family in _SIMPLE:
        return ColumnType(family, family)
    # ClickHouse's own precision where none is given.
    meant = "DateTime64(3)" if family == "DateTime64" else meant_by(family)
    if meant is not None:
        replaced[family] = meant
        return _parse(meant, depth, replaced)
    if family in _WITH_ARGUMENTS or family in _NESTING or family in _NAMED:
        raise ValueError(f"the type {family} needs arguments, as in `{family}(…)`")
    raise ValueError(_reason(family))


def _reason(family: str) -> str:
    return _REASONS.get(family, f"Unknown data type family: {_short(family)}")


def _with_parameters(family: str, arguments: list[str]) -> ColumnType:
    parameters = tuple(argument if "'" in argument else " ".join(argument.split()) for argument in arguments)
    rule = _FIRST_ARGUMENT.get(family)
    if rule is not None and not rule[0].fullmatch(parameters[0]):
        raise ValueError(f"`{_short(parameters[0])}` is no argument of {family}: it takes {rule[1]}")
    return ColumnType(family, f"{family}({', '.join(parameters)})", parameters)


def _members(family: str, arguments: list[str], depth: int, replaced: dict[str, str]) -> ColumnType:
    """A Tuple's or Nested's members: types, or names and types."""
    named = [_named(argument) for argument in arguments]
    names = tuple(name for name, _ in named if name)
    inner = tuple(_parse(kind, depth + 1, replaced) for _, kind in named)
    if names and len(names) != len(inner):
        raise ValueError(f"some members of the {family} have names and some have none")
    if family == "Nested" and not names:
        raise ValueError("the members of a Nested need names")
    texts = [kind.text for kind in inner]
    if names:
        texts = [f"{_as_shown(name)} {text}" for name, text in zip(names, texts, strict=True)]
    return ColumnType(family, f"{family}({', '.join(texts)})", (), inner, names)


def _named(argument: str) -> tuple[str, str]:
    """(name or '', type) of a member: a word with another word behind it is a name."""
    quote = argument[:1]
    if quote in ("`", '"') and (end := argument.find(quote, 1)) > 0:
        return argument[1:end], argument[end + 1 :]
    words = argument.split(None, 1)
    is_named = len(words) == 2 and "(" not in words[0] and not words[1].startswith("(")
    return (words[0], words[1]) if is_named else ("", argument)


def _as_shown(name: str) -> str:
    """A member's name as ClickHouse shows it: in backticks only where it has to be."""
    return name if _PLAIN_NAME.fullmatch(name) else identifier(name)


def _short(text: str) -> str:
    return text.strip()[:60]
