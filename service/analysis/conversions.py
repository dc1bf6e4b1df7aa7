"""What is lost, or may fail, when a view's column is converted to the type of its target's, which nobody is told of."""

from __future__ import annotations

import re
from enum import Enum

_NUMBER = re.compile(r"^(U?)Int(\d+)$")
_FLOAT = re.compile(r"^B?Float(\d+)$")
_WRAPPERS = ("LowCardinality", "Nullable")
_TIMES = ("DateTime64", "DateTime")


class Loss(Enum):
    """For people."""

    NONE = ""
    NULLS = "a NULL would stop the inserts of what it reads from"
    RANGE = "numbers out of its range would be stored as others, silently"
    FRACTION = "fractions would be cut off silently"
    TIME = "the time of day would be cut off silently"
    TEXT = "a text that cannot be read as one would stop the inserts of what it reads from"
    OTHER = "values would be converted silently"


def loss_of(from_type: str, to_type: str) -> Loss:
    """What a conversion between two types of ClickHouse, as it writes them, may cost."""
    source, target = _simple(from_type), _simple(to_type)
    is_nullable = "Nullable(" in from_type.partition(source)[0]
    if is_nullable and "Nullable(" not in to_type.partition(target)[0] and target != "String":
        return Loss.NULLS
    if is_nullable and "Nullable(" not in to_type:
        return Loss.NULLS
    if source == target or target == "String":
        return Loss.NONE
    return _loss_of_values(source, target)


def _loss_of_values(source: str, target: str) -> Loss:
    number, wanted = _NUMBER.match(source), _NUMBER.match(target)
    if number and wanted:
        return Loss.NONE if _fits(number, wanted) else Loss.RANGE
    if (number or source in ("Bool", "Date", "Date32")) and _FLOAT.match(target):
        return Loss.NONE
    if source == "Bool" and wanted:
        return Loss.NONE
    if (first := _FLOAT.match(source)) and (second := _FLOAT.match(target)):
        return Loss.NONE if int(first[1]) <= int(second[1]) else Loss.FRACTION
    if _FLOAT.match(source) and wanted:
        return Loss.FRACTION
    if source.startswith(_TIMES) and target in ("Date", "Date32"):
        return Loss.TIME
    if source.startswith(_TIMES) and target.startswith(_TIMES):
        return Loss.NONE if _digits(source) <= _digits(target) else Loss.FRACTION
    if source in ("Date", "Date32") and target.startswith(("DateTime", "Date32")):
        return Loss.NONE
    if source == "String" or source.startswith("FixedString"):
        return Loss.TEXT
    if source.startswith("AggregateFunction") or source.partition("(")[0] == target.partition("(")[0]:
        return Loss.NONE  # what it takes it takes whole; members of arrays and tuples are not looked into
    return Loss.OTHER


def _simple(type_: str) -> str:
    """The type without what is around it, and without the function of a SimpleAggregateFunction."""
    while True:
        if type_.startswith("SimpleAggregateFunction("):
            type_ = _after_comma(type_[len("SimpleAggregateFunction(") : -1])
            continue
        outer = type_.partition("(")[0]
        if outer not in _WRAPPERS or not type_.endswith(")"):
            return type_
        type_ = type_[len(outer) + 1 : -1]


def _after_comma(arguments: str) -> str:
    depth = 0
    for number, character in enumerate(arguments):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            return arguments[number + 1 :].strip()
    return arguments


def _fits(number: re.Match[str], wanted: re.Match[str]) -> bool:
    is_unsigned, is_wanted_unsigned = bool(number[1]), bool(wanted[1])
    if is_unsigned == is_wanted_unsigned:
        return int(number[2]) <= int(wanted[2])
    return is_unsigned and int(number[2]) < int(wanted[2])


def _digits(time: str) -> int:
    found = re.match(r"^DateTime64\((\d)", time)
    return int(found[1]) if found else 0
