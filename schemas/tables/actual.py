"""Tables and views as ClickHouse describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ActualColumn:
    """A column as `system.columns` tells it."""

    name: str
    type: str
    default_kind: str = ""
    default: str = ""
    codec: str = ""


@dataclass(frozen=True, slots=True)
class ActualTable:
    """A table or view as `system.tables` tells it; `engine_full` holds the clauses behind the engine's name too, and
    `definition` all of it."""

    name: str
    engine: str
    engine_full: str = ""
    comment: str = ""
    partition_key: str = ""
    sorting_key: str = ""
    columns: Mapping[str, ActualColumn] = field(default_factory=dict)
    has_deleted_rows: bool = False  # by `DELETE FROM`, which only marks them
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Actual:
    """A database: its tables, the data sources whose door is closed, the server's version, and whether a deploy is at
    it."""

    tables: Mapping[str, ActualTable] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    version: str = ""
    is_locked: bool = False
