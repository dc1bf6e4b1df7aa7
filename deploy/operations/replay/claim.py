"""Making a partition one replay's own: the fence, and the end of what a former replay left under way."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace

from clickhouse_connect.driver.client import Client

from deploy.errors import TakenOverError
from deploy.operations.replay.record import owner_sql
from ingest_worker.storing.batch import Origin
from ingest_worker.storing.fence.former_inserts import await_former_inserts
from ingest_worker.storing.fence.ownership import Claim, new_owner, take_ownership
from ingest_worker.storing.partitions import FeedPartition
from schemas.mapping.landing import replay_key
from schemas.own_names import quarantine_table
from schemas.sql.text import literal, qualified
from service.errors import ServerError

# What owner ids of replays are marked with, in place of a consumer group.
_GROUP = "birdhouse replay"
_POLL_SECONDS = 0.1
# A deletion rewrites one small column of the parts that it concerns.
_DELETE_SECONDS = 3_600.0


def claim(client: Client, database: str, origin: Origin) -> Origin:
    """The partition as this replay's own: from now on inserts, records and deletions of any former one are refused,
    and none is under way. Raises what the client raises, `FormerInsertsError`, `ServerError`."""
    key = replay_key(origin.data_source, origin.topic_id, origin.partition)
    fenced = take_ownership(client, database, Claim((key,), new_owner(_GROUP)))
    fed = FeedPartition(origin.data_source, origin.topic, origin.partition)
    await_former_inserts(client, database, fenced, [fed], of_replays=True)
    await_deletions(client, database, origin)
    return replace(origin, replay=fenced.owner)


def delete(client: Client, database: str, origin: Origin, tables: Collection[str], condition: str) -> None:
    """Delete the rows of the partition for which `condition` (SQL) holds, and wait for it.

    A deletion is carried out part by part, also after its replay has died: it asks for the owner at each, so that it
    ends with the next claim. Raises `TakenOverError`, `ServerError`.
    """
    key = replay_key(origin.data_source, origin.topic_id, origin.partition)
    owned = f"{owner_sql(database, literal(key))} = {origin.replay}"
    for table in tables:
        client.command(
            f"DELETE FROM {qualified(database, table)} WHERE {owned} AND {of_partition(origin)} AND {condition}",
            settings={"lightweight_deletes_sync": 0, "allow_nondeterministic_mutations": 1},
        )
    await_deletions(client, database, origin)
    if not client.query(f"SELECT {owned}").result_rows[0][0]:
        raise TakenOverError(origin.data_source, origin.topic, origin.partition)


def await_deletions(client: Client, database: str, origin: Origin) -> None:
    """Wait until no replay's deletion of the partition is under way. Raises `ServerError` for one that fails."""
    key = replay_key(origin.data_source, origin.topic_id, origin.partition)
    give_up = time.monotonic() + _DELETE_SECONDS
    while True:
        found = client.query(
            "SELECT table, mutation_id, latest_fail_reason FROM system.mutations WHERE NOT is_done"
            " AND database = {database:String} AND table IN {tables:Array(String)}"
            " AND position(command, {key:String}) > 0",
            parameters={
                "database": database,
                "tables": [origin.data_source, quarantine_table(origin.data_source)],
                "key": literal(key),
            },
        ).result_rows
        if not found:
            return
        for table, mutation, reason in found:
            if reason or time.monotonic() > give_up:
                raise ServerError(
                    f"ClickHouse does not end a deletion in `{table}`: {reason or 'it takes more than an hour'}",
                    f"KILL MUTATION WHERE database = {literal(database)} AND mutation_id = {literal(mutation)} ends it;"
                    " then run the replay again",
                )
        time.sleep(_POLL_SECONDS)


def of_partition(origin: Origin) -> str:
    """SQL: whether a row is of the partition."""
    return (
        f"`__topic` = {literal(origin.topic)} AND `__topic_id` = {literal(origin.topic_id)}"
        f" AND `__partition` = {origin.partition}"
    )
