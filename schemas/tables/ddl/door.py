"""The fence table, and the statements that open and close the door of a data source, which is a row of it."""

from __future__ import annotations

from schemas.own_names import FENCE_TABLE
from schemas.sql.text import call, literal, qualified
from schemas.tables.ddl.tables import create

OPEN = 0
"""What stands in the fence table for an open door; no row means the same. Anything else closes it and names who did."""


def fence_ddl(database: str) -> str:
    """CREATE TABLE of who owns which partition, shared by all data sources of a database."""
    columns = ["`key` String", "`owner` UInt64"]
    return create(database, FENCE_TABLE, columns, "ENGINE = Join(ANY, LEFT, `key`) SETTINGS join_any_take_last_row = 1")


def recorded_owner(database: str, key: str) -> str:
    """SQL: who stands in the fence table under a key, which is SQL too; 0 when nobody does."""
    return call("joinGet", literal(f"{database}.{FENCE_TABLE}"), literal("owner"), key)


def door_ddl(*data_sources: str, database: str, holder: int) -> str:
    """Open or close the landing tables of data sources, all at one moment: rows of the fence table that their
    constraints look at (a Null table's constraints cannot be altered)."""
    rows = ", ".join(f"({literal(data_source)}, {holder})" for data_source in data_sources)
    return f"INSERT INTO {qualified(database, FENCE_TABLE)} VALUES {rows}"


def door_opening_ddl(data_source: str, database: str, *, holder: int) -> str:
    """Open it if `holder` is still who holds it closed: one that slept and was taken for dead must not."""
    return (
        f"INSERT INTO {qualified(database, FENCE_TABLE)} (`key`, `owner`)"
        f" SELECT {literal(data_source)}, {OPEN} WHERE {recorded_owner(database, literal(data_source))} = {holder}"
    )
