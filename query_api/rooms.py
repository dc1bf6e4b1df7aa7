"""Collects what the rooms offer for a snapshot."""

from __future__ import annotations

from functools import partial

from query_api.access.token_handlers import TokenHandlers
from query_api.engine.rows import count_rows, read_rows
from query_api.events.event_handlers import EventHandlers
from query_api.events.ingest import EventIngest
from query_api.live import State
from query_api.openapi.answer_columns import AnswerColumns
from query_api.openapi.cache import OpenApiCache
from query_api.openapi.document import openapi_document
from query_api.openapi.openapi_handlers import OpenApiHandlers
from query_api.project.project_handlers import ProjectHandlers
from query_api.questions.answering import Answering
from query_api.questions.explain_handlers import ExplainHandlers
from query_api.questions.explanation import Explainer
from query_api.questions.pipe_handlers import PipeHandlers
from query_api.questions.sql_handlers import SqlHandlers
from query_api.questions.sql_statement import CallerSql
from query_api.routes import Route
from query_api.snapshot import Snapshot


def offered(state: State, snapshot: Snapshot) -> tuple[Route, ...]:
    """The routes of every room. The order is that of the OpenAPI document; which path answers does not depend on it."""
    rooms = (
        *_questions(state, snapshot),
        *_events(state, snapshot),
        *_project(state, snapshot),
        *TokenHandlers(snapshot.tokens).routes(),
    )
    return (*rooms, *_openapi(state, snapshot, rooms))


def _questions(state: State, snapshot: Snapshot) -> tuple[Route, ...]:
    executor, limits = state.servers.executor, state.settings.limits
    sql = CallerSql(snapshot.catalog, executor, limits)
    answering = Answering(state.admission, state.answers, snapshot.catalog.secrets, state.observe)
    version, cache_seconds = state.answers.new_version(), state.settings.cache_seconds
    return (
        *PipeHandlers(snapshot, sql, answering, version, cache_seconds).routes(),
        *SqlHandlers(snapshot, sql, answering).routes(),
        *ExplainHandlers(snapshot, state.admission, Explainer(executor, limits), cache_seconds).routes(),
    )


def _events(state: State, snapshot: Snapshot) -> tuple[Route, ...]:
    settings, servers = state.settings, state.servers
    count = partial(count_rows, servers.executor, settings.limits)
    read = partial(read_rows, servers.executor, settings.limits)
    ingest = EventIngest(servers.producer, servers.topics, state.watcher, count, read)
    most, seconds = settings.max_body_bytes, settings.wait_seconds
    return tuple(EventHandlers(snapshot, ingest, most, seconds, state.told.advance).routes())


def _project(state: State, snapshot: Snapshot) -> tuple[Route, ...]:
    limits = state.settings.limits
    return tuple(ProjectHandlers(snapshot, state.admission, state.servers.executor, limits).routes())


def _openapi(state: State, snapshot: Snapshot, rooms: tuple[Route, ...]) -> tuple[Route, ...]:
    columns = AnswerColumns(snapshot.catalog, state.servers.executor, state.admission, state.settings.limits)
    documents = OpenApiCache(partial(openapi_document, rooms))
    return tuple(OpenApiHandlers(snapshot, columns, documents).routes())
