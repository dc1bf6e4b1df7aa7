"""The `ingest-worker` command: settings, logs, signals, and a worker between start and stop."""

from __future__ import annotations

import ctypes
import functools
import gc
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from ingest_worker.admin import AdminServer
from ingest_worker.deployment import ensure_deployed
from ingest_worker.errors import ReplicatedTablesError
from ingest_worker.observing.log import log_observation
from ingest_worker.observing.metrics import Metrics
from ingest_worker.observing.observations import Observation, observe_by
from ingest_worker.observing.servers import ServerAwaited
from ingest_worker.settings import IngestSettings
from ingest_worker.status import WorkerStatus
from ingest_worker.status_metrics import StatusCollector
from ingest_worker.storing.settled import records_of
from ingest_worker.watching import clickhouse_look as clickhouse
from ingest_worker.watching.schema_watch import SchemaWatch
from ingest_worker.worker import Worker
from schemas.errors import ProjectError
from schemas.feed import feeds_of
from schemas.model import Connection, Project
from schemas.project import load_project
from schemas.report import render
from service.clickhouse.tls import tls_context
from service.errors import SettingProblem, SettingsError
from service.kafka.config import ConfigOf, client_config
from service.logs import configure
from service.secret_files import with_project_secrets
from service.settings import load_settings
from service.web.admin import create_admin_app

_WRONG_SETTINGS = 2  # the exit code that shells and click give a wrong use
_WRONG_PROJECT = 1
# The ClickHouse client loads these with the first insert where they are installed, for kinds of data that the worker
# never gives it: 80 MB and a second for nothing.
_UNUSED_LIBRARIES = ("numpy", "pandas", "polars", "pyarrow")
# A call of the consumer makes a thousand messages, more than Python's default of 700 objects after which it looks for
# cycles, through everything that lives: a quarter of the reading thread's time. They are freed without that.
_COLLECT_AFTER = 50_000
# glibc gives each thread a part of the memory to itself (mallopt(3)), so what one thread frees another cannot use: a
# tenth of the worker's memory. The reading thread allocates nearly everything, so one part is enough.
_M_ARENA_MAX = -8
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main() -> int:
    """Run until SIGTERM or SIGINT. 0 after a stop, 2 when a setting is wrong, 1 when the project is or
    cannot be loaded into these tables."""
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    for name in _UNUSED_LIBRARIES:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None makes an import fail, says the import system
    try:
        settings = load_settings(IngestSettings)
        configure(settings.birdhouse_log_format, settings.birdhouse_log_level)
        if settings.clickhouse_url is None:
            raise SettingsError(
                [SettingProblem("CLICKHOUSE_URL", "is needed and not set", "for example `http://localhost:8123`")]
            )
        tls_context(settings)  # its files, before anything is started
        project = load_project(settings.project_folder, environment=with_project_secrets(os.environ))
        kafka_config = _kafka_configs(settings, project, os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return _WRONG_SETTINGS
    except ProjectError as error:
        print(render(error.problems), file=sys.stderr)
        return _WRONG_PROJECT
    return run(settings, project, kafka_config, _stop_event())


def _stop_event() -> threading.Event:
    """Set by SIGTERM or SIGINT. To be called before other threads are started.

    A handler would run within whatever the main thread is doing, which may be `Event.wait` with the lock that
    `Event.set` needs, and not at all while the kernel wakes another thread for the signal.
    """
    stop = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)

    def await_signal() -> None:
        try:
            signal.sigwait(_STOP_SIGNALS)
        finally:
            stop.set()  # with nobody left to notice a signal, it could only be killed

    threading.Thread(target=await_signal, name="signals", daemon=True).start()
    return stop


def run(
    settings: IngestSettings,
    project: Project,
    kafka_config: ConfigOf,
    stop: threading.Event,
) -> int:
    """Serve the admin port and the worker until `stop` is set, then drain. Returns the exit code."""
    gc.freeze()  # what was imported stays
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
    registry = CollectorRegistry()
    for process_collector in (ProcessCollector, PlatformCollector, GCCollector):
        process_collector(registry=registry)
    waiting: dict[str, str] = {}

    def remember(observation: Observation) -> None:
        if isinstance(observation, ServerAwaited):
            waiting[observation.server] = observation.error

    connect = functools.partial(clickhouse.connect, settings)
    told = observe_by(log_observation, Metrics(registry).observe, remember)
    watch = SchemaWatch(
        connect,
        project,
        settings.clickhouse_database,
        told,
        lambda name, reason: worker.hold(name, reason),
        may_apply=settings.deploy_on_start,
    )
    observe = observe_by(told, watch.observe)
    worker = Worker(settings, project, clickhouse_factory=connect, kafka_config=kafka_config, observe=observe)

    def status() -> WorkerStatus:
        return replace(worker.status(), schema_differences=watch.differences())

    registry.register(StatusCollector(status))
    started = threading.Event()
    admin = AdminServer(
        create_admin_app(
            registry=registry,
            is_live=lambda: worker.is_live() and watch.is_alive if started.is_set() else True,
            readiness=lambda: (
                [*worker.not_ready_because(), *watch.differences()]
                if started.is_set()
                else [f"waiting for ClickHouse: {waiting.get('clickhouse', 'no answer yet')}"]
            ),
            status=lambda: status().as_json(),
        ),
        settings.birdhouse_ingest_admin_host,
        settings.birdhouse_ingest_admin_port,
    )
    try:
        admin.start()
    except OSError as error:
        print(f"cannot listen on the admin port: {error}\nhint: set `BIRDHOUSE_INGEST_ADMIN_PORT`", file=sys.stderr)
        return _WRONG_SETTINGS
    try:
        refusal = ensure_deployed(
            connect,
            project,
            settings.clickhouse_database,
            observe,
            stop,
            may_apply=settings.deploy_on_start,
            is_pinned=settings.birdhouse_ingest_pinned_replica,
            records=records_of(kafka_config),
        )
    except ReplicatedTablesError as error:
        print(error, file=sys.stderr)
        admin.stop()
        return _WRONG_PROJECT
    if not stop.is_set():
        watch.refused(refusal)
        watch.look()  # before the first insert
        watch.start()
        worker.start()
        started.set()
        stop.wait()
        watch.stop()
        worker.stop()
    admin.stop()
    return 0


def _kafka_configs(settings: IngestSettings, project: Project, environment: Mapping[str, str]) -> ConfigOf:
    """Each connection's configuration, all made now so that whatever is wrong with one stops the start."""
    used = {feed.connection for feed in feeds_of(project.data_sources.values())}
    # A connection whose file is not in the project stands for the brokers of the environment.
    connections: dict[str | None, Connection | None] = {
        name if name in project.connections else None: project.connections.get(name or "") for name in used
    }
    configs = {
        name: client_config(settings, environment, connection=connection) for name, connection in connections.items()
    }
    return lambda connection: configs[connection.name if connection is not None else None]


if __name__ == "__main__":
    sys.exit(main())
