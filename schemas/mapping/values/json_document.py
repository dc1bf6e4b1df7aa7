"""SQL that reads a whole JSON object into a column of the type JSON: each row by itself, typed paths strictly."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping

from schemas.files.column_type import parse_column_type
from schemas.mapping.extraction import MESSAGE, raw
from schemas.mapping.values import raw_json
from schemas.model import ColumnType
from schemas.sql.text import call, literal

SETTINGS: Mapping[str, int] = {
    # Each value keeps its own type until merges give the paths columns of their own. Otherwise ClickHouse tries the
    # types that the rows before have at a path, so that `[null]` behind `[[1]]` becomes `[[]]`, and a large integer
    # behind a fraction loses digits.
    "max_dynamic_subcolumns_in_json_type_parsing": 0,
    # Of two equal keys one would be lost as soon as the object is written as text again.
    "type_json_allow_duplicated_key_with_literal_and_nested_object": 0,
}
"""What a SELECT needs to be told that has `document` in it."""

_TYPED_PATH = re.compile(r"(?P<path>(?:`[^`]*`|[^\s`=])+)\s+(?P<type>.+)", re.DOTALL)
_MOST_DOTTED_KEYS = 5
"""Up to how many names a typed path is looked for under all keys that it may be spelled with: 16 for five names."""


def document(column_type: ColumnType, keys: tuple[str, ...]) -> str:
    """SQL: Nullable(JSON) of the object at `keys`, NULL when it is none or a value at a typed path is not of its
    type. ClickHouse alone takes 1.5 for an integer, and null for its default."""
    value = call("accurateCastOrNull", raw(keys) if keys else MESSAGE, literal(column_type.text))
    right = [
        f"({found} = '' OR {raw_json.is_right(kind, found)})"
        for path, kind in typed_paths(column_type)
        for found in (raw((*keys, *spelled)) for spelled in _spellings(path))
    ]
    return f"if({' AND '.join(right)}, {value}, NULL)" if right else value


def typed_paths(column_type: ColumnType) -> Iterator[tuple[tuple[str, ...], ColumnType]]:
    """The paths of `JSON(a.b UInt32, …)` with their types, without those whose type is not judged here."""
    for parameter in column_type.parameters:
        typed = _TYPED_PATH.fullmatch(parameter)
        if typed is None or typed["path"].upper() == "SKIP":
            continue
        with contextlib.suppress(ValueError):  # a type that is none: ClickHouse refuses the table
            kind = parse_column_type(typed["type"])
            if raw_json.is_member(kind):
                yield tuple(typed["path"].replace("`", "").split(".")), kind


def _spellings(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The keys under which ClickHouse finds a path: to it a dot in a key is one between two keys."""
    if len(path) > _MOST_DOTTED_KEYS:
        yield path
        yield (".".join(path),)
        return
    for length in range(1, len(path) + 1):
        head = ".".join(path[:length])
        if length == len(path):
            yield (head,)
        else:
            yield from ((head, *rest) for rest in _spellings(path[length:]))
