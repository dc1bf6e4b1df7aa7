"""Inserts of former owners that ClickHouse still works on: waited for, then ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from clickhouse_connect.driver.client import Client

from ingest_worker.errors import FormerInsertsError
from ingest_worker.storing.fence.recovery import AwaitStep, Fenced, Quiet, next_step
from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.sink import QUERY_PREFIX, query_prefix
from schemas.own_names import landing_table
from schemas.sql.text import qualified

_POLL_SECONDS = 0.05


def await_former_inserts(
    client: Client,
    database: str,
    fenced: Fenced,
    parts: Collection[FeedPartition],
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    *,
    of_replays: bool = False,
) -> tuple[Quiet, int]:
    """Wait until no insert of a former owner of these partitions runs; one that goes on for long is killed.
    `of_replays`: of a former replay; a worker's, which is then not the former owner's, is left alone.

    Also how many were killed. Raises `FormerInsertsError` when one does not end, and what the client raises. A query
    is in `system.processes` before it evaluates anything, and an insert that starts from now on meets the fence.
    """
    started, killed = clock(), set[str]()
    while True:
        running = _running(client, database, parts, of_replays=of_replays)
        match next_step(len(running), clock() - started):
            case AwaitStep.PROCEED:
                return Quiet(fenced), len(killed)
            case AwaitStep.KILL:
                # KILL QUERY comes back before the query ends: only its absence counts.
                for query_id in running - killed:
                    client.command("KILL QUERY WHERE query_id = {query_id:String} ASYNC", {"query_id": query_id})
                killed |= running
            case AwaitStep.GIVE_UP:
                raise FormerInsertsError(f"inserts of a former owner do not end: {', '.join(sorted(running))}")
        sleep(_POLL_SECONDS)


def _running(client: Client, database: str, parts: Collection[FeedPartition], *, of_replays: bool) -> set[str]:
    """Query ids; of this database alone, as the data sources of another one may have the same names."""
    prefixes = tuple(query_prefix(name, partition, is_replay=of_replays) for name, _, partition in parts)
    doors = [qualified(database, landing_table(data_source)) for data_source in {fed.data_source for fed in parts}]
    found = client.query(
        "SELECT query_id, query FROM system.processes WHERE startsWith(query_id, {prefix:String})",
        parameters={"prefix": f"{QUERY_PREFIX}-"},
    )
    return {
        str(query_id)
        for query_id, sql in found.result_rows
        if str(query_id).startswith(prefixes) and any(door in sql for door in doors)
    }
