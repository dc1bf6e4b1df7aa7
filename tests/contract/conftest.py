"""Fixtures of the contracts: the run's servers, where what is asked is the real thing."""

from tests.server_fixtures import (
    clickhouse,
    clickhouse_client,
    database,
    kafka,
    kafka_server_of_run,
    needed_servers,
    unique_name,
)

__all__ = [
    "clickhouse",
    "clickhouse_client",
    "database",
    "kafka",
    "kafka_server_of_run",
    "needed_servers",
    "unique_name",
]
