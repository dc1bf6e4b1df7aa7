"""The plan of a deploy: what ClickHouse holds now, held against the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.model import Project
from schemas.own_names import FENCE_TABLE, LOCK_TABLE
from schemas.sql.text import identifier, qualified
from schemas.tables.actual import Actual, ActualColumn, ActualTable
from schemas.tables.change import Change, Effect
from schemas.tables.diff.project import diff
from schemas.tables.stored_zone import is_utc, stored_type
from service.clickhouse.codes import Code
from service.deployment.lock import STALE_SECONDS


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deploy of `project` into `database` would change, in order; `warnings` are of what stays as it is."""

    project: Project
    database: str
    creates_database: bool
    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    closed: frozenset[str] = frozenset()  # the data sources whose landing table takes nothing
    is_locked: bool = False  # a deploy is at it
    names_zone: bool = False  # times without a zone are made in UTC, as the server is in another

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
    def only_opens(self) -> bool:
        """Whether there is nothing to do but to open what a deploy that died left closed."""
        return bool(self.changes) and all(change.opens for change in self.changes)

    def only_notes(self) -> Plan:
        """What is to be noted of what was made."""
        return replace(self, changes=tuple(change for change in self.changes if change.is_note))

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
    found = client.query(
        "SELECT name FROM system.databases WHERE name = {database:String}", parameters={"database": database}
    )
    exists = bool(found.result_rows)
    actual = _read_database(client, project, database) if exists else Actual()
    zone = _server_zone(client)
    changes = diff(project, actual, database, names_zone=not is_utc(zone))
    warnings = () if is_utc(zone) else tuple(_zone_warnings(project, actual.tables, zone))
    closed, is_locked = actual.closed, actual.is_locked
    return Plan(project, database, not exists, changes, warnings, closed, is_locked, names_zone=not is_utc(zone))


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


def _read_database(client: Client, project: Project, database: str) -> Actual:
    parameters = {"database": database}
    columns: dict[str, dict[str, ActualColumn]] = {}
    rows = client.query(
        "SELECT table, name, type, default_kind, default_expression, compression_codec FROM system.columns"
        " WHERE database = {database:String} ORDER BY table, position",
        parameters=parameters,
    ).result_rows
    for table, name, kind, default_kind, default, codec in rows:
        columns.setdefault(table, {})[name] = ActualColumn(name, kind, default_kind, default, codec)
    rows = client.query(
        "SELECT name, engine, engine_full, comment, partition_key, sorting_key, create_table_query, version(),"
        " dateDiff('second', metadata_modification_time, now())"
        " FROM system.tables WHERE database = {database:String}",
        parameters=parameters,
    ).result_rows
    masked = _with_deleted_rows(client, project, database)
    tables = {
        name: ActualTable(
            name, engine, full, comment, partition, sorting, columns.get(name, {}), name in masked, definition
        )
        for name, engine, full, comment, partition, sorting, definition, _, _ in rows
    }
    is_locked = any(name == LOCK_TABLE and age <= STALE_SECONDS for name, *_, age in rows)
    closed = _closed_doors(client, project, database) if FENCE_TABLE in tables else frozenset()
    return Actual(tables, closed, str(rows[0][-2]) if rows else "", is_locked)


def _with_deleted_rows(client: Client, project: Project, database: str) -> frozenset[str]:
    """The tables of which rows are only marked as deleted: it concerns projections alone, and `system.parts` takes a
    grant that a reader need not have."""
    if not any(data_source.projections for data_source in project.data_sources.values()):
        return frozenset()
    try:
        masked = client.query(
            "SELECT DISTINCT table FROM system.parts"
            " WHERE database = {database:String} AND active AND has_lightweight_delete",
            parameters={"database": database},
        ).result_rows
    except DatabaseError as error:
        if error.code != Code.ACCESS_DENIED:
            raise
        return frozenset()
    return frozenset(str(table) for (table,) in masked)


def _closed_doors(client: Client, project: Project, database: str) -> frozenset[str]:
    """The data sources whose landing table takes nothing just now."""
    found = client.query(
        f"SELECT key FROM {qualified(database, FENCE_TABLE)} WHERE owner != 0 AND key IN {{names:Array(String)}}",
        parameters={"names": list(project.data_sources)},
    ).result_rows
    return frozenset(str(key) for (key,) in found)
