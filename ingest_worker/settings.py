"""The worker's settings, all from the environment."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from service.settings import ServiceSettings

MEBIBYTE = 1024 * 1024
# Enough for the reading thread never to wait. Larger queues cost memory, of which each message takes as much again for
# librdkafka's own, and processor time, since what waits in them leaves the cache.
_MOST_QUEUE_BYTES = 2 * MEBIBYTE


class IngestSettings(ServiceSettings):
    """What `ingest-worker` can be told. Defaults suit one table taking up to some 100,000 events a second."""

    PREFIX: ClassVar[str] = "BIRDHOUSE_INGEST_"

    # ClickHouse splits an insert above 1,048,449 rows or 256 MiB into blocks that succeed or fail one by one.
    batch_rows: int = Field(100_000, ge=1, le=1_000_000, description="Most messages that one insert holds.")
    batch_bytes: int = Field(
        32 * MEBIBYTE,
        ge=1024,
        le=128 * MEBIBYTE,
        description="Most bytes of messages that one insert holds; a larger message is inserted alone.",
    )
    batch_seconds: float = Field(
        0.1,
        ge=0.01,
        le=60,
        description="Time between two inserts of a data source that are not full, on average. Its partitions take"
        " turns, so a message waits for others at most this long times the partitions that have messages waiting.",
    )
    buffer_bytes: int = Field(
        96 * MEBIBYTE,
        ge=8 * MEBIBYTE,
        description="Memory for messages that are read and not yet stored: an eighth, but at most 2 MiB, for the Kafka"
        " client's queues, the rest for batches. Partitions are paused when it is used up.",
    )
    inserters: int = Field(2, ge=1, le=16, description="Inserts that may run at the same time for one data source.")
    insert_seconds: float = Field(
        60, ge=1, le=120, description="Longest that one insert may take; after it the same batch is sent again."
    )
    drain_seconds: float = Field(
        20,
        ge=0,
        le=120,
        description="Longest that a partition that is taken away, or a stop, waits for what is being inserted.",
    )
    pinned_replica: bool = Field(
        False,
        description="Says that all workers reach one and the same replica; without it replicated tables are refused.",
    )
    admin_host: str = Field(
        "127.0.0.1", min_length=1, description="Address of the port with `/livez`, `/readyz`, `/metrics`, `/status`."
    )
    admin_port: int = Field(7184, ge=0, le=65535, description="That port; 0 picks a free one.")

    @property
    def queue_bytes(self) -> int:
        """Bytes for the Kafka client's queues, over all consumers of the worker."""
        return min(self.buffer_bytes // 8, _MOST_QUEUE_BYTES)

    @property
    def batches_bytes(self) -> int:
        """Bytes for batches, over all data sources."""
        return self.buffer_bytes - self.queue_bytes
