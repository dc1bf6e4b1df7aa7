"""Another project for a running application: its files are read and compiled beside the requests, then swapped in."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from query_api.app import LIVE, STATE, prepare_swap, read_project
from query_api.engine.schema_check import schema_check
from query_api.processes.errors import NoSwapError
from query_api.server import SchemaCheck
from query_api.settings import QueryApiSettings
from schemas.errors import ProjectError
from schemas.feed import connection_of, feeds_of
from schemas.model import Connection, Project
from schemas.report import render
from schemas.tables.views.project import ProjectViews, views_of
from service.errors import SettingsError

# Seconds of another thread's work before the event loop's is let in again: each turn of a request may wait for one.
_SHORT_TURN = 0.0005

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Swap:
    """A project that is ready to be answered for; `now` is to be called on the event loop's thread."""

    project: Project
    pipes: tuple[str, ...]
    now: Callable[[], None]


class Swapping:
    """Reads the project of an application's settings anew."""

    def __init__(
        self, app: web.Application, environment: Mapping[str, str], schema: DeployedSchema | None = None
    ) -> None:
        """`schema` follows the project, the one of now first."""
        self._app, self._environment, self._schema = app, environment, schema
        snapshot = app[LIVE].snapshot
        self._brokers = _brokers(snapshot.project)
        if schema is not None:
            schema.follow(snapshot.project, views_of(snapshot.project, snapshot.catalog))
        self._one_at_a_time = asyncio.Lock()

    async def prepare(self) -> Swap:
        """Raises `NoSwapError`. Nothing is answered otherwise until the swap is called."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._prepare)

    def _prepare(self) -> Swap:
        with _beside_requests():
            try:
                project, catalog = read_project(self._app[STATE].settings, self._environment)
            except ProjectError as error:
                raise NoSwapError(render(error.problems)) from error
            except SettingsError as error:
                raise NoSwapError(str(error)) from error
            if _brokers(project) != self._brokers:
                raise NoSwapError(
                    "its KAFKA_ lines lead to other brokers than those that events are sent to\n"
                    "hint: start the API again, or say in its environment where the brokers are"
                )
            swap = prepare_swap(self._app, project, catalog)
            pipes = tuple(sorted(catalog.endpoints))
            if self._schema is None:
                return Swap(project, pipes, swap)
            follow = partial(self._schema.follow, project, views_of(project, catalog))
            return Swap(project, pipes, partial(_both, swap, follow))


class DeployedSchema:
    """What of the project that is answered for now is not deployed; a `query_api.server.SchemaCheck`."""

    def __init__(self, settings: QueryApiSettings) -> None:
        self._settings = settings
        self._missing: SchemaCheck | None = None

    async def __call__(self) -> list[str]:
        return [] if self._missing is None else await self._missing()

    def follow(self, project: Project, views: ProjectViews) -> None:
        """Compare with this project from now on, and log what of its views nothing carries out."""
        for problem in (*views.not_carried_out, *views.problems):
            logger.warning("%s: %s", problem.place, problem.message)
        self._missing = schema_check(self._settings, project, views)


def _both(first: Callable[[], None], second: Callable[[], None]) -> None:
    first()
    second()


def _brokers(project: Project) -> Connection | None:
    return connection_of(feeds_of(project.data_sources.values()), project.connections)


@contextmanager
def _beside_requests() -> Iterator[None]:
    """Threads take turns more often, so that a request is not held up by each of its waits, and nobody stops for the
    collector, which would walk both projects."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SHORT_TURN)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sys.setswitchinterval(before)
