"""The parts of `birdhouse run` while they run: started, watched, and stopped in the order that loses nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from aiohttp import web
from clickhouse_connect.driver.client import Client
from confluent_kafka import KafkaException

from deploy.check import CheckedProject
from deploy.embedded.broker import KNOWN_LIMITS, EmbeddedBroker
from deploy.embedded.engine import EmbeddedEngine
from deploy.embedded.executor import EmbeddedExecutor
from deploy.embedded.http_door import EngineDoor
from deploy.run.beside import RunningParts, forget_parts, reached_at, write_parts
from deploy.run.drain import AcknowledgedEnds, Drain
from deploy.run.environments import Environment
from deploy.run.ingest_part import IngestPart
from deploy.run.watch import ProjectWatch
from deploy.run.welcome import Addresses, welcome
from ingest_worker.settings import IngestSettings
from query_api.app import STATE, create_app, swap_project
from query_api.app import is_live as is_api_live
from query_api.server import Ports
from query_api.server import serve as serve_api
from query_api.servers import connect as connect_api
from query_api.settings import QueryApiSettings
from schemas.feed import feeds_of
from service.deadline import Deadline
from service.kafka.config import client_config
from service.long_lived import freeze_long_lived
from service.settings import load_settings

logger = logging.getLogger(__name__)

# A stop takes five seconds at most: this, then threads, engine and broker end within the rest.
STOP_SECONDS = 4.0
# What the worker gets of it at least, to leave its groups.
LEAVE_SECONDS = 0.5
# Between two looks at whether everything still runs.
WATCH_SECONDS = 0.2
# Between two attempts to replace a worker.
REVIVE_PAUSE_SECONDS = 2.0
# Before files are followed again, after what nobody expected.
FOLLOW_PAUSE_SECONDS = 0.3
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class System:
    """Everything that runs; `connect` gives clients for the worker's inserts."""

    checked: CheckedProject
    api_environment: Environment
    ingest_environment: Environment
    connect: Callable[[], Client]
    broker: EmbeddedBroker | None
    engine: EmbeddedEngine | None
    token_file: Path
    watch: ProjectWatch | None = None
    _listening: asyncio.Future[Ports] = field(init=False)
    _acknowledged: AcknowledgedEnds = field(default_factory=AcknowledgedEnds)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> int:
        """Run until a signal or until a part fails; gives the exit code."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            # Under nohup a closed terminal must not stop it.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._on_signal, number)
        self._listening = loop.create_future()
        api_settings = load_settings(QueryApiSettings, self.api_environment)
        app = self._create_api(api_settings)
        ingest_settings = load_settings(IngestSettings, self.ingest_environment)
        folder = self.token_file.parent
        door = None
        if self.engine is not None:
            door = EngineDoor(self.engine.handle, self.token_file.read_text().strip(), folder)
        ingest = IngestPart(
            ingest_settings,
            self.ingest_environment,
            self.checked.project,
            self.connect,
            broker_keeps_records=self.broker is None,
            routes=door.routes if door is not None else (),
        )
        ingest_admin = await asyncio.to_thread(ingest.start)
        write_parts(folder, self._parts(ingest_admin))
        stop_api = asyncio.Event()
        freeze_long_lived()
        api = asyncio.create_task(serve_api(app, stop=stop_api, on_listening=self._listening.set_result))
        following = asyncio.create_task(self._follow(self.watch, app, ingest)) if self.watch is not None else None
        try:
            failure = await self._until_stopped(app, api, ingest, api_settings, ingest_admin)
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
            deadline = Deadline.after(STOP_SECONDS)
            stop_api.set()
            await asyncio.gather(api, return_exceptions=True)
            forget_parts(folder)
            is_stored = await asyncio.to_thread(self._stop_ingest, ingest, deadline)
        if failure is not None:
            click.echo(f"error: {failure}", err=True)
        return 0 if failure is None and is_stored else 1

    def _parts(self, ingest_admin: str) -> RunningParts:
        settings = load_settings(QueryApiSettings, self.api_environment)
        return RunningParts(
            os.getpid(),
            None if self.engine is None else reached_at(ingest_admin),
            None if self.broker is None else settings.kafka_bootstrap_servers,
        )

    def _create_api(self, settings: QueryApiSettings) -> web.Application:
        executor = None
        if self.engine is not None:
            executor = EmbeddedExecutor(
                self.engine.handle, database=settings.clickhouse_database, threads=settings.max_queries
            )
        environment = self.api_environment
        servers = partial(connect_api, settings, environment, executor=executor, on_delivered=self._acknowledged.add)
        return create_app(
            settings,
            environment=environment,
            project=self.checked.project,
            servers=servers,
        )

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            # Asked twice: at once, whatever is left. The broker's guard sees us end.
            os._exit(128 + number)
        click.echo("\nstopping once everything that was accepted is stored; Ctrl-C again ends it at once", err=True)
        self._stop.set()

    async def _until_stopped(
        self,
        app: web.Application,
        api: asyncio.Task[None],
        ingest: IngestPart,
        settings: QueryApiSettings,
        ingest_admin: str,
    ) -> str | None:
        """Say welcome once everything is ready; then wait. Gives what failed, None after a signal."""
        is_welcome = False
        while not self._stop.is_set():
            if api.done():
                return f"the API ended: {api.exception()}"
            if self.broker is not None and not self.broker.is_running:
                return "the embedded broker ended; what it held and was not stored is lost"
            if not is_api_live(app[STATE]):
                return "a part of the API ended, the log says which"
            if not ingest.is_live():
                await self._revive(ingest)
            if not is_welcome and self._listening.done() and ingest.worker.is_ready():
                is_welcome = True
                self._say_welcome(settings, self._listening.result(), ingest_admin)
            try:
                await asyncio.wait_for(self._stop.wait(), WATCH_SECONDS)
            except TimeoutError:
                continue
        return None

    async def _revive(self, ingest: IngestPart) -> None:
        """Whatever became of the worker: API, broker and what they hold must not end with it."""
        try:
            await asyncio.to_thread(ingest.revive)
        except Exception:
            logger.exception("the worker could not be replaced, it is tried again")
            await asyncio.sleep(REVIVE_PAUSE_SECONDS)

    async def _follow(self, watch: ProjectWatch, app: web.Application, ingest: IngestPart) -> None:
        """Make what is saved live: first its tables, then its pipes, then the worker that loads its events."""
        while True:
            try:
                async with aclosing(watch.versions()) as versions:
                    async for checked in versions:
                        swap_project(app, checked.project, checked.catalog)
                        self.checked = checked
                        await asyncio.to_thread(ingest.follow, checked.project)
            except Exception:
                # Whatever it is, it must not end what serves; the next file that is saved is another chance.
                logger.exception("what was saved could not be made live")
                await asyncio.sleep(FOLLOW_PAUSE_SECONDS)

    def _say_welcome(self, settings: QueryApiSettings, listening: Ports, ingest_admin: str) -> None:
        addresses = Addresses(
            api=_url(settings.host, listening.api),
            api_admin=_url(settings.admin_host, listening.admin),
            ingest_admin=ingest_admin,
            kafka=(settings.kafka_bootstrap_servers or "") + (f"  ({KNOWN_LIMITS})" if self.broker is not None else ""),
        )
        now = datetime.now(UTC)
        endpoints = self.checked.catalog.endpoints
        click.echo(welcome(self.checked.project, endpoints, addresses, self.token_file, now))

    def _stop_ingest(self, ingest: IngestPart, deadline: Deadline) -> bool:
        """Says whether everything is stored that must be before the broker ends."""
        left = 0
        if self.broker is not None and self.broker.is_running:
            left = self._drain(Deadline.after(max(deadline.remaining() - LEAVE_SECONDS, 0.0)))
        is_stored = ingest.stop(deadline)
        if left:
            click.echo(f"error: {left} accepted events are not stored, and the embedded broker ends now", err=True)
        # A Kafka of one's own still holds what is not stored: the next start goes on there.
        return left == 0 and (is_stored or self.broker is None)

    def _drain(self, deadline: Deadline) -> int:
        settings = load_settings(QueryApiSettings, self.api_environment)
        drain = Drain(
            client_config(settings, self.api_environment), feeds_of(self.checked.project.data_sources.values())
        )
        try:
            return drain.wait(self._acknowledged.by_place, deadline)
        except KafkaException as error:
            logger.warning("the broker does not say what is left", extra={"fields": {"error": str(error)}})
            return 0
        finally:
            drain.close()


def _url(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - where it is reached from here
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
