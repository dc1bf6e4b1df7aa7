"""The steps at which a worker of the suite may die, or fail by what nobody expected."""

from __future__ import annotations

import functools
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from confluent_kafka import Consumer

from ingest_worker.observing import metrics
from ingest_worker.pipeline import assignment, buffer, inserter
from ingest_worker.pipeline.source import loop, rebalance
from ingest_worker.storing import sink
from ingest_worker.storing.fence import ownership
from ingest_worker.takeover import claimer
from ingest_worker.watching import topic_watch
from service.kafka.password import opened


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put what `make` gives of the original in its place. AttributeError when there is no such thing any more."""
    setattr(owner, name, make(getattr(owner, name)))


class Deaths:
    """Each step is a method of its name; `count` says at which call of it the process ends."""

    def __init__(self, count: int, chance: random.Random) -> None:
        self._left = count
        self._chance = chance
        self._lock = threading.Lock()

    def is_due(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0

    def die_within(self, seconds: float) -> None:
        threading.Timer(self._chance.uniform(0, seconds), die).start()

    def before_send(self) -> None:
        def make(original: Any) -> Any:
            def insert(*arguments: Any) -> Any:
                if self.is_due():
                    die()
                return original(*arguments)

            return insert

        replace(sink.Sink, "insert", make)

    def before_commit(self) -> None:
        deaths = self

        class Mortal(Consumer):
            def commit(self, *arguments: Any, **options: Any) -> Any:
                if deaths.is_due():
                    die()
                return super().commit(*arguments, **options)

        self._consume_by(Mortal)

    def mid_commit(self) -> None:
        deaths = self

        class Mortal(Consumer):
            def commit(self, *arguments: Any, **options: Any) -> Any:
                if deaths.is_due():
                    super().commit(*arguments, **{**options, "asynchronous": True})
                    time.sleep(deaths._chance.uniform(0, 0.005))
                    die()
                return super().commit(*arguments, **options)

        self._consume_by(Mortal)

    def _consume_by(self, kind: type[Consumer]) -> None:
        defaults = loop.Source.__init__.__kwdefaults__
        assert defaults is not None
        assert defaults["create_consumer"].args == (Consumer,)
        defaults["create_consumer"] = functools.partial(opened, kind)

    def mid_fence(self) -> None:
        def make(original: Any) -> Any:
            def take(client: Any, database: str, claim: ownership.Claim) -> Any:
                if self.is_due():
                    original(client, database, ownership.Claim(claim.keys[: len(claim.keys) // 2], claim.owner))
                    die()
                return original(client, database, claim)

            return take

        replace(claimer, "take_ownership", make)

    def mid_await(self) -> None:
        self._die_during("await_former_inserts", 0.01)

    def mid_scan(self) -> None:
        self._die_during("scan", 0.02)

    def _die_during(self, name: str, seconds: float) -> None:
        def make(original: Any) -> Any:
            def step(*arguments: Any) -> Any:
                is_due = self.is_due()
                if is_due:
                    self.die_within(seconds)
                result = original(*arguments)
                if is_due:
                    die()
                return result

            return step

        replace(claimer, name, make)

    def while_revoking(self) -> None:
        def make(original: Any) -> Any:
            def revoke(*arguments: Any) -> Any:
                self.die_within(0.05)
                original(*arguments)
                die()

            return revoke

        replace(rebalance.Rebalance, "on_revoke", make)

    def unexpected_failures(self) -> None:
        """Nobody dies: a share of the calls fails by what no code of the worker expects."""
        shares = (
            (sink.Sink, "insert", 0.05),
            (inserter.Inserter, "_settle", 0.05),
            (buffer.Buffer, "take", 0.02),
            (claimer.Claimer, "_take", 0.3),
            (assignment.Assignment, "to_commit", 0.002),
            (topic_watch, "describe", 0.05),
            (metrics.Metrics, "observe", 0.05),
        )
        for owner, name, share in shares:
            replace(owner, name, partial(self._failing, share))

    def _failing(self, share: float, original: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if self._chance.random() < share:
                raise LookupError("nobody thought of it")
            return original(*arguments, **options)

        return call
