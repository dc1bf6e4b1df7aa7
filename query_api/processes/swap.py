"""Another project for a running application: its files are read and compiled beside the requests, then swapped in."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web

from query_api.app import LIVE, STATE, prepare_swap, read_project
from query_api.engine.schema_check import schema_check
from query_api.processes.errors import NoSwapError
from query_api.snapshot import Snapshot
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

    def __init__(self, app: web.Application, environment: Mapping[str, str]) -> None:
        self._app, self._environment = app, environment
        self._brokers = _brokers(app[LIVE].snapshot.project)
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
            return Swap(project, tuple(sorted(catalog.endpoints)), prepare_swap(self._app, project, catalog))


class DeployedSchema:
    """What of the project that is answered for now is not deployed; a `query_api.server.SchemaCheck`."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._of: Snapshot | None = None
        self._missing: Callable[[], Awaitable[list[str]]] | None = None

    async def __call__(self) -> list[str]:
        snapshot = self._app[LIVE].snapshot
        if self._missing is None or snapshot is not self._of:
            views = await asyncio.to_thread(_views, snapshot)
            tell_uncarried(views)
            self._of, self._missing = snapshot, schema_check(self._app[STATE].settings, snapshot.project, views)
        return await self._missing()


def tell_uncarried(views: ProjectViews) -> None:
    """Log what of a project's views nothing carries out."""
    for problem in (*views.not_carried_out, *views.problems):
        logger.warning("%s: %s", problem.place, problem.message)


def _views(snapshot: Snapshot) -> ProjectViews:
    return views_of(snapshot.project, snapshot.catalog)


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
