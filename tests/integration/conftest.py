"""Fixtures of tests on real servers, for all folders here."""

from tests.server_fixtures import (
    clickhouse,
    clickhouse_client,
    database,
    kafka,
    kafka_for_clickhouse,
    kafka_server_of_run,
    needed_servers,
    unique_name,
)

__all__ = [
    "clickhouse",
    "clickhouse_client",
    "database",
    "kafka",
    "kafka_for_clickhouse",
    "kafka_server_of_run",
    "needed_servers",
    "unique_name",
]
