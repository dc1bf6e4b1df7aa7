"""Settings of the query API."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from pydantic import Field

from query_api.engine.limits import Limits
from service.settings import ServiceSettings


class QueryApiSettings(ServiceSettings):
    """The shared settings and the API's own; sizes are bytes."""

    PREFIX: ClassVar[str] = "BIRDHOUSE_API_"
    OF_ALL: ClassVar[Mapping[str, int]] = MappingProxyType(
        {"max_queries": 1, "max_queued": 0, "max_buffered_bytes": 1_048_576, "cache_bytes": 0}
    )
    """Limits of the whole API, which its processes share, each with the least that one process can do with."""

    host: str = Field("127.0.0.1", min_length=1, description="Address the API listens on.")
    port: int = Field(7181, ge=0, le=65535, description="Port of the API.")
    admin_host: str = Field("127.0.0.1", min_length=1, description="Address the admin port listens on.")
    admin_port: int = Field(
        7183, ge=0, le=65535, description="Port of `/livez`, `/readyz`, `/metrics` and `/status` of the API."
    )
    processes: int = Field(
        1,
        ge=0,
        le=1024,
        description="Processes that answer on one port; 0: one for each core that may be used. `birdhouse run` is one.",
    )
    max_execution_seconds: float = Field(
        10, ge=0, description="Longest that one query may run, in seconds, else 408; 0: no limit."
    )
    max_memory_bytes: int = Field(
        4_000_000_000, ge=0, description="Most memory that one query may use in ClickHouse; 0: no limit."
    )
    max_rows_to_read: int = Field(0, ge=0, description="Most rows that one query may read; 0: no limit.")
    max_bytes_to_read: int = Field(
        0, ge=0, description="Most bytes that one query may read, uncompressed; 0: no limit."
    )
    max_result_rows: int = Field(0, ge=0, description="Most rows of one answer; 0: no limit.")
    max_result_bytes: int = Field(
        100_000_000, ge=0, description="Largest answer, as ClickHouse counts its columns, else 413; 0: no limit."
    )
    max_queries: int = Field(16, ge=1, description="Queries of the whole API that run at once.")
    max_queued: int = Field(256, ge=0, description="Queries of the whole API that wait for their turn, else 503.")
    max_queue_seconds: float = Field(
        5, ge=0, description="Longest that a query waits for its turn, in seconds, else 503."
    )
    cache_seconds: int = Field(
        0,
        ge=0,
        le=31_536_000,
        description="How long answers are kept, in seconds, where a pipe does not say it (`CACHE`); 0: not at all.",
    )
    cache_bytes: int = Field(
        67_108_864,
        ge=0,
        description="Most memory for answers that are kept, of the whole API; 0: none is, whatever pipes say.",
    )
    max_body_bytes: int = Field(
        10_485_760, ge=1, description="Largest request body, also after decompression, else 413."
    )
    max_buffered_bytes: int = Field(
        134_217_728,
        ge=1_048_576,
        le=1_000_000_000,
        description="Most bytes of events that wait for Kafka in the whole API, else 503.",
    )
    delivery_seconds: float = Field(
        15, ge=1, description="Longest wait for Kafka to acknowledge events, in seconds, else 503."
    )
    wait_seconds: float = Field(
        30, ge=0, description="Longest that `wait=true` waits for the rows, in seconds, else 202 instead of 200."
    )
    shutdown_seconds: float = Field(
        20, ge=0, description="Time for requests in flight and for events on their way to Kafka when the API stops."
    )

    @property
    def limits(self) -> Limits:
        return Limits(
            execution_seconds=self.max_execution_seconds,
            memory_bytes=self.max_memory_bytes,
            rows_to_read=self.max_rows_to_read,
            bytes_to_read=self.max_bytes_to_read,
            result_rows=self.max_result_rows,
            result_bytes=self.max_result_bytes,
        )
