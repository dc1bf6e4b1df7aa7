"""What ClickHouse made of a data source, noted by the deploy that made it: so a change by hand can be seen.

The note is in the comment of the quarantine table. It holds ClickHouse's own texts, as a file's are written otherwise,
and the version that wrote them: another one may write them otherwise again, so that only names and types are compared
then.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.own_names import passage_tables, quarantine_table, views
from schemas.tables.actual import ActualTable
from schemas.tables.ddl import DEDUPLICATION_WINDOW, WINDOW_SETTING

_MARK = "birdhouse_made"
_TTL = re.compile(r"\sTTL\s(?P<ttl>.*?)(?=\sSETTINGS\s|$)", re.DOTALL)
_WINDOW = re.compile(rf"\b{WINDOW_SETTING}\s*=\s*(\d+)")
_COMMENT = re.compile(r"\sCOMMENT '(?:[^'\\]|\\.|'')*'$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MadeTable:
    """A table that keeps rows: by column its type and where its value comes from; engine and TTL."""

    columns: dict[str, tuple[str, str]] = field(default_factory=dict)
    engine: str = ""
    ttl: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """All that a data source's events go through. `passage` names the content of tables and views that keep nothing."""

    version: str
    tables: dict[str, MadeTable]
    passage: str


def made_of(name: str, actual: Mapping[str, ActualTable], version: str) -> Made:
    """What there is now of the data source `name`, all of whose tables exist."""
    kept = (name, quarantine_table(name))
    parts = [part for part in (*passage_tables(name), *views(name)) if part in actual]
    text = "\n".join(f"{part}: {_COMMENT.sub('', actual[part].definition)}" for part in parts)
    return Made(
        version,
        {table: _made_table(actual[table]) for table in kept if table in actual},
        hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def _made_table(table: ActualTable) -> MadeTable:
    columns = {
        column.name: (column.type, f"{column.default_kind} {column.default}".strip())
        for column in table.columns.values()
    }
    return MadeTable(columns, table.engine, _ttl(table))


def _ttl(table: ActualTable) -> str:
    found = _TTL.search(table.engine_full)
    return found["ttl"].strip() if found else ""


def to_note(made: Made) -> str:
    """The note as the comment's text."""
    tables = {name: [table.columns, table.engine, table.ttl] for name, table in made.tables.items()}
    return json.dumps(
        {_MARK: {"version": made.version, "tables": tables, "passage": made.passage}},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def from_note(comment: str) -> Made | None:
    """The note in a comment; None when there is none."""
    try:
        body = json.loads(comment)[_MARK]
        tables = {
            name: MadeTable({column: (kind, default) for column, (kind, default) in columns.items()}, engine, ttl)
            for name, (columns, engine, ttl) in body["tables"].items()
        }
        return Made(body["version"], tables, body["passage"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def is_as_made(made: Made, now: Made) -> bool:
    """Whether everything is as it was noted, as far as that can be told."""
    if made.version == now.version:
        return made == now
    return _structure(made) == _structure(now)


def _structure(made: Made) -> object:
    return {
        name: (table.engine, {column: kind for column, (kind, _) in table.columns.items()})
        for name, table in made.tables.items()
    }


def window_of(table: ActualTable) -> int:
    """How many blocks a table knows again; 0 when it knows none."""
    found = _WINDOW.search(table.engine_full)
    return int(found[1]) if found else 0


def has_window(table: ActualTable) -> bool:
    """Whether it knows as many as a batch that is sent again needs."""
    return window_of(table) >= DEDUPLICATION_WINDOW
