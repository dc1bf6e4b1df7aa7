"""The worker with its admin port inside a process that holds other parts too."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from aiohttp.web import AbstractRouteDef
from clickhouse_connect.driver.client import Client
from prometheus_client import CollectorRegistry

from deploy.run.environments import Environment
from ingest_worker.admin import AdminServer
from ingest_worker.observing.log import log_observation
from ingest_worker.observing.metrics import Metrics
from ingest_worker.observing.observations import UnexpectedFailure, observe_by
from ingest_worker.settings import IngestSettings
from ingest_worker.status import WorkerStatus
from ingest_worker.status_metrics import StatusCollector
from ingest_worker.watching.schema_watch import SchemaWatch
from ingest_worker.worker import Worker
from schemas.feed import feeds_of
from schemas.model import Project
from service.deadline import Deadline
from service.kafka.config import client_config
from service.web.admin import create_admin_app

logger = logging.getLogger(__name__)
# What a worker that does not live any more gets to leave its groups.
REVIVE_SECONDS = 1.0


class IngestPart:
    """What the `ingest-worker` command is, between `start` and `stop`; whoever makes it has deployed the project.

    `worker` is the one that runs; another takes its place when the project's feeds change.
    """

    def __init__(
        self,
        settings: IngestSettings,
        environment: Environment,
        project: Project,
        connect: Callable[[], Client],
        *,
        broker_keeps_records: bool,
        routes: Iterable[AbstractRouteDef] = (),
    ) -> None:
        """`connect` gives a new client each time, from any thread. `broker_keeps_records` as for `Worker`; `routes` are
        what the admin port answers besides. Raises `SettingsError`."""
        registry = CollectorRegistry()
        self._settings = settings
        self._environment = environment
        self._connect = connect
        self._broker_keeps_records = broker_keeps_records
        told = observe_by(log_observation, Metrics(registry).observe)
        self._watch = SchemaWatch(
            connect,
            project,
            settings.clickhouse_database,
            told,
            lambda name, reason: self.worker.hold(name, reason),
        )
        self._observe = observe_by(told, self._watch.observe)
        self._project = project
        self._change = threading.Lock()
        self._is_changing = False
        self._is_stopped = False
        self.worker = self._create_worker()
        registry.register(StatusCollector(self._status))
        app = create_admin_app(
            registry=registry,
            is_live=self.is_live,
            readiness=lambda: [*self.worker.not_ready_because(), *self._watch.differences()],
            status=lambda: self._status().as_json(),
        )
        app.add_routes(routes)
        self._admin = AdminServer(
            app,
            settings.birdhouse_ingest_admin_host,
            settings.birdhouse_ingest_admin_port,
        )

    def start(self) -> str:
        """Begin without waiting for any server; gives the admin port's address. Raises OSError when that is taken."""
        self.worker.start()
        self._watch.start()
        return self._admin.start()

    def is_live(self) -> bool:
        """As `Worker.is_live`; also while one worker takes another's place."""
        return self._is_changing or self.worker.is_live()

    def follow(self, project: Project) -> bool:
        """Load what the project says from now on; says whether that took another worker.

        The old one stores and commits what it has read, within its drain time, before the new one joins the same
        groups. Blocks for that time. Raises `SettingsError`.
        """
        with self._change:
            before, self._project = self._project, project
            self._watch.follow(project)
            if self._is_stopped or _feeding(before) == _feeding(project):
                return False
            self._is_changing = True
            try:
                worker = self._create_worker()
                self.worker.stop()
                self.worker = worker
                worker.start()
            finally:
                self._is_changing = False
            return True

    def revive(self) -> None:
        """Another worker in the place of one that does not live any more: a thread of it is dead, or stands still.

        What the former one was at is found in the record and in the tables, as after a crash. Blocks as `stop` does.
        """
        with self._change:
            if self._is_stopped or self.worker.is_live():
                return
            logger.error("the worker does not live any more, another takes its place")
            self._observe(UnexpectedFailure("worker"))
            worker = self._create_worker()
            try:
                self.worker.stop(Deadline.after(REVIVE_SECONDS))
            except Exception:
                logger.exception("the worker that is replaced could not be stopped")
            self.worker = worker
            worker.start()

    def stop(self, deadline: Deadline) -> bool:
        """Store what was read and end; says whether all of it was stored. Blocks as `Worker.stop` does."""
        with self._change:
            self._is_stopped = True
            self._watch.stop()
            is_stored = self.worker.stop(deadline)
            self._admin.stop()
            return is_stored

    def _status(self) -> WorkerStatus:
        return replace(self.worker.status(), schema_differences=self._watch.differences())

    def _create_worker(self) -> Worker:
        return Worker(
            self._settings,
            self._project,
            clickhouse_factory=self._connect,
            kafka_config=lambda connection: client_config(self._settings, self._environment, connection=connection),
            observe=self._observe,
            broker_keeps_records=self._broker_keeps_records,
        )


def _feeding(project: Project) -> object:
    """Everything of a project that its worker is made of."""
    return feeds_of(project.data_sources.values()), project.connections
