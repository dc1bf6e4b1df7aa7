"""One process of several: `python -m query_api.processes.serving`, started by the parent and by nobody else."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterable, Sequence

import prometheus_client
from aiohttp import web
from prometheus_client import values
from prometheus_client.registry import Collector

from query_api.app import GAUGES, LIVE, METRICS, METRICS_PREFIX, STATE, create_app, is_live, not_ready_because
from query_api.observing.lifetime import BackgroundFailed
from query_api.processes.between.channel import (
    Channel,
    Commit,
    Drop,
    Facts,
    Message,
    Prepare,
    Prepared,
    Refused,
    Serving,
    Stop,
    Stopping,
    Tell,
)
from query_api.processes.between.given import MEMORY_FILE, METRICS_FOLDER, REFUSED, Given
from query_api.processes.between.taking import Taker
from query_api.processes.errors import NoSwapError
from query_api.processes.shares import share_of
from query_api.processes.sharing.private_folder import remove
from query_api.processes.sharing.shared_memory import SharedMemory, SharedTold
from query_api.processes.sharing.shared_rates import SharedRates
from query_api.processes.sharing.shared_stream import name_process, shared_stream
from query_api.processes.swap import DeployedSchema, Swap, Swapping
from query_api.server import answering, comparing
from query_api.settings import QueryApiSettings
from schemas.errors import ProjectError
from schemas.feed import feeds_of
from schemas.report import render
from service import event_loop, logs
from service.errors import SettingsError
from service.long_lived import loading_long_lived
from service.observing.metric import Gauge
from service.settings import load_settings

_ACROSS = {METRICS_PREFIX + metric.name: metric.across for metric in METRICS if isinstance(metric, Gauge)}


def main() -> None:
    """Exits 0 when told to stop or left alone by the parent, 2 when no process can start with what there is."""
    given = Given.read(sys.argv[1:])
    # Ctrl-C and a closed terminal are told to the whole group; what becomes of it is the parent's to say.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # By number: a process that is started again goes on counting where the one before ended.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(given.folder / METRICS_FOLDER)
    values.ValueClass = values.MultiProcessValue(lambda: given.number)  # type: ignore[no-untyped-call] # it has none
    sys.exit(event_loop.run(_run(given)))


async def _run(given: Given) -> int:
    channel = await Channel.over(socket.socket(fileno=given.channel))
    try:
        settings = share_of(load_settings(QueryApiSettings), given.number, given.count)
        logs.configure(settings.log_format, settings.log_level, stream=shared_stream(sys.stderr, given.folder))
        name_process(given.number)
        memory = SharedMemory.open(given.folder / MEMORY_FILE)
        with loading_long_lived():
            app = create_app(settings, rates=SharedRates(memory), told=SharedTold(memory))
            serving = _Serving(app, channel, given)
    except (SettingsError, ProjectError) as error:
        channel.send(Refused(render(error.problems) if isinstance(error, ProjectError) else str(error)))
        await channel.close()
        return REFUSED
    await serving.run()
    await channel.close()
    return 0


class _Serving:
    def __init__(self, app: web.Application, channel: Channel, given: Given) -> None:
        self._app, self._channel, self._given = app, channel, given
        self._gauges = _MirroredGauges()
        # One process of all compares the schema: what it finds is told of all.
        self._schema = DeployedSchema(app[STATE].settings) if given.number == 0 else None
        self._swapping = Swapping(app, os.environ, self._schema)
        self._swap: Swap | None = None
        self._preparing: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._is_left = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop_untold)
        async with answering(self._app) as api:
            assert api.server is not None, "the runner is set up"
            taker = Taker(socket.socket(fileno=self._given.connections), api.server)
            listening = asyncio.create_task(self._obey())
            snapshot = self._app[LIVE].snapshot
            pipes, sources = sorted(snapshot.catalog.endpoints), sorted(snapshot.feeds)
            self._channel.send(Serving(snapshot.project.digest, pipes, sources))
            async with comparing(self._app, self._schema):
                await self._stop.wait()
            await taker.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        if self._is_left:
            remove(self._given.folder)

    def _stop_untold(self) -> None:
        self._channel.send(Stopping())
        self._stop.set()

    async def _obey(self) -> None:
        async for message in self._channel.messages():
            try:
                self._do(message)
            except Exception as error:
                self._app[STATE].observe(BackgroundFailed("doing what the parent says", error))
        # Nobody can reach this process any more.
        self._is_left = not self._stop.is_set()
        self._stop.set()

    def _do(self, message: Message) -> None:
        match message:
            case Tell():
                self._tell()
            case Prepare():
                task = asyncio.create_task(self._prepare())
                self._preparing.add(task)
                task.add_done_callback(self._preparing.discard)
            case Commit() if self._swap is not None:
                self._swap.now()
                self._swap = None
            case Drop():
                self._swap = None
            case Stop():
                self._stop.set()

    def _tell(self) -> None:
        state = self._app[STATE]
        gauges: Sequence[Collector] = self._app[GAUGES]
        self._gauges.mirror(gauges)
        facts = Facts(is_live(state), not_ready_because(state), state.admission.running, state.admission.waiting)
        self._channel.send(facts)

    async def _prepare(self) -> None:
        try:
            self._swap = await self._swapping.prepare()
        except NoSwapError as error:
            self._channel.send(Prepared(str(error)))
        except Exception as error:
            self._app[STATE].observe(BackgroundFailed("reading the project", error))
            self._channel.send(Prepared("reading it failed unexpectedly, the log has it"))
        else:
            project = self._swap.project
            sources = sorted(feed.data_source for feed in feeds_of(project.data_sources.values()))
            self._channel.send(Prepared("", project.digest, self._swap.pipes, sources))


class _MirroredGauges:
    """Gauges that are read off a state, put where the parent reads those that are counted."""

    def __init__(self) -> None:
        self._registry = prometheus_client.CollectorRegistry()
        self._gauges: dict[str, prometheus_client.Gauge] = {}

    def mirror(self, collectors: Iterable[Collector]) -> None:
        for family in (family for collector in collectors for family in collector.collect()):
            for sample in family.samples:
                gauge = self._gauges.get(family.name)
                if gauge is None:
                    gauge = self._gauges[family.name] = prometheus_client.Gauge(
                        family.name,
                        family.documentation,
                        tuple(sample.labels),
                        registry=self._registry,
                        multiprocess_mode=_ACROSS.get(family.name, "livesum"),
                    )
                (gauge.labels(**sample.labels) if sample.labels else gauge).set(sample.value)


if __name__ == "__main__":
    main()
