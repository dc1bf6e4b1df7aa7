"""What was deployed, written into the table's comment: the file's own texts, so that the next deploy compares like with
like instead of ClickHouse's rewriting of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from schemas.model import DataSource
from schemas.tables.ddl import engine_arguments, index_ddl, indexes_of, projection_ddl

_MARK = "birdhouse"


@dataclass(frozen=True, slots=True)
class ColumnRecord:
    type: str
    default: str | None = None
    codec: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A data source's table as a file describes it. `keys` are engine and clauses that no ALTER can change."""

    columns: dict[str, ColumnRecord] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    ttl: str = ""
    settings: str = ""
    indexes: dict[str, str] = field(default_factory=dict)
    projections: dict[str, str] = field(default_factory=dict)


def record_of(data_source: DataSource) -> Record:
    engine = data_source.engine
    keys = {
        "engine": f"{engine.name}({', '.join(engine_arguments(engine))})",
        "partition key": engine.partition_key or "",
        "sorting key": engine.sorting_key or "",
        "primary key": engine.primary_key or "",
        "sampling key": engine.sampling_key or "",
    }
    columns = {
        column.name: ColumnRecord(column.type.text if column.type else "", column.default, column.codec)
        for column in data_source.columns
    }
    indexes = {index.name: index_ddl(index) for index in indexes_of(data_source)}
    projections = {projection.name: projection_ddl(projection) for projection in data_source.projections}
    return Record(columns, keys, engine.ttl or "", engine.settings or "", indexes, projections)


def to_comment(record: Record) -> str:
    """The record as the comment's text."""
    columns = {name: [column.type, column.default, column.codec] for name, column in record.columns.items()}
    body: dict[str, object] = {
        "columns": columns,
        "keys": record.keys,
        "ttl": record.ttl,
        "settings": record.settings,
        "indexes": record.indexes,
    }
    if record.projections:
        body["projections"] = record.projections
    return json.dumps({_MARK: body}, ensure_ascii=False, separators=(",", ":"))


def from_comment(comment: str) -> Record | None:
    """The record in a comment; None when the comment is somebody else's, or none."""
    try:
        body = json.loads(comment)[_MARK]
        columns = {name: ColumnRecord(*column) for name, column in body["columns"].items()}
        return Record(
            columns, body["keys"], body["ttl"], body["settings"], body["indexes"], body.get("projections", {})
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
