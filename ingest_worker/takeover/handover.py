"""What is odd about a partition that is taken over: who had it before, and how the group came to its offset.

A record says what is stored only if a worker of this group wrote it last. Where another group loaded the same topic
into the same table, or somebody set the group's offset, a table that keeps every row can still be read back. One that
does not (it merges rows, or its TTL removes them) cannot: there nothing is inserted before an operator has decided.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from clickhouse_connect.driver.client import Client

from ingest_worker.storing.fence.ownership import former_owners, is_of_group, loaded_topics
from ingest_worker.storing.fence.scan import OffsetTables
from ingest_worker.storing.partitions import FeedPartition, PartitionId
from ingest_worker.takeover.partition import Partition
from schemas.mapping.landing import fence_key, topic_key
from schemas.own_names import OFFSET, PARTITION, TOPIC_ID, quarantine_table
from schemas.sql.text import identifier, qualified


class Oddity(StrEnum):
    """Why the record is not enough; the value is what people read."""

    OTHER_GROUP = "another consumer group loads this topic into this table"
    OFFSET_SET = "the group's offset was set by somebody else than a worker"
    OFFSET_GONE = "the group has no offset any more, and events of this topic were stored before"


REFUSAL_HINT = (
    "the table does not keep every row as it came, so that nobody can tell which events it holds already, and they"
    " would be stored twice. If that is meant, `birdhouse offsets` writes down where the group shall go on; if two"
    " deployments load this topic, stop one of them"
)


def oddity_of(partition: Partition, former: int | None, group: str) -> Oddity | None:
    """What is odd, if anything. `former` is the owner id that stands in the fence table."""
    if former is None:
        return None  # a first owner: whatever the group's offset is, nothing of this topic is stored
    if not is_of_group(former, group):
        return Oddity.OTHER_GROUP
    if not partition.is_begun:
        return Oddity.OFFSET_GONE
    return Oddity.OFFSET_SET if partition.record is None else None


def oddities(
    partitions: Collection[Partition],
    parts: Collection[FeedPartition],
    former: Mapping[str, int],
    group: str,
    are_recorded: bool,
) -> dict[FeedPartition, Oddity]:
    """Those about which something is odd. `former` by fence key; `are_recorded`: whether the broker keeps records,
    so that one that is missing means something."""
    by_id = {partition.id: partition for partition in partitions}
    found = {}
    for fed in parts:
        partition = by_id[fed.partition]
        key = fence_key(fed.data_source, partition.topic_id, fed.number)
        oddity = oddity_of(partition, former.get(key), group)
        if oddity is Oddity.OTHER_GROUP or (oddity is not None and are_recorded):
            found[fed] = oddity
    return found


def made_again(
    client: Client,
    database: str,
    partitions: Collection[Partition],
    parts: Collection[FeedPartition],
    group: str,
) -> dict[PartitionId, str]:
    """Partitions that would not be read from their beginning although they are of a topic that was made again while no
    worker ran, with the former topic's id: the broker forgot the group's offsets with it, and this group, which loaded
    the former one, never owned them under the new id."""
    late = {entry.id: entry for entry in partitions if not entry.is_begun and entry.position > entry.low}
    found = {}
    for fed in parts:
        partition = late.get(fed.partition)
        if partition is None:
            continue
        own, prefix = topic_key(fed.data_source, fed.topic, partition.topic_id), topic_key(fed.data_source, fed.topic)
        loaded = loaded_topics(client, database, prefix)
        former = [key.removeprefix(prefix) for key, owner in loaded.items() if key != own and is_of_group(owner, group)]
        key = fence_key(fed.data_source, partition.topic_id, fed.number)
        if former and not former_owners(client, database, [key]):
            found[fed.partition] = former[0]
    return found


def refused(
    client: Client,
    database: str,
    odd: Mapping[FeedPartition, Oddity],
    offset_tables: Mapping[str, OffsetTables],
    topic_ids: Mapping[str, str],
) -> dict[FeedPartition, Oddity]:
    """Those of `odd` that must not be taken over: their table cannot be read back and holds something of the topic.
    `offset_tables` by data source."""
    return {
        fed: oddity
        for fed, oddity in odd.items()
        if not offset_tables[fed.data_source].keeps_every_row
        and _holds_any(client, database, fed, topic_ids[fed.topic], offset_tables[fed.data_source].keeps_partitions)
    }


def skipped(
    client: Client,
    database: str,
    odd: Mapping[FeedPartition, Oddity],
    offset_tables: Mapping[str, OffsetTables],
    partitions: Collection[Partition],
) -> list[str]:
    """Offsets between the last that is stored and the one that the group was set to, for people: nobody reads them any
    more. Looked for where every row is kept and the offset was set."""
    by_id = {partition.id: partition for partition in partitions}
    found = []
    for fed, oddity in odd.items():
        partition = by_id[fed.partition]
        if oddity is not Oddity.OFFSET_SET or not offset_tables[fed.data_source].keeps_every_row:
            continue
        tables = " UNION ALL ".join(
            f"SELECT max({identifier(OFFSET)}) + 1 AS next FROM {qualified(database, table)} WHERE"
            f" {identifier(TOPIC_ID)} = {{topic_id:String}} AND {identifier(PARTITION)} = {{partition:Int32}}"
            f" AND {identifier(OFFSET)} < {{position:Int64}}"
            for table in offset_tables[fed.data_source].tables
        )
        parameters = {"topic_id": partition.topic_id, "partition": fed.number, "position": partition.position}
        (first,) = client.query(f"SELECT max(next) FROM ({tables})", parameters=parameters).result_rows[0]
        if first < partition.position:
            found.append(f"{partition.name}: {first}-{partition.position - 1}")
    return found


def _holds_any(client: Client, database: str, fed: FeedPartition, topic_id: str, knows_partitions: bool) -> bool:
    where = f"{identifier(TOPIC_ID)} = {{topic_id:String}}"
    if knows_partitions:
        where += f" AND {identifier(PARTITION)} = {{partition:Int32}}"
    tables = (fed.data_source, quarantine_table(fed.data_source))
    rows = " UNION ALL ".join(f"(SELECT 1 FROM {qualified(database, table)} WHERE {where} LIMIT 1)" for table in tables)
    return bool(client.query(rows, parameters={"topic_id": topic_id, "partition": fed.number}).result_rows)
