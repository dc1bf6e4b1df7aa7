"""The consumer of one group: reads, never inserts, and commits what the inserters have stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from ingest_worker.context import Context
from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.source.commits import Commits
from ingest_worker.pipeline.source.drain import Drain
from ingest_worker.pipeline.source.measures import Measures
from ingest_worker.pipeline.source.membership import Membership
from ingest_worker.pipeline.source.pausing import Pausing
from ingest_worker.pipeline.source.rebalance import ClaimPartitions, Rebalance
from ingest_worker.pipeline.source.session import Session
from ingest_worker.pipeline.source.subscription import Subscription
from ingest_worker.pipeline.source.takeovers import Takeovers
from ingest_worker.pipeline.source.troubles import Troubles
from ingest_worker.storing.messages import partition_errors, runs_of
from ingest_worker.takeover.request import Takeover
from ingest_worker.watching.topic_watch import TopicWatch
from service.deadline import Deadline
from service.kafka.password import opened

# Larger calls are slower: their messages no longer fit the processor's cache.
_MESSAGES_A_CALL = 1000
# How long a call waits to fill up, which is also how late a finished insert is noticed and committed.
_CALL_SECONDS = 0.05
_HOLD_STEP_SECONDS = 0.01

_open_consumer = partial(opened, Consumer)


class Source:
    """One consumer, from joining the group to leaving it. Everything but `taken` and `refused_because` runs on the
    thread of `run`.

    `watch`, which others run, says when the topics are no longer what they were. `claim` is asked, without blocking, to
    take ownership of newly assigned partitions, which stay paused until `taken` is called for them.
    """

    def __init__(
        self,
        context: Context,
        subscription: Subscription,
        assignment: Assignment,
        watch: TopicWatch,
        claim: ClaimPartitions,
        *,
        create_consumer: Callable[[dict[str, Any]], Consumer] = _open_consumer,
    ) -> None:
        self._subscription = subscription
        self._only_topic = subscription.only_topic
        self._assignment = assignment
        self._create_consumer = create_consumer
        self._clock = context.clock
        self._sleep = context.sleep
        self._membership = Membership(context.clock)
        session = Session(context, subscription, assignment, watch, self._membership)
        self._commits = commits = Commits(session)
        self._troubles = troubles = Troubles(session)
        self._rebalance = Rebalance(session, commits, troubles, claim)
        self._takeovers = Takeovers(session, self._rebalance, commits, troubles)
        self._pausing = Pausing(session)
        self._measures = Measures(session)
        self._drain = Drain(session, commits, troubles, self._turned)
        self.turned_at = context.clock()

    @property
    def has_joined(self) -> bool:
        return self._membership.has_joined

    def refused_because(self) -> str | None:
        """What the brokers refuse to this member as far as it is known. May be called from any thread."""
        return self._membership.refused_because()

    def taken(self, takeover: Takeover) -> None:
        """Ownership of partitions was taken. Called from another thread."""
        self._takeovers.taken(takeover)

    def run(self, stop: threading.Event, deadline: Callable[[], Deadline]) -> bool:
        """Serve until `stop`, then store and commit what was read within `deadline()` and leave the group.

        Says whether all of it was stored. Raises `SourceError` or `KafkaException` when only a new consumer helps;
        nothing that was not committed by then ever will be by this one.
        """
        consumer = self._create_consumer(dict(self._subscription.config))
        try:
            consumer.subscribe(list(self._subscription.topics), **self._rebalance.callbacks())
            while not stop.is_set():
                self._turn(consumer)
            self._rebalance.deadline = by = deadline()
            return self._drain.run(consumer, by)
        except BaseException:
            self._rebalance.is_failed = True
            raise
        finally:
            self._membership.left()
            try:
                consumer.close()
            finally:
                self._rebalance.give_up("the consumer was closed")

    def _turn(self, consumer: Consumer) -> None:
        timed = self._measures.timed
        self._turned()
        self._troubles.follow_topics()
        self._takeovers.open_taken(consumer)
        if self._pausing.must_hold():
            with timed("hold"):
                self._sleep(_HOLD_STEP_SECONDS)
                self._commits.commit(consumer)
            return
        self._pausing.switch(consumer)
        self._takeovers.take_back(consumer)
        with timed("consume"):
            messages = consumer.consume(_MESSAGES_A_CALL, timeout=_CALL_SECONDS)
        with timed("take in"):
            self._take_in(consumer, messages)
        with timed("commit"):
            self._commits.commit(consumer)
        self._measures.tell(consumer)

    def _turned(self) -> None:
        self.turned_at = self._clock()

    def _take_in(self, consumer: Consumer, messages: Sequence[Message]) -> None:
        events, errors = partition_errors(messages)
        for message in errors:
            self._troubles.handle(message)
        for run in runs_of(
            events,
            only_topic=self._only_topic,
            with_keys=self._subscription.wants_keys,
            with_headers=self._subscription.wants_headers,
        ):
            if not self._assignment.take(run):
                # Pausing throws fetched messages away, so this hardly happens; but a skipped message would be lost.
                consumer.seek(TopicPartition(run.topic, run.partition, run.offsets[0]))
