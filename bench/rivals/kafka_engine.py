"""The rival inside ClickHouse: its Kafka table engine with a materialized view into the documented table.

The variants are what its documentation and its users advise for throughput. In all of them the columns are typed, so
that ClickHouse's own JSONEachRow reader does the work, and the view copies columns as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clickhouse_connect.driver.client import Client

from schemas.sql.text import identifier, literal

SOURCE, VIEW = "kafka_source", "kafka_view"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to set the engine up; `settings` are of the Kafka table."""

    name: str
    why: str
    settings: Mapping[str, str] = field(default_factory=dict)


# kafka_flush_interval_ms is the table's own stream_flush_interval_ms (7.5 s): how long a block that is not full waits.
# A drain that ends would wait for it once more than a stream without end, so every tuned variant makes it short.
VARIANTS = (
    Variant("defaults", "one consumer, blocks of 1,048,449 rows or 7.5 s"),
    Variant(
        "one consumer, large blocks",
        "polls as many messages as a block holds; one writer, so few and large parts",
        {
            "kafka_num_consumers": "1",
            "kafka_max_block_size": "262144",
            "kafka_poll_max_batch_size": "262144",
            "kafka_flush_interval_ms": "1000",
        },
    ),
    Variant(
        "two consumers, a thread each",
        "kafka_thread_per_consumer: each consumer parses and writes its own blocks beside the other",
        {
            "kafka_num_consumers": "2",
            "kafka_thread_per_consumer": "1",
            "kafka_max_block_size": "262144",
            "kafka_poll_max_batch_size": "65536",
            "kafka_flush_interval_ms": "1000",
        },
    ),
    Variant(
        "two consumers, one writer",
        "the consumers read side by side and their rows are written as one block",
        {
            "kafka_num_consumers": "2",
            "kafka_thread_per_consumer": "0",
            "kafka_max_block_size": "524288",
            "kafka_poll_max_batch_size": "65536",
            "kafka_flush_interval_ms": "1000",
        },
    ),
)


def is_there(client: Client) -> bool:
    """Whether this build of ClickHouse has the engine."""
    return bool(client.query("SELECT 1 FROM system.table_engines WHERE name = 'Kafka'").result_rows)


def create(
    client: Client, database: str, columns: Mapping[str, str], variant: Variant, *, brokers: str, topic: str, group: str
) -> None:
    """Make the source table and, last, the view that starts it: into the table `events`, which is there already."""
    settings = {
        "kafka_broker_list": brokers,
        "kafka_topic_list": topic,
        "kafka_group_name": group,
        "kafka_format": "JSONEachRow",
        **variant.settings,
    }
    listed = ", ".join(f"{identifier(name)} {kind}" for name, kind in columns.items())
    pairs = ", ".join(f"{name} = {_value(value)}" for name, value in settings.items())
    at = identifier(database)
    client.command(f"CREATE TABLE {at}.{SOURCE} ({listed}) ENGINE = Kafka SETTINGS {pairs}")
    names = ", ".join(map(identifier, columns))
    client.command(f"CREATE MATERIALIZED VIEW {at}.{VIEW} TO {at}.events AS SELECT {names} FROM {at}.{SOURCE}")


def is_assigned(client: Client, database: str, partitions: int) -> bool:
    """Whether the group has given all partitions to the table's consumers."""
    found = client.query(
        "SELECT sum(length(assignments.partition_id)) FROM system.kafka_consumers WHERE database = {database:String}",
        parameters={"database": database},
    )
    return int(found.result_rows[0][0]) >= partitions


def drop(client: Client, database: str) -> None:
    """Stop it: the view first, then the table, which waits for its consumers to leave."""
    for name in (VIEW, SOURCE):
        client.command(f"DROP TABLE IF EXISTS {identifier(database)}.{name} SYNC")


def _value(text: str) -> str:
    return text if text.isdecimal() else literal(text)
