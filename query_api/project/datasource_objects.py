"""Data sources as the objects that Tinybird's tools read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from query_api.engine.execute import Executor
from query_api.engine.limits import Limits
from query_api.engine.rows import read_objects
from query_api.errors import RequestError
from query_api.ids import resource_id
from schemas.feed import feeds_of
from schemas.model import Column, DataSource
from schemas.queries.catalog import Catalog
from schemas.queries.query import Query

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """What a table holds; None where the engine does not count."""

    rows: int | None
    bytes: int | None


async def table_sizes(executor: Executor, limits: Limits, query_id: str) -> Mapping[str, Size]:
    """The sizes of all tables by name; none when ClickHouse cannot be asked."""
    question = Query(
        "SELECT name, toString(total_rows) AS rows, toString(total_bytes) AS bytes FROM system.tables "
        "WHERE database = currentDatabase()"
    )
    try:
        rows = await read_objects(executor, limits, question, query_id)
        return {row["name"]: Size(_number(row["rows"]), _number(row["bytes"])) for row in rows}
    except RequestError:
        return {}


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def data_source_object(source: DataSource, catalog: Catalog, readable: Iterable[str], size: Size | None) -> Object:
    """Everything there is to tell of a data source; of the pipes that use it, those in `readable`."""
    engine = source.engine
    columns = [_column(column) for column in source.columns]
    sql_schema = ", ".join(" ".join(filter(None, [f"`{each['name']}`", each["type"]])) for each in columns)
    clauses = {
        "sorting_key": engine.sorting_key,
        "partition_key": engine.partition_key,
        "primary_key": engine.primary_key,
        "sampling_key": engine.sampling_key,
        "ttl": engine.ttl,
    }
    return {
        "id": resource_id(source.name),
        "name": source.name,
        "description": source.description,
        "type": "kafka" if source.kafka is not None else "events" if feeds_of([source]) else "table",
        "engine": {"engine": engine.name, **{name: text for name, text in clauses.items() if text is not None}},
        "columns": columns,
        "schema": {"columns": columns, "sql_schema": sql_schema},
        "statistics": {"bytes": size.bytes if size else None, "row_count": size.rows if size else None},
        "used_by": [{"id": resource_id(pipe), "name": pipe} for pipe in _users(source, catalog, frozenset(readable))],
        "tags": list(source.tags),
    }


def _users(source: DataSource, catalog: Catalog, readable: frozenset[str]) -> list[str]:
    users = {key.pipe for key, reads in catalog.graph.reads.items() if source.name in reads.data_sources}
    return sorted(users & readable)


def _column(column: Column) -> Object:
    return {
        "name": column.name,
        "type": column.type.text if column.type else "",
        "nullable": column.type is not None and column.type.is_nullable,
        "jsonpath": column.json_path.text if column.json_path else None,
        "default_value": column.default,
        "codec": column.codec,
    }
