"""Tables and views as ClickHouse describes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.tables.settings import DEDUPLICATION_WINDOW, WINDOW_SETTING, assignments

_TTL = re.compile(r"\sTTL\s(?P<ttl>.*?)(?=\sSETTINGS\s|$)", re.DOTALL)
_SETTINGS = re.compile(r".*\sSETTINGS\s(?P<settings>.*)", re.DOTALL)


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
    rows: int | None = None  # None where ClickHouse does not know without reading them

    @property
    def ttl(self) -> str:
        """ClickHouse's text of its TTL; empty when it has none."""
        found = _TTL.search(self.engine_full)
        return found["ttl"].strip() if found else ""

    @property
    def settings(self) -> dict[str, str]:
        """Name → value of the settings that it was given."""
        found = _SETTINGS.match(self.engine_full)
        return assignments(found["settings"]) if found else {}

    @property
    def window(self) -> int:
        """How many blocks it knows again; 0 when it knows none."""
        window = self.settings.get(WINDOW_SETTING, "")
        return int(window) if window.isdecimal() else 0

    @property
    def has_window(self) -> bool:
        """Whether it knows as many as a batch that is sent again needs."""
        return self.window >= DEDUPLICATION_WINDOW


@dataclass(frozen=True, slots=True)
class Actual:
    """A database: its tables, the data sources whose door is closed, the server's version, and whether a deploy is at
    it."""

    tables: Mapping[str, ActualTable] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    version: str = ""
    is_locked: bool = False
