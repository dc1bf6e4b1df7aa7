"""The plan of a deploy: what ClickHouse holds now, held against the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from schemas.diff import ActualColumn, ActualTable, Change, Effect, diff
from schemas.model import Project
from schemas.sql import identifier
from schemas.stored_zone import is_utc, stored_type


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deploy of `project` into `database` would change, in order; `warnings` are of what stays as it is."""

    project: Project
    database: str
    creates_database: bool
    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether ClickHouse holds what the project says already."""
        return not self.changes and not self.creates_database

    @property
    def refused(self) -> tuple[Change, ...]:
        """What cannot be done without losing data; nothing of a plan is applied while there is any."""
        return tuple(change for change in self.changes if change.effect is Effect.REFUSED)

    @property
    def only_adds(self) -> bool:
        """Whether nothing that is stored is touched: what a service may apply by itself when it starts."""
        return all(change.effect is Effect.ADDS for change in self.changes)

    @property
    def statements(self) -> tuple[str, ...]:
        create = (f"CREATE DATABASE IF NOT EXISTS {identifier(self.database)}",) if self.creates_database else ()
        return (*create, *(statement for change in self.changes for statement in change.statements))

    def render(self) -> str:
        """The plan for people, a line for each change, hints below what is refused."""
        if self.is_empty:
            return f"nothing to do: `{self.database}` holds what the project says"
        lines = [f"adds     {self.database}: create the database"] if self.creates_database else []
        for change in self.changes:
            lines.append(f"{change.effect.value:<8} {change.name}: {change.description}")
            if change.hint:
                lines.append(f"         hint: {change.hint}")
        return "\n".join(lines)


def read_plan(client: Client, project: Project, database: str) -> Plan:
    """Read what ClickHouse holds and compare it with the project. Changes nothing.

    Raises clickhouse_connect's errors when the server cannot be asked.
    """
    parameters = {"database": database}
    found = client.query("SELECT name FROM system.databases WHERE name = {database:String}", parameters=parameters)
    exists = bool(found.result_rows)
    actual = _read_tables(client, parameters) if exists else {}
    zone = _server_zone(client)
    changes = diff(project, actual, database, names_zone=not is_utc(zone))
    warnings = () if is_utc(zone) else tuple(_zone_warnings(project, actual, zone))
    return Plan(project, database, not exists, changes, warnings)


def _server_zone(client: Client) -> str:
    """The zone that columns without one get when the server loads their tables: that of its configuration, or of its
    default profile. A table of its own shows it, whatever this session is in."""
    found = client.query("SELECT timezoneOf(any(metadata_modification_time)) FROM system.tables", parameters={})
    return next((str(zone) for (zone,) in found.result_rows), "UTC")


def _zone_warnings(project: Project, actual: Mapping[str, ActualTable], zone: str) -> Iterator[str]:
    for name in project.data_sources:
        columns = actual[name].columns.values() if name in actual else ()
        bare = [f"`{column.name}`" for column in columns if stored_type(column.type) != column.type]
        if bare:
            yield (
                f"the table `{name}` was made while ClickHouse was in UTC, or by an earlier release, and ClickHouse's"
                f" own time zone is `{zone}`: keys, TTL and functions such as toDate() take {', '.join(bare)} in that"
                " zone"
                "\nhint: set ClickHouse's time zone to UTC, or fill a data source of another name from this one"
            )


def _read_tables(client: Client, parameters: Mapping[str, str]) -> dict[str, ActualTable]:
    columns: dict[str, dict[str, ActualColumn]] = {}
    rows = client.query(
        "SELECT table, name, type, default_kind, default_expression, compression_codec FROM system.columns"
        " WHERE database = {database:String} ORDER BY table, position",
        parameters=dict(parameters),
    ).result_rows
    for table, name, kind, default_kind, default, codec in rows:
        columns.setdefault(table, {})[name] = ActualColumn(name, kind, default_kind, default, codec)
    tables = client.query(
        "SELECT name, engine, engine_full, comment, partition_key, sorting_key FROM system.tables"
        " WHERE database = {database:String}",
        parameters=dict(parameters),
    ).result_rows
    masked = client.query(
        "SELECT DISTINCT table FROM system.parts"
        " WHERE database = {database:String} AND active AND has_lightweight_delete",
        parameters=dict(parameters),
    ).result_rows
    with_deleted_rows = {table for (table,) in masked}
    return {
        name: ActualTable(
            name,
            engine,
            engine_full,
            comment,
            partition_key,
            sorting_key,
            columns.get(name, {}),
            name in with_deleted_rows,
        )
        for name, engine, engine_full, comment, partition_key, sorting_key in tables
    }
