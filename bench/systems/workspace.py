"""The bench's own database and topics, under names with a random part, dropped at the end."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.systems.servers import Servers
from schemas.sql.text import identifier

PARTITIONS = 6
_REQUEST_SECONDS = 30.0

logger = logging.getLogger(__name__)


class Workspace:
    """Names and folders of one bench on `servers`."""

    def __init__(self, servers: Servers, folder: Path, suffix: str) -> None:
        self.servers = servers
        self.folder = folder
        self.suffix = suffix
        # Its requests fail once it is collected.
        self._admin = AdminClient(servers.kafka_config())
        self._topics: list[str] = []
        self._databases: list[str] = []

    def database(self, role: str) -> str:
        """The name of a database that is dropped at the end; nobody has created it yet."""
        name = f"birdhouse_bench_{role}_{self.suffix}"
        if name not in self._databases:
            self._databases.append(name)
        return name

    def create_topic(self, role: str, partitions: int = PARTITIONS) -> str:
        """A new topic's name. Raises `KafkaException`."""
        name = f"birdhouse_bench_{role}_{self.suffix}"
        self._wait(self._admin.create_topics([NewTopic(name, num_partitions=partitions)])[name])
        self._topics.append(name)
        return name

    def drop_database(self, name: str) -> None:
        if not self.servers.is_engine_embedded:
            with closing(self.servers.client()) as client:
                client.command(f"DROP DATABASE IF EXISTS {identifier(name)} SYNC")

    def close(self) -> None:
        """Drop what there is; what cannot be dropped is told, and no error hides another."""
        for name in self._databases:
            try:
                self.drop_database(name)
            except ClickHouseError as error:
                logger.warning("the database `%s` is left behind: %s", name, error)
        if not self._topics:
            return
        for name, future in self._admin.delete_topics(self._topics).items():
            try:
                self._wait(future)
            except KafkaException as error:
                logger.warning("the topic `%s` is left behind: %s", name, error)

    @staticmethod
    def _wait(future: object) -> None:
        cast("Future[None]", future).result(_REQUEST_SECONDS)


@contextmanager
def workspace(servers: Servers, name: str) -> Iterator[Workspace]:
    suffix = secrets.token_hex(4)
    folder = servers.folder / f"{name}-{suffix}"
    folder.mkdir()
    space = Workspace(servers, folder, suffix)
    try:
        yield space
    finally:
        space.close()
