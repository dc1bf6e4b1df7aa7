"""Reads what ClickHouse holds: the tables of a database, whose door is closed, and the zone that the server is in."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.model import Project
from schemas.own_names import FENCE_TABLE, LOCK_TABLE
from schemas.sql.text import qualified
from schemas.tables.actual import Actual, ActualColumn, ActualTable
from service.clickhouse.codes import Code
from service.deployment.lock import STALE_SECONDS, is_at_work


def read_actual(client: Client, project: Project, database: str) -> Actual | None:
    """What the database holds that concerns the project; None when it does not exist."""
    found = client.query(
        "SELECT name FROM system.databases WHERE name = {database:String}", parameters={"database": database}
    )
    return _read_database(client, project, database) if found.result_rows else None


def server_zone(client: Client) -> str:
    """The zone that columns without one get when the server loads their tables: that of its configuration, or of its
    default profile. A table of its own shows it, whatever this session is in."""
    found = client.query("SELECT timezoneOf(any(metadata_modification_time)) FROM system.tables", parameters={})
    return next((str(zone) for (zone,) in found.result_rows), "UTC")


def _read_database(client: Client, project: Project, database: str) -> Actual:
    columns = _columns(client, database)
    rows = client.query(
        "SELECT name, engine, engine_full, comment, partition_key, sorting_key, create_table_query, total_rows,"
        " version(),"
        " dateDiff('second', metadata_modification_time, now())"
        " FROM system.tables WHERE database = {database:String}",
        parameters={"database": database},
    ).result_rows
    masked = _with_deleted_rows(client, project, database)
    tables = {
        name: ActualTable(
            name, engine, full, comment, partition, sorting, columns.get(name, {}), name in masked, definition, total
        )
        for name, engine, full, comment, partition, sorting, definition, total, _, _ in rows
    }
    # One whose statement takes long renews nothing meanwhile.
    is_locked = any(
        name == LOCK_TABLE and (age <= STALE_SECONDS or is_at_work(client, comment))
        for name, _, _, comment, *_, age in rows
    )
    closed = _closed_doors(client, project, database) if FENCE_TABLE in tables else frozenset()
    return Actual(tables, closed, str(rows[0][-2]) if rows else "", is_locked)


def _columns(client: Client, database: str) -> dict[str, dict[str, ActualColumn]]:
    """By table and name, in their order."""
    columns: dict[str, dict[str, ActualColumn]] = {}
    rows = client.query(
        "SELECT table, name, type, default_kind, default_expression, compression_codec FROM system.columns"
        " WHERE database = {database:String} ORDER BY table, position",
        parameters={"database": database},
    ).result_rows
    for table, name, kind, default_kind, default, codec in rows:
        columns.setdefault(table, {})[name] = ActualColumn(name, kind, default_kind, default, codec)
    return columns


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
