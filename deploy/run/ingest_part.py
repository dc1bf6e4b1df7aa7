"""The worker with its admin port inside a process that holds other parts too."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from aiohttp.web import AbstractRouteDef
from clickhouse_connect.driver.client import Client

from deploy.run.environments import Environment
from ingest_worker.service import IngestService, Worker
from ingest_worker.settings import IngestSettings
from schemas.feed import feeds_of
from schemas.model import Project
from service.deadline import Deadline

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
        """`connect`, `broker_keeps_records` and `routes` as for `IngestService`. Raises `SettingsError`."""
        self._service = IngestService(
            settings, environment, project, connect=connect, broker_keeps_records=broker_keeps_records, routes=routes
        )
        self._project = project
        self._change = threading.Lock()
        self._is_stopped = False

    @property
    def worker(self) -> Worker:
        return self._service.worker

    def start(self) -> str:
        """Begin without waiting for any server; gives the admin port's address. Raises OSError when that is taken."""
        self._service.start()
        return self._service.listen()

    def is_live(self) -> bool:
        """As `IngestService.is_live`."""
        return self._service.is_live()

    def follow(self, project: Project) -> bool:
        """Load what the project says from now on; says whether that took another worker.

        The old one stores and commits what it has read, within its drain time, before the new one joins the same
        groups. Blocks for that time. Raises `SettingsError`.
        """
        with self._change:
            before, self._project = self._project, project
            self._service.follow(project)
            if self._is_stopped or _feeding(before) == _feeding(project):
                return False
            self._service.exchange()
            return True

    def revive(self) -> None:
        """Another worker in the place of one that does not live any more: a thread of it is dead, or stands still.

        What the former one was at is found in the record and in the tables, as after a crash. Blocks as `stop` does.
        """
        with self._change:
            if self._is_stopped or self.worker.is_live():
                return
            logger.error("the worker does not live any more, another takes its place")
            self._service.replace_dead(_end)

    def stop(self, deadline: Deadline) -> bool:
        """Store what was read and end; says whether all of it was stored. Blocks as `Worker.stop` does."""
        with self._change:
            self._is_stopped = True
            return self._service.stop(deadline)


def _end(worker: Worker) -> None:
    try:
        worker.stop(Deadline.after(REVIVE_SECONDS))
    except Exception:
        logger.exception("the worker that is replaced could not be stopped")


def _feeding(project: Project) -> object:
    """Everything of a project that its worker is made of."""
    return feeds_of(project.data_sources.values()), project.connections
