"""The worker as a service: what it is made of, how that is connected, and the order in which it starts and stops."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from aiohttp.web import AbstractRouteDef
from clickhouse_connect.driver.client import Client
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from ingest_worker.admin import AdminServer
from ingest_worker.context import Context
from ingest_worker.deployment import ensure_deployed
from ingest_worker.observing.log import log_observation
from ingest_worker.observing.metrics import OBSERVATIONS, PREFIX, Metrics
from ingest_worker.observing.observations import Observation, UnexpectedFailure, observe_by
from ingest_worker.observing.servers import ServerAwaited
from ingest_worker.settings import IngestSettings
from ingest_worker.status import WorkerStatus
from ingest_worker.status_metrics import OF_DATA_SOURCE, OF_PARTITION, OF_WORKER, StatusCollector
from ingest_worker.storing.settled import records_of
from ingest_worker.watching.schema_watch import SchemaWatch
from ingest_worker.worker import Worker as Worker  # of the door: whoever runs the service looks at its worker
from schemas.feed import feeds_of
from schemas.model import Connection, Project
from service.clickhouse.connect import connect_to_insert
from service.deadline import Deadline
from service.kafka.config import ConfigOf, client_config
from service.observing.declared import metrics_of
from service.web.admin import create_admin_app

METRICS = (
    *metrics_of(OBSERVATIONS),
    *(measure.metric for measure in (*OF_WORKER, *OF_PARTITION, *OF_DATA_SOURCE)),
)
"""All metrics of the worker; their names are shown with `METRICS_PREFIX` before them."""

METRICS_PREFIX = PREFIX


class IngestService:
    """A worker with its metrics, its admin port and its watch over the schema.

    `environment` holds librdkafka's properties; without `connect`, which gives a new client each time and from any
    thread, the clients are of the settings' server. `broker_keeps_records` as in `Context`. `may_apply`: whether what
    only adds to the schema is deployed; `measures_process`: whether the metrics tell of the process as well; `routes`
    are what the admin port answers besides. Raises `SettingsError` when a connection's settings are wrong.
    """

    def __init__(
        self,
        settings: IngestSettings,
        environment: Mapping[str, str],
        project: Project,
        *,
        connect: Callable[[], Client] | None = None,
        broker_keeps_records: bool = True,
        may_apply: bool = False,
        measures_process: bool = False,
        routes: Iterable[AbstractRouteDef] = (),
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._project = project
        self._may_apply = may_apply
        self._has_started = False
        self._is_exchanging = False
        self._waiting_because = "no answer yet"  # as long as ClickHouse has not been asked what is deployed
        registry = CollectorRegistry()
        if measures_process:
            for process_collector in (ProcessCollector, PlatformCollector, GCCollector):
                process_collector(registry=registry)
        report = observe_by(log_observation, Metrics(registry).observe, self._remember)
        registry.register(StatusCollector(self.status))
        connect = connect or functools.partial(connect_to_insert, settings, settings.insert_seconds)
        context = Context(settings, connect, report, broker_keeps_records)
        self._schema = SchemaWatch(
            context, project, lambda name, reason: self.worker.hold(name, reason), may_apply=may_apply
        )
        self._context = replace(context, observe=observe_by(report, self._schema.observe))
        self.worker = self._create_worker()
        self._admin = self._create_admin(registry, routes)

    def listen(self) -> str:
        """Open the admin port; gives its address. Raises OSError when the port is taken."""
        return self._admin.start()

    def deploy(self, stop: threading.Event) -> None:
        """Wait for ClickHouse until `stop`, and compare its schema with the project's before anything is inserted.

        Raises `ReplicatedTablesError`."""
        refusal = ensure_deployed(
            self._context,
            self._project,
            stop,
            may_apply=self._may_apply,
            records=records_of(self._kafka_config),
        )
        if not stop.is_set():
            self._schema.refused(refusal)
            self._schema.look()

    def start(self) -> None:
        """Begin to load, without waiting for any server."""
        self._schema.start()
        self.worker.start()
        self._has_started = True

    def follow(self, project: Project) -> None:
        """Compare the deployed schema with this project from now on."""
        self._project = project
        self._schema.follow(project)

    def exchange(self) -> None:
        """Another worker, of the project that is followed, in the place of the one that runs. That one first stores
        and commits what it has read, within its drain time. Blocks for that time; raises `SettingsError`."""
        self._is_exchanging = True
        try:
            self._exchange(Worker.stop)
        finally:
            self._is_exchanging = False

    def replace_dead(self, end: Callable[[Worker], object]) -> None:
        """Another worker in the place of one that does not live any more; `end` stops that one."""
        self._context.observe(UnexpectedFailure("worker"))
        self._exchange(end)

    def stop(self, deadline: Deadline | None = None) -> bool:
        """Store what was read and end; says whether all of it was stored. Blocks as `Worker.stop` does."""
        self._schema.stop()
        is_stored = self.worker.stop(deadline)
        self._admin.stop()
        return is_stored

    def is_live(self) -> bool:
        """Whether all threads run, as far as they were started; also while one worker takes another's place."""
        return not self._has_started or self._is_exchanging or (self.worker.is_live() and self._schema.is_alive)

    def not_ready_because(self) -> list[str]:
        """The reasons why nothing is loaded, or something else than the project says, for people."""
        if not self._has_started:
            return [f"waiting for ClickHouse: {self._waiting_because}"]
        return [*self.worker.not_ready_because(), *self._schema.differences()]

    def status(self) -> WorkerStatus:
        return replace(self.worker.status(), schema_differences=self._schema.differences())

    def _exchange(self, end: Callable[[Worker], object]) -> None:
        worker = self._create_worker()
        end(self.worker)
        self.worker = worker
        worker.start()

    def _remember(self, observation: Observation) -> None:
        if isinstance(observation, ServerAwaited) and observation.server == "clickhouse":
            self._waiting_because = observation.error

    def _create_worker(self) -> Worker:
        self._kafka_config = configs_of(self._settings, self._environment, self._project)
        return Worker(self._context, self._project, self._kafka_config)

    def _create_admin(self, registry: CollectorRegistry, routes: Iterable[AbstractRouteDef]) -> AdminServer:
        app = create_admin_app(
            registry=registry,
            is_live=self.is_live,
            readiness=self.not_ready_because,
            status=lambda: self.status().as_json(),
        )
        app.add_routes(routes)
        settings = self._settings
        return AdminServer(app, settings.admin_host, settings.admin_port)


def configs_of(settings: IngestSettings, environment: Mapping[str, str], project: Project) -> ConfigOf:
    """The Kafka configuration of each connection that data sources are fed by, all made now, so that whatever is wrong
    with one is known at once. Raises `SettingsError`."""
    used = {feed.connection for feed in feeds_of(project.data_sources.values())}
    # A connection whose file is not in the project stands for the brokers of the environment.
    connections: dict[str | None, Connection | None] = {
        name if name in project.connections else None: project.connections.get(name or "") for name in used
    }
    configs = {
        name: client_config(settings, environment, connection=connection) for name, connection in connections.items()
    }
    return lambda connection: configs[connection.name if connection is not None else None]
