"""Mutations that are not at their end: a clone or an attached part would silently be without what they do."""

from __future__ import annotations

from collections.abc import Collection

from clickhouse_connect.driver.exceptions import DatabaseError

from service.clickhouse.codes import Code
from service.deployment.door import Door
from service.errors import MutationsRunningError

_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.2


def await_mutations(door: Door, tables: Collection[str]) -> None:
    """Wait until none of these tables has one. Raises `MutationsRunningError` when that takes longer than a minute."""
    give_up = door.clock() + _WAIT_SECONDS
    while has_mutations(door, tables):
        if door.clock() > give_up:
            raise MutationsRunningError(door.database, tables)
        door.sleep(_POLL_SECONDS)
        door.lock.keep()


def has_mutations(door: Door, tables: Collection[str]) -> bool:
    """Whether any of these tables has one; also when nobody may say, it is taken for none, and told."""
    try:
        found = door.client.query(
            "SELECT 1 FROM system.mutations WHERE database = {database:String} AND table IN {tables:Array(String)}"
            " AND NOT is_done AND NOT is_killed LIMIT 1",
            parameters={"database": door.database, "tables": list(tables)},
        )
    except DatabaseError as error:
        if error.code != Code.ACCESS_DENIED:
            raise
        door.tell(
            "note: nobody looked whether mutations run on the tables that views read and write: this user may not read"
            " `system.mutations`\nhint: GRANT SELECT ON system.mutations"
        )
        return False
    return bool(found.result_rows)
