"""Apply a plan: one deploy at a time, the same result however often and from wherever it is run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from deploy.errors import DeployBusyError, RefusedPlanError
from deploy.plan import Plan, read_plan
from schemas.ddl import qualified
from schemas.own_names import LOCK_TABLE
from schemas.sql import identifier, literal

_TABLE_ALREADY_EXISTS = 57
_STALE_AFTER_SECONDS = 120  # a deploy takes a second or two; a lock this old belongs to one that died
_WAIT_SECONDS = 180.0
_POLL_SECONDS = 0.2


def apply(client: Client, plan: Plan, *, sleep: Callable[[float], None] = time.sleep) -> Plan:
    """Bring ClickHouse to what the plan's project says and return the plan that was carried out.

    Another deploy that runs at this moment is waited for, and what it did is not done again. Raises RefusedPlanError
    when something would lose data (nothing is changed then), DeployBusyError when the other one does not end.
    """
    if plan.refused:
        raise RefusedPlanError(plan.render())
    if plan.is_empty:
        return plan
    client.command(f"CREATE DATABASE IF NOT EXISTS {identifier(plan.database)}")
    with _lock(client, plan.database, sleep):
        current = read_plan(client, plan.project, plan.database)
        if current.refused:
            raise RefusedPlanError(current.render())
        for statement in current.statements:
            client.command(statement)
    return current


@contextmanager
def _lock(client: Client, database: str, sleep: Callable[[float], None]) -> Iterator[None]:
    """Hold the one lock of a database: a table that only one can create."""
    table = qualified(database, LOCK_TABLE)
    mine = secrets.token_hex(8)
    waited = 0.0
    while not _create_lock(client, table, mine):
        if waited >= _WAIT_SECONDS:
            raise DeployBusyError(database, LOCK_TABLE)
        _drop_lock(client, database, "metadata_modification_time < now() - {value:UInt32}", _STALE_AFTER_SECONDS)
        sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
    try:
        yield
    finally:
        # A lock that was taken for stale is another deploy's by now.
        _drop_lock(client, database, "comment = {value:String}", mine)


def _create_lock(client: Client, table: str, mine: str) -> bool:
    try:
        client.command(f"CREATE TABLE {table} (`held` UInt8) ENGINE = Null COMMENT {literal(mine)}")
    except DatabaseError as error:
        if error.code == _TABLE_ALREADY_EXISTS:
            return False
        raise
    return True


def _drop_lock(client: Client, database: str, condition: str, value: str | int) -> None:
    """Drop the lock if the condition over `system.tables` holds for it."""
    found = client.query(
        "SELECT name FROM system.tables WHERE database = {database:String} AND name = {name:String}"
        f" AND {condition}",
        parameters={"database": database, "name": LOCK_TABLE, "value": value},
    )
    if found.result_rows:
        client.command(f"DROP TABLE IF EXISTS {qualified(database, LOCK_TABLE)} SYNC")
