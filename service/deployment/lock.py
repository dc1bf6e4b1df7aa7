"""The lock of a database's deploy: a table that only one can create, kept by its holder, and broken when that died."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from schemas.own_names import LOCK_TABLE
from schemas.sql.text import literal, qualified
from service.clickhouse.codes import Code
from service.errors import DeployBusyError, LockLostError

STALE_SECONDS = 10
"""A lock that its holder has not renewed for so long, while no statement of its runs, belongs to a deploy that died.
What it left closed waits that long for the next one."""

_RENEW_SECONDS = 2.0
_WAIT_SECONDS = 180.0
_POLL_SECONDS = 0.2
# Where nobody may look which statements run, a lock must be older than any statement takes.
_STALE_UNSEEN_SECONDS = 120


class Lock:
    """The lock while it is held. `mark` is a comment in the holder's statements: while one of them runs it is alive."""

    def __init__(self, client: Client, database: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.holder = secrets.randbelow(2**63 - 2) + 2
        self.mark = f"/* birdhouse deploy {self.holder} */ "
        self._client = client
        self._database = database
        self._clock = clock
        self._renewed = clock()

    def run(self, statement: str) -> None:
        """Carry out one statement of the deploy. Raises `LockLostError`, and what the client raises."""
        self.keep()
        self._client.command(self.mark + statement)

    def keep(self) -> None:
        """To be called every few seconds at least. Raises `LockLostError` when another deploy has taken the lock."""
        if self._clock() - self._renewed < _RENEW_SECONDS:
            return
        table = qualified(self._database, LOCK_TABLE)
        if _comment_of(self._client, self._database) != str(self.holder):
            raise LockLostError(self._database)
        self._client.command(f"ALTER TABLE {table} MODIFY COMMENT {literal(str(self.holder))}")
        self._renewed = self._clock()


@contextmanager
def lock(client: Client, database: str, sleep: Callable[[float], None]) -> Iterator[Lock]:
    """Hold the one lock of a database. Raises `DeployBusyError` when the other deploy does not end."""
    held = Lock(client, database)
    waited = 0.0
    while not _create(client, database, held.holder):
        if waited >= _WAIT_SECONDS:
            raise DeployBusyError(database, LOCK_TABLE)
        if _is_dead(client, database):
            _drop(client, database)
        sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
    try:
        yield held
    finally:
        # A lock that was taken for stale is another deploy's by now.
        with suppress(ClickHouseError):
            if _comment_of(client, database) == str(held.holder):
                _drop(client, database)


def _create(client: Client, database: str, holder: int) -> bool:
    table = qualified(database, LOCK_TABLE)
    try:
        client.command(f"CREATE TABLE {table} (`held` UInt8) ENGINE = Null COMMENT {literal(str(holder))}")
    except DatabaseError as error:
        if error.code == Code.TABLE_ALREADY_EXISTS:
            return False
        raise
    return True


def _drop(client: Client, database: str) -> None:
    client.command(f"DROP TABLE IF EXISTS {qualified(database, LOCK_TABLE)} SYNC")


def _comment_of(client: Client, database: str) -> str | None:
    rows = client.query(
        "SELECT comment FROM system.tables WHERE database = {database:String} AND name = {name:String}",
        parameters={"database": database, "name": LOCK_TABLE},
    ).result_rows
    return str(rows[0][0]) if rows else None


def _is_dead(client: Client, database: str) -> bool:
    """Whether nobody keeps the lock that is there."""
    rows = client.query(
        "SELECT comment, dateDiff('second', metadata_modification_time, now()) FROM system.tables"
        " WHERE database = {database:String} AND name = {name:String}",
        parameters={"database": database, "name": LOCK_TABLE},
    ).result_rows
    if not rows or int(rows[0][1]) <= STALE_SECONDS:
        return False
    works = is_at_work(client, str(rows[0][0]))
    return int(rows[0][1]) > _STALE_UNSEEN_SECONDS if works is None else not works


def is_at_work(client: Client, holder: str) -> bool | None:
    """Whether a statement of the deploy with this lock runs, such as one that fills a view; None when nobody may
    look."""
    try:
        found = client.query(
            "SELECT count() FROM system.processes WHERE startsWith(query, {mark:String})",
            parameters={"mark": f"/* birdhouse deploy {holder} */"},
        ).result_rows
    except DatabaseError as error:
        if error.code != Code.ACCESS_DENIED:
            raise
        return None
    return bool(found[0][0])
