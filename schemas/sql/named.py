"""What a statement names: tables, table functions, settings and a format, each with its place in the text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, or what may be one after IN (`is_operand`), at `start:end` of the text."""

    parts: tuple[str, ...]
    start: int
    end: int
    has_alias: bool = False
    is_operand: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class TableFunction:
    """A table function after FROM or JOIN, at `start` of the text."""

    name: str
    start: int


@dataclass(frozen=True, slots=True)
class Setting:
    """One name of a SETTINGS clause."""

    name: str
    start: int


@dataclass(frozen=True, slots=True)
class FormatClause:
    """`FORMAT name`, at `start:end` of the text."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SqlNames:
    """What a statement names. `defined` are the names that it defines itself with WITH, at any depth.

    `end` is where the statement ends without its `;`. `with_end` is where the first item of its leading WITH
    starts, None when it does not begin with one; `starts_with_bracket` whether it begins with `(`.
    """

    tables: tuple[TableName, ...]
    functions: tuple[TableFunction, ...]
    settings: tuple[Setting, ...]
    defined: frozenset[str]
    start: int
    end: int
    with_end: int | None
    starts_with_bracket: bool
    format: FormatClause | None
