"""The worker: which threads there are, what connects them, and in which order they stop."""

from __future__ import annotations

import threading
from dataclasses import replace

from ingest_worker.context import Context
from ingest_worker.observing.lifetime import WorkerStarted, WorkerStopped
from ingest_worker.observing.observations import observe_by
from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.buffer import Buffer
from ingest_worker.pipeline.group import Destination, Group, group_feeds
from ingest_worker.pipeline.inserter import Inserter
from ingest_worker.status import WorkerStatus, status_of
from ingest_worker.storing.batch import Limits
from ingest_worker.storing.fence.ownership import OwnerState
from ingest_worker.storing.fence.scan import offset_tables_of
from ingest_worker.storing.sink import Sink
from ingest_worker.watching.clickhouse_look import ClickHouseLook
from ingest_worker.watching.looks import Looks
from schemas.feed import Feed, feeds_of
from schemas.mapping.landing import landing_of
from schemas.model import Project
from service.deadline import Deadline
from service.kafka.config import ConfigOf

# How much longer than a drain a reading thread may be silent before the process counts as dead.
_SILENCE_SECONDS = 60.0
# What a stop needs beside the drain: leaving the group, ending threads.
_LEAVE_SECONDS = 5.0


class Worker:
    """Loads the events of every data source of a project that takes any.

    `kafka_config` gives librdkafka's configuration for a data source's `.connection` (None: the environment's brokers).
    One consumer is made for each connection and group.
    """

    def __init__(self, context: Context, project: Project, kafka_config: ConfigOf) -> None:
        # Whatever is given: what only watches must not end a thread that loads.
        self._context = context = replace(context, observe=observe_by(context.observe))
        self._observe = context.observe
        self._clock = context.clock
        self._settings = settings = context.settings
        self._stop_requested = threading.Event()
        self._is_started = False
        self._deadline = Deadline.after(0, self._clock)
        self._feeds = feeds_of(project.data_sources.values())
        self._buffers = self._create_buffers()
        self._groups = self._create_groups(project, kafka_config)
        self._inserter_threads = self._create_inserters()
        self._looks = [group.looks for group in self._groups]
        if (address := settings.clickhouse_address) is not None:
            look = ClickHouseLook(address, context.connect)
            self._looks.append(Looks("ClickHouse", look, self._observe, self._clock))
        self._look_threads = [
            threading.Thread(target=looks.run, args=(self._stop_requested,), name=f"looks-{looks.server}", daemon=True)
            for looks in self._looks
        ]
        self._group_threads = [
            threading.Thread(
                target=group.run,
                args=(self._stop_requested, lambda: self._deadline),
                name=f"source-{group.name}",
                daemon=True,
            )
            for group in self._groups
        ]

    def start(self) -> None:
        """Begin, without waiting for any server."""
        names = tuple(feed.data_source for feed in self._feeds)
        self._observe(WorkerStarted(names, tuple(dict.fromkeys(feed.topic for feed in self._feeds))))
        for thread in (*self._inserter_threads, *self._group_threads, *self._look_threads):
            thread.start()
        self._is_started = True

    def stop(self, deadline: Deadline | None = None) -> bool:
        """Store and commit what was read, leave the groups, end all threads. Says whether all of it was stored.

        Blocks until the deadline (by default the settings' drain time) and a few seconds more at most. What is
        still being inserted then is left to itself: nothing of it is committed. Harmless before a start.
        """
        if not self._is_started:
            return True
        self._deadline = deadline or Deadline.after(self._settings.drain_seconds, self._clock)
        self._stop_requested.set()
        leaving = Deadline.after(self._deadline.remaining() + _LEAVE_SECONDS, self._clock)
        for thread in self._group_threads:
            thread.join(leaving.remaining())
        for buffer in self._buffers.values():
            buffer.close()
        for thread in self._inserter_threads:
            thread.join(leaving.at_most(1.0))
        drained = all(group.has_drained for group in self._groups)
        self._observe(WorkerStopped(drained))
        return drained

    def is_ready(self) -> bool:
        """Whether every group is joined and all partitions it gave this worker (maybe none) are owned and can be
        inserted into."""
        return not self.not_ready_because()

    def not_ready_because(self) -> list[str]:
        """The reasons why the worker is not ready, for people."""
        reasons = [f"{looks.server}: {looks.reason}" for looks in self._looks if looks.reason is not None]
        for group in self._groups:
            reasons += group.not_ready_because()
            reasons += [
                f"topic `{topic}` was deleted: make it again, or take it out of the project"
                for topic in group.gone_topics
            ]
            for partition in list(group.assignment.partitions.values()):
                if partition.state is not OwnerState.OWNED:
                    reasons.append(f"partition {partition.name}: {partition.state.value}")
                if partition.error is not None:
                    reasons.append(f"partition {partition.name}: {partition.error}")
        reasons += [
            f"data source `{buffer.data_source}` is stalled: {buffer.stalled.reason}"
            for buffer in self._buffers.values()
            if buffer.stalled is not None
        ]
        return reasons

    def hold(self, data_source: str, reason: str | None) -> None:
        """Insert nothing of a data source until this is called with None. What is being inserted ends; what was read
        waits. May be called from any thread."""
        if (buffer := self._buffers.get(data_source)) is not None:
            buffer.held = reason

    def is_live(self) -> bool:
        """Whether all threads run and the reading ones turn; not whether any server answers."""
        patience = self._settings.drain_seconds + _SILENCE_SECONDS
        threads = (*self._inserter_threads, *self._group_threads, *self._look_threads)
        threads_run = all(thread.is_alive() for thread in threads)
        return threads_run and all(group.is_whole and group.silent_seconds < patience for group in self._groups)

    def status(self) -> WorkerStatus:
        assignments = [(group.name, group.assignment) for group in self._groups]
        return status_of(self._buffers.values(), assignments, clock=self._clock)

    def _create_buffers(self) -> dict[str, Buffer]:
        settings = self._settings
        limits = Limits(
            rows=settings.batch_rows,
            payload_bytes=settings.batch_bytes,
            seconds=settings.batch_seconds,
        )
        budget = MemoryBudget(settings.batches_bytes, len(self._feeds))
        names = [feed.data_source for feed in self._feeds]
        return {name: Buffer(name, limits, budget, self._clock) for name in names}

    def _create_groups(self, project: Project, kafka_config: ConfigOf) -> list[Group]:
        grouped = group_feeds(self._feeds)
        return [
            Group(
                self._context,
                key.group,
                [self._destination(feed, project) for feed in feeds],
                kafka_config(project.connections.get(key.connection or "")),
                self._settings.queue_bytes // len(grouped),
            )
            for key, feeds in grouped.items()
        ]

    def _destination(self, feed: Feed, project: Project) -> Destination:
        return Destination(
            feed, self._buffers[feed.data_source], offset_tables_of(project.data_sources[feed.data_source])
        )

    def _create_inserters(self) -> list[threading.Thread]:
        settings = self._settings
        progressed = {feed.data_source: group.progressed for group in self._groups for feed in group.feeds}
        threads = []
        for feed in self._feeds:
            for number in range(settings.inserters):
                sink = Sink(
                    self._context.connect,
                    self._context.database,
                    landing_of(feed),
                    settings.insert_seconds,
                )
                name = feed.data_source
                inserter = Inserter(self._context, self._buffers[name], sink, progressed[name])
                threads.append(threading.Thread(target=inserter.run, name=f"inserter-{name}-{number}", daemon=True))
        return threads
