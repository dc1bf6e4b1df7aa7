"""The database beside the real one in which things are tried: made under a name of its own, dropped at the end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.own_names import REHEARSAL_SUFFIX
from schemas.sql.text import identifier

STALE_SECONDS = 3600
"""What is older belongs to a process that was killed: nothing is tried for so long."""


@contextmanager
def scratch_database(client: Client, database: str, clock: Callable[[], float] = time.time) -> Iterator[str]:
    """The name of a new database. Raises what the client raises, `DatabaseError` with `Code.ACCESS_DENIED` for who may
    not create one."""
    beginning = f"{database}{REHEARSAL_SUFFIX}_"
    name = f"{beginning}{int(clock()):x}_{secrets.token_hex(4)}"
    client.command(f"CREATE DATABASE {identifier(name)}")
    try:
        yield name
    finally:
        with suppress(ClickHouseError):
            client.command(f"DROP DATABASE IF EXISTS {identifier(name)} SYNC")
            for left in _left_over(client, beginning, clock() - STALE_SECONDS):
                client.command(f"DROP DATABASE IF EXISTS {identifier(left)} SYNC")


def _left_over(client: Client, beginning: str, before: float) -> list[str]:
    found = client.query(
        "SELECT name FROM system.databases WHERE startsWith(name, {beginning:String})",
        parameters={"beginning": beginning},
    )
    return [str(name) for (name,) in found.result_rows if _made_at(str(name)) < before]


def _made_at(name: str) -> float:
    """Seconds; infinite for a name that is none of these."""
    with suppress(ValueError, IndexError):
        return float(int(name.split("_")[-2], 16))
    return float("inf")
