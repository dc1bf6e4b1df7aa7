"""`birdhouse run`: everything in one process, on embedded parts where no servers are configured."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass

import click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.check import CheckedProject
from deploy.checking.engines import analyse_with
from deploy.embedded.broker import EmbeddedBroker, is_port_free
from deploy.embedded.engine import EmbeddedEngine
from deploy.embedded.records import EmbeddedRecords
from deploy.errors import PortInUseError
from deploy.run.beside import forget_parts
from deploy.run.changes import require_watchfiles
from deploy.run.environments import Environment, api_environment, ingest_environment, shared_environment, with_secret
from deploy.run.fixtures import load_fixtures
from deploy.run.system import System
from deploy.run.watch import ProjectWatch
from deploy.secret import ADMIN_TOKEN_FILE, find_secret, private_folder, write_private
from deploy.settings import RunSettings
from ingest_worker.settings import IngestSettings
from ingest_worker.storing.settled import records_of
from query_api.access.auth import ADMIN, derive_token
from query_api.settings import QueryApiSettings
from service import event_loop
from service.analysis.project import Analyst
from service.backoff import Backoff
from service.clickhouse.connect import connect, reason_of
from service.deployment.apply import apply
from service.deployment.door import OpenRecords
from service.deployment.plan import read_plan
from service.errors import RefusedPlanError, ServerError, SettingProblem, SettingsError, UnsettledError
from service.kafka.config import client_config
from service.settings import load_settings

logger = logging.getLogger(__name__)

BROKER_LOG = "broker.log"
_BACKOFF = Backoff(first=0.5, longest=5.0)


@dataclass(frozen=True, slots=True)
class Servers:
    """The embedded parts that were started, None for those that the settings name servers for."""

    broker: EmbeddedBroker | None
    broker_address: str | None
    engine: EmbeddedEngine | None


def run(
    settings: RunSettings,
    environment: Environment,
    checked: CheckedProject,
    *,
    is_watched: bool = False,
    has_fixtures: bool = False,
) -> int:
    """Start everything, serve until SIGINT or SIGTERM, store what was accepted, stop. Gives the exit code.

    With `is_watched`, files of the project that are saved meanwhile become live; with `has_fixtures`, empty tables get
    the rows of their fixtures first. Raises `ServiceError` and `SettingsError` for what keeps it from starting.
    """
    if is_watched:
        require_watchfiles()
    secret = find_secret(settings)
    check_settings(environment, secret)
    private_folder(settings.data)
    token_file = settings.data.resolve() / ADMIN_TOKEN_FILE
    write_private(token_file, derive_token(secret.encode(), ADMIN) + "\n")
    with ExitStack() as parts:
        servers = _start_servers(settings, parts)
        shared = shared_environment(environment, secret=secret, embedded_broker=servers.broker_address)
        connect_client = _client_factory(settings, servers.engine)
        database = settings.clickhouse_database
        at_start, beside = _records(settings, environment, is_broker_embedded=servers.broker is not None)
        # Before what it then would not notice: a file that is saved while everything starts.
        watch = (
            ProjectWatch(
                settings.project_folder,
                environment,
                functools.partial(_add, connect_client, database, beside),
                analyse=analyse_with(Analyst(connect_client, database)),
            )
            if is_watched
            else None
        )
        checked = _deploy(connect_client, database, at_start, checked, watch)
        if has_fixtures:
            load_fixtures(connect_client, database, checked, lambda text: click.echo(text, err=True))
        system = System(
            checked=checked,
            api_environment=api_environment(shared),
            ingest_environment=ingest_environment(shared, is_broker_embedded=servers.broker is not None),
            connect=connect_client,
            broker=servers.broker,
            engine=servers.engine,
            token_file=token_file,
            watch=watch,
        )
        return event_loop.run(system.serve())


def check_settings(environment: Environment, secret: str) -> None:
    """Raise `SettingsError` or `PortInUseError` before anything is started."""
    # The embedded broker's address is not known yet; whether the rest is right does not depend on it.
    probe = {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092", **with_secret(environment, secret)}
    api = load_settings(QueryApiSettings, probe)
    if api.processes != 1:
        text = "`birdhouse run` is one process, with all of its parts in it"
        hint = "unset it; on servers of your own, `query-api` beside `ingest-worker` has as many processes as you say"
        raise SettingsError([SettingProblem("BIRDHOUSE_API_PROCESSES", text, hint)])
    ingest = load_settings(IngestSettings, probe)
    client_config(api, environment if api.kafka_bootstrap_servers else {})
    ports = (
        (api.host, api.port, "BIRDHOUSE_API_PORT"),
        (api.admin_host, api.admin_port, "BIRDHOUSE_API_ADMIN_PORT"),
        (ingest.admin_host, ingest.admin_port, "BIRDHOUSE_INGEST_ADMIN_PORT"),
    )
    for host, port, setting in ports:
        if port and not is_port_free(host, port):
            raise PortInUseError(host, port, setting)


def _start_servers(settings: RunSettings, parts: ExitStack) -> Servers:
    """Start what is not configured; it stops with `parts`."""
    # The folder's lock first: a second `run` must not start a broker only to find that out.
    engine = parts.enter_context(EmbeddedEngine(settings.data)) if settings.is_engine_embedded else None
    forget_parts(settings.data)
    broker = None
    address = None
    if settings.is_broker_embedded:
        broker = EmbeddedBroker(settings.run_broker_port, log_file=settings.data / BROKER_LOG)
        parts.callback(broker.stop)
        address = broker.start()
    return Servers(broker, address, engine)


def _client_factory(settings: RunSettings, engine: EmbeddedEngine | None) -> Callable[[], Client]:
    return engine.client if engine is not None else functools.partial(connect, settings)


def _records(
    settings: RunSettings, environment: Environment, *, is_broker_embedded: bool
) -> tuple[OpenRecords, OpenRecords]:
    """Of batches under way, for a deploy before the worker runs and for one beside it."""
    if is_broker_embedded:
        return EmbeddedRecords(is_worker_running=False), EmbeddedRecords(is_worker_running=True)
    records = records_of(lambda connection: client_config(settings, environment, connection=connection))
    return records, records


def _deploy(
    connect_client: Callable[[], Client],
    database: str,
    records: OpenRecords,
    checked: CheckedProject,
    watch: ProjectWatch | None,
) -> CheckedProject:
    """Apply what only adds, and give what of the project is to serve; a server that does not answer is waited for.
    Raises `RefusedPlanError` otherwise, and `RefusedStatementError` for what ClickHouse would refuse again."""
    failures = 0
    while True:
        try:
            served = checked
            if watch is not None:
                connect_client().close()  # who does not answer yet analyses nothing either
                served = watch.begin(checked)
            _add(connect_client, database, records, served)
            return served
        except (ServerError, ClickHouseError) as error:
            failures += 1
            delay = _BACKOFF.delay(failures)
            reason = error.message if isinstance(error, ServerError) else reason_of(error)
            logger.warning("waiting for ClickHouse", extra={"fields": {"reason": reason, "seconds": round(delay, 1)}})
            time.sleep(delay)


def _add(connect_client: Callable[[], Client], database: str, records: OpenRecords, checked: CheckedProject) -> None:
    """Apply what only adds. Raises `RefusedPlanError` otherwise, after showing the plan, `RefusedStatementError`, and
    what clients raise."""
    with closing(connect_client()) as client:
        plan = read_plan(client, checked.project, database, checked.views)
        if plan.only_adds:
            try:
                apply(client, plan, records=records, tell=lambda text: click.echo(text, err=True))
            except UnsettledError as error:
                # They may be this worker's own to complete, which it does only once it runs.
                click.echo(f"warning: {error}", err=True)
            return
    click.echo(plan.render(), err=True)
    raise RefusedPlanError(
        "the project changes what is stored, so nothing was done",
        "`birdhouse deploy` makes those changes that lose no data"
        if not plan.refused
        else "undo the refused changes in the project's files, or use another database",
    )
