"""A worker as a process of its own that dies at a named step, or leaves a named protection out; none of it by default.

It loads the real worker first, then reads one line of JSON from standard input and runs `ingest_worker`'s own main:

    {"environment": {...}, "die_at": "mid scan", "count": 3, "seed": 1, "without": ["fence", "record"]}

So a spare one can wait, loaded, until a test needs it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import random
import sys
import time
from typing import Any

import ingest_worker.__main__ as command
from ingest_worker import service, worker
from ingest_worker.pipeline import assignment, group, inserter, partition_queue
from ingest_worker.pipeline.source import loop
from ingest_worker.storing import batch, sink
from ingest_worker.storing.fence import ownership, recovery
from ingest_worker.storing.outcomes import Refused, Stored
from ingest_worker.storing.record import FeedProgress
from ingest_worker.takeover import claimer, partition
from ingest_worker.watching import looks, topic_watch
from service.backoff import Backoff
from service.kafka import topics
from tests.faults.deaths import Deaths, replace


class Without:
    """Each protection is a method of its name, which takes it away."""

    def fence(self) -> None:
        """All workers are the same owner, so that the fence keeps none of them out."""

        def make(original: Any) -> Any:
            return lambda client, database, claim: original(client, database, ownership.Claim(claim.keys, 1))

        replace(claimer, "take_ownership", make)

    def await_(self) -> None:
        replace(
            claimer,
            "await_former_inserts",
            lambda _: lambda client, database, fenced, *rest: (recovery.Quiet(fenced), 0),
        )

    def drain(self) -> None:
        """Partitions are given up while an insert of theirs is under way."""
        replace(assignment.Assignment, "wait_until_idle", lambda _: lambda *arguments: False)

    def scan(self) -> None:
        replace(claimer, "scan", lambda _: lambda *arguments: {})

    def record(self) -> None:
        """The successor does not read what the former owner recorded."""
        replace(partition, "parse_record", lambda _: lambda *arguments: None)

    def token(self) -> None:
        replace(
            batch.Batch, "token", lambda original: property(lambda self: f"{original.fget(self)}/{random.random()}")
        )

    def order(self) -> None:
        """Offsets are committed before the insert, as a consumer with automatic commits does."""

        def make(_: Any) -> Any:
            def record(self: partition_queue.PartitionQueue) -> FeedProgress:
                return FeedProgress(self.cuts[-1].last + 1 if self.cuts else self.mark.position, tuple(self.cuts))

            return property(record)

        replace(partition_queue.PartitionQueue, "record", make)

    def retry(self) -> None:
        """What ClickHouse did not take is left out, unless it was the fence that refused it."""

        def make(original: Any) -> Any:
            def insert(*arguments: Any) -> Any:
                outcome = original(*arguments)
                is_fenced = isinstance(outcome, Refused) and outcome.code == 469
                return outcome if is_fenced else Stored(0.0, "none")

            return insert

        replace(sink.Sink, "insert", make)

    def backoff(self) -> None:
        """A failed insert is tried again after a minute."""
        for name in ("TRANSIENT_BACKOFF", "ALARM_BACKOFF"):
            replace(inserter, name, lambda _: Backoff(first=60.0, longest=60.0))

    def topic_id(self) -> None:
        """All topics have the same id, so that one that was made again is taken for the former one."""

        def make(original: Any) -> Any:
            def described(*arguments: Any) -> Any:
                found = original(*arguments)
                return {name: facts and dataclasses.replace(facts, topic_id="one") for name, facts in found.items()}

            return described

        replace(topics, "describe", make)
        replace(topic_watch, "describe", lambda _: topics.describe)

    def topic_watch(self) -> None:
        """What was read is taken to be of the topic that the consumer began with."""

        def look(self: Any, _: Any) -> bool:
            for topic, facts in self._known.items():
                self._on_confirmed(topic, facts.topic_id, self._clock())
            return True

        replace(topic_watch.TopicWatch, "look", lambda _: look)

    def partition_count(self) -> None:
        """A partition without an offset is taken for one that was there when the group began."""
        replace(partition, "_first_partitions", lambda _: lambda *arguments: 1_000_000)

    def going_on(self) -> None:
        """What nobody expected ends the thread that it happens in, and so does an observer."""

        def run(self: Any) -> None:
            while (in_flight := self._buffer.take()) is not None:
                self.deliver(in_flight)

        replace(inserter.Inserter, "run", lambda _: run)
        replace(claimer.Claimer, "_see_through", lambda _: claimer.Claimer._take)

        def observe_by(*observers: Any) -> Any:
            return lambda observation: [observer(observation) for observer in observers]

        for module in (worker, service):
            replace(module, "observe_by", lambda _: observe_by)

    def short_session(self) -> None:
        self._configure({"session.timeout.ms": 45_000})

    def looks(self) -> None:
        """Nobody asks the servers whether they are there."""
        replace(looks.Looks, "look", lambda _: lambda self: 3.0)

    def stop_out_of_range(self) -> None:
        """An offset that the broker does not hold moves the consumer to the topic's end."""
        self._configure({"auto.offset.reset": "latest"})

    def large_answers(self) -> None:
        self._configure({"receive.message.max.bytes": 4 * 1024 * 1024, "fetch.max.bytes": 1024 * 1024})

    def _configure(self, changed: dict[str, Any]) -> None:
        replace(group, "consumer_config", lambda original: lambda *arguments: {**original(*arguments), **changed})

    def own_thread(self) -> None:
        """The thread that answers the group waits for each insert."""

        def make(original: Any) -> Any:
            def turn(self: Any, consumer: Any) -> None:
                original(self, consumer)
                while not self._assignment.is_idle:
                    self._commits.commit(consumer)
                    time.sleep(0.01)

            return turn

        replace(loop.Source, "_turn", make)


def alter(order: dict[str, Any]) -> None:
    deaths, without = Deaths(order["count"], random.Random(order["seed"])), Without()
    for name in order["without"]:
        getattr(without, "await_" if name == "await" else name.replace(" ", "_"))()
    if order["die_at"]:
        getattr(deaths, order["die_at"].replace(" ", "_"))()


if __name__ == "__main__":
    # Where they are installed (the embedded engine brings them), the client imports them at its first insert, which is
    # the fence, and takes seconds for it on a busy machine.
    for library in ("pandas", "pyarrow"):
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    line = sys.stdin.readline()
    if line:
        orders = json.loads(line)
        os.environ.clear()
        os.environ.update(orders["environment"])
        alter(orders)
        sys.exit(command.main())
