"""Rows of an answer as they are compared: JSON whose numbers are what was written, and whose columns have an order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class Number(NamedTuple):
    """A number as its text: `1.0` is not `1`."""

    text: str


class Row(NamedTuple):
    """A row: its line as it was written, and its columns; a line that is no JSON object has none."""

    line: str
    columns: tuple[tuple[str, Any], ...] | None

    @property
    def content(self) -> object:
        """What makes two rows the same, however they are spaced and escaped."""
        return self.line.strip() if self.columns is None else self.columns

    def value(self, column: str | int) -> object:
        """By name, or by position from 1. Raises LookupError."""
        if self.columns is None:
            raise LookupError(column)
        return self.columns[column - 1][1] if isinstance(column, int) else dict(self.columns)[column]


def rows_of(text: str) -> list[Row]:
    """The rows of NDJSON; blank lines are none."""
    # At line feeds alone: a value may hold other line ends of Unicode.
    return [Row(line, _columns(line)) for line in text.split("\n") if line.strip()]


def shown(value: object) -> str:
    """A value as JSON writes it."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, _Object):
        return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{shown(each)}" for name, each in value) + "}"
    if isinstance(value, tuple):
        return "[" + ",".join(map(shown, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class _Object(tuple[tuple[str, Any], ...]):
    """A JSON object inside of a row."""

    __slots__ = ()


def _columns(line: str) -> tuple[tuple[str, Any], ...] | None:
    try:
        row = json.loads(line, object_pairs_hook=_pairs, parse_int=Number, parse_float=Number, parse_constant=Number)
    except (ValueError, RecursionError):
        return None
    return tuple(row) if isinstance(row, _Object) else None


def _pairs(pairs: list[tuple[str, Any]]) -> _Object:
    return _Object(_frozen(pairs))


def _frozen(pairs: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for name, value in pairs:
        yield name, _member(value)


def _member(value: Any) -> Any:
    return tuple(map(_member, value)) if isinstance(value, list) else value
