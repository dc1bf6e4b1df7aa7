"""Puts the query API together: which part is handed which, and in which order they start and stop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from query_api.access.rate_limit import RateLimiter, Rates
from query_api.answers.answers import Answers
from query_api.answers.kept import KeptAnswers
from query_api.answers.told import LocalTold, Told
from query_api.engine.admission import Admission
from query_api.events.committed import CommitWatcher
from query_api.live import Live, State
from query_api.observing.answers import OF_KEPT, KeptCollector
from query_api.observing.health import Health, Watched
from query_api.observing.log import log_observation
from query_api.observing.metrics import OBSERVATIONS, PREFIX, ApiMetrics
from query_api.observing.observations import Observer, to_all
from query_api.observing.processes import OF_PROCESSES
from query_api.observing.queries import OF_QUERIES, QueriesCollector
from query_api.observing.servers import Server
from query_api.rooms import offered
from query_api.servers import Servers, connect
from query_api.settings import QueryApiSettings
from query_api.snapshot import Snapshot
from query_api.web.middleware import add_headers, answer_errors
from schemas.feed import connection_of, feeds_of
from schemas.model import Project
from schemas.project import load_project
from schemas.queries.catalog import Catalog, compile_project
from service.environment import PROJECT_NAMES
from service.errors import SettingProblem, SettingsError
from service.observing.declared import metrics_of
from service.secret_files import with_project_secrets
from service.web.admin import create_admin_app

STATE = web.AppKey("STATE", State)
LIVE = web.AppKey("LIVE", Live)
GAUGES = web.AppKey("GAUGES", Sequence[Collector])
"""What gives the gauges of the application's state, which are read when somebody asks."""
# What the API counts of what it observes, and of its state, for whoever documents it.
METRICS_PREFIX = PREFIX
METRICS = (*metrics_of(OBSERVATIONS), *(measure.metric for measure in (*OF_QUERIES, *OF_KEPT, *OF_PROCESSES)))


def create_app(
    settings: QueryApiSettings,
    *,
    environment: Mapping[str, str] = os.environ,
    project: Project | None = None,
    servers: Servers | Callable[[Observer], Servers] | None = None,
    observer: Observer = log_observation,
    rates: Rates | None = None,
    told: Told | None = None,
) -> web.Application:
    """The API's application. Without a `project` that of the settings is loaded, without `servers` theirs are used;
    a function is given what the servers' own troubles are told to. Tokens' `rates`, and how often callers were `told`
    that rows are stored, are kept here unless they are given.

    It must be run with `auto_decompress=False` (bodies are decompressed here, under a limit) and
    `handler_cancellation=True` (a caller who leaves cancels the query), as `query_api.server` does.
    Raises `SettingsError` and `schemas.errors.ProjectError`.
    """
    _secret(settings)
    if project is None:
        project, catalog = read_project(settings, environment)
    else:
        catalog = compile_project(project, secrets=_project_secrets(with_project_secrets(environment)))
    registry = CollectorRegistry()
    metrics = ApiMetrics(registry)
    observe = to_all(observer, metrics.observe)
    if servers is None:
        brokers = connection_of(feeds_of(project.data_sources.values()), project.connections)
        servers = connect(settings, environment, observe, connection=brokers)
    elif callable(servers):
        servers = servers(observe)
    state = _state(settings, servers, observe, registry, rates or RateLimiter(), told or LocalTold())
    app = _application(state, Live(partial(offered, state), _snapshot(state, project, catalog)))
    app[GAUGES] = (QueriesCollector(state.admission), KeptCollector(state.answers.kept, PREFIX))
    for gauges in app[GAUGES]:
        registry.register(gauges)
    return app


def swap_project(app: web.Application, project: Project, catalog: Catalog) -> None:
    """Answer for another project, whose pipes are compiled, from the next request on."""
    prepare_swap(app, project, catalog)()


def prepare_swap(app: web.Application, project: Project, catalog: Catalog) -> Callable[[], None]:
    """The same in two steps: everything is made ready, which may be done in a thread, and what is returned is called on
    the event loop's."""
    live = app[LIVE]
    return partial(live.answer_with, live.version(_snapshot(app[STATE], project, catalog)))


def read_project(settings: QueryApiSettings, environment: Mapping[str, str]) -> tuple[Project, Catalog]:
    """The project of the settings, read and compiled. Raises `SettingsError` and `schemas.errors.ProjectError`."""
    seen = with_project_secrets(environment)
    project = load_project(settings.project_folder, environment=seen)
    return project, compile_project(project, secrets=_project_secrets(seen))


def create_admin(app: web.Application) -> web.Application:
    """The admin port's application of an API application."""
    state, live = app[STATE], app[LIVE]

    def status() -> Mapping[str, object]:
        snapshot = live.snapshot
        return {
            "pipes": sorted(snapshot.catalog.endpoints),
            "data_sources": sorted(snapshot.feeds),
            "project": snapshot.project.digest,
            "queries_running": state.admission.running,
            "queries_waiting": state.admission.waiting,
            "not_ready": not_ready_because(state),
        }

    return create_admin_app(
        registry=state.registry,
        is_live=lambda: is_live(state),
        readiness=lambda: not_ready_because(state),
        status=status,
    )


def is_live(state: State) -> bool:
    """Whether everything runs that is to run as long as the application does."""
    return state.servers.producer.is_alive and state.health.is_alive


def not_ready_because(state: State) -> list[str]:
    """Why the service is not ready, a line each; empty when it is."""
    trouble = state.servers.producer.trouble
    return state.health.reasons() + ([f"Kafka takes no events from this API: {trouble}"] if trouble else [])


def _state(
    settings: QueryApiSettings,
    servers: Servers,
    observe: Observer,
    registry: CollectorRegistry,
    rates: Rates,
    told: Told,
) -> State:
    admission = Admission(
        concurrency=settings.max_queries,
        queue=settings.max_queued,
        queue_seconds=settings.max_queue_seconds,
    )
    kept = KeptAnswers(settings.cache_bytes)
    return State(
        settings=settings,
        servers=servers,
        admission=admission,
        answers=Answers(servers.executor, settings.limits, admission, kept, told, observe),
        told=told,
        rates=rates,
        watcher=CommitWatcher(servers.committed, observe),
        health=Health(_watched(settings, servers), observe),
        observe=observe,
        registry=registry,
    )


def _snapshot(state: State, project: Project, catalog: Catalog) -> Snapshot:
    return Snapshot.of(project, catalog, partial(_secret, state.settings), state.rates)


def _application(state: State, live: Live) -> web.Application:
    most = state.settings.max_body_bytes
    app = web.Application(middlewares=[answer_errors(state.observe, max_body_bytes=most)], client_max_size=most)
    app[STATE], app[LIVE] = state, live
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(_say_stopping)
    app.cleanup_ctx.append(_run_background)
    live.add_to(app.router)
    return app


async def _say_stopping(app: web.Application) -> None:
    app[STATE].health.is_stopping = True


async def _run_background(app: web.Application) -> AsyncIterator[None]:
    state = app[STATE]
    state.health.start()
    yield
    await state.health.stop()
    await state.watcher.close()
    await state.servers.producer.close(state.settings.shutdown_seconds)
    await state.servers.executor.close()


def _watched(settings: QueryApiSettings, servers: Servers) -> dict[Server, Watched]:
    return {
        "ClickHouse": Watched(settings.clickhouse_url or "embedded", servers.executor.ping),
        "Kafka": Watched(settings.kafka_bootstrap_servers or "embedded", servers.topics.refresh),
    }


def _secret(settings: QueryApiSettings) -> bytes:
    if settings.secret is None:
        hint = "every token is derived from it; make one with `openssl rand -hex 32`"
        raise SettingsError([SettingProblem("BIRDHOUSE_SECRET", "is needed and not set", hint)])
    return settings.secret.get_secret_value().encode()


def _project_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PROJECT_NAMES): value for name, value in environment.items() if name.startswith(PROJECT_NAMES)
    }
