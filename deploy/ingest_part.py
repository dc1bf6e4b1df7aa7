"""The worker with its admin port inside a process that holds other parts too."""

from __future__ import annotations

from collections.abc import Callable

from clickhouse_connect.driver.client import Client
from prometheus_client import CollectorRegistry

from deploy.environments import Environment
from ingest_worker.admin import AdminServer
from ingest_worker.log import log_observation
from ingest_worker.metrics import Metrics, StatusCollector
from ingest_worker.observations import observe_by
from ingest_worker.settings import IngestSettings
from ingest_worker.worker import Worker
from schemas.model import Project
from service.admin import create_admin_app
from service.deadline import Deadline
from service.kafka import client_config


class IngestPart:
    """What the `ingest-worker` command is, between `start` and `stop`; whoever makes it has deployed the project."""

    def __init__(
        self, settings: IngestSettings, environment: Environment, project: Project, connect: Callable[[], Client]
    ) -> None:
        """`connect` gives a new client each time, from any thread. Raises `SettingsError`."""
        registry = CollectorRegistry()
        self.worker = Worker(
            settings,
            project,
            clickhouse_factory=connect,
            kafka_config=lambda connection: client_config(settings, environment, connection=connection),
            observe=observe_by(log_observation, Metrics(registry).observe),
        )
        registry.register(StatusCollector(self.worker.status))
        self._admin = AdminServer(
            create_admin_app(
                registry=registry,
                is_live=self.worker.is_live,
                readiness=self.worker.not_ready_because,
                status=lambda: self.worker.status().as_json(),
            ),
            settings.birdhouse_ingest_admin_host,
            settings.birdhouse_ingest_admin_port,
        )

    def start(self) -> str:
        """Begin without waiting for any server; gives the admin port's address. Raises OSError when that is taken."""
        self.worker.start()
        return self._admin.start()

    def stop(self, deadline: Deadline) -> bool:
        """Store what was read and end; says whether all of it was stored. Blocks as `Worker.stop` does."""
        is_stored = self.worker.stop(deadline)
        self._admin.stop()
        return is_stored
