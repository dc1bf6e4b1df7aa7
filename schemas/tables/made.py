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
from typing import NamedTuple

from schemas.own_names import passage_tables, quarantine_table, views
from schemas.tables.actual import ActualTable

_MARK = "birdhouse_made"
_COMMENT = re.compile(r"\sCOMMENT '(?:[^'\\]|\\.|'')*'$", re.DOTALL)


class MadeColumn(NamedTuple):
    """A column: its type, and where its value comes from, `DEFAULT …` or of another kind; empty for a plain one."""

    type: str
    default: str


@dataclass(frozen=True, slots=True)
class MadeTable:
    """A table that keeps rows."""

    columns: dict[str, MadeColumn] = field(default_factory=dict)
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
        column.name: MadeColumn(column.type, f"{column.default_kind} {column.default}".strip())
        for column in table.columns.values()
    }
    return MadeTable(columns, table.engine, table.ttl)


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
            name: MadeTable({column: MadeColumn(*made) for column, made in columns.items()}, engine, ttl)
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
        table: (made_table.engine, {name: column.type for name, column in made_table.columns.items()})
        for table, made_table in made.tables.items()
    }
