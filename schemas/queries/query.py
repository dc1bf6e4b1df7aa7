"""A statement for ClickHouse with its bound values, as it is handed to whoever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Query:
    """`sql` holds `{name:Type}` for every bound value and no value of a caller.

    `parameters` maps each name to its unescaped text, as ClickHouse would parse it for its type (an array as
    `['a','b']`); the transport does its own escaping. ClickHouse's HTTP interface undoes TSV escapes for text and
    numbers alone: the parameters in `verbatim` (arrays, maps, identifiers) must be sent without them (tried on
    26.9). `settings` are ClickHouse settings the template asked for; `cache_seconds` is how long it lets the answer be
    kept, None where it does not say.
    """

    sql: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    verbatim: frozenset[str] = frozenset()
    cache_seconds: int | None = None


# A list's members are text, `JsonLiteral`, None (JSON's null), or lists and objects of those.
Value = str | list[Any]


Values = Mapping[str, Value]
