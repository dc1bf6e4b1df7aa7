"""Which feeds share a consumer, and how a consumer that fails is replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError

from ingest_worker.errors import OwnershipLostError
from ingest_worker.observing.consuming import KafkaTroubled, SourceRestarted
from ingest_worker.observing.observations import Observation
from ingest_worker.pipeline import group as module
from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.buffer import Buffer
from ingest_worker.pipeline.group import Destination, Group, group_feeds
from ingest_worker.storing.fence.scan import OffsetTables
from ingest_worker.watching.topic_watch import TopicWatch
from schemas.feed import Feed
from service.backoff import Backoff
from service.deadline import Deadline
from service.kafka.topics import TopicFacts
from tests.ingest_worker.fakes import LIMITS, Clock, context, kafka_error


def test_one_consumer_for_each_connection_and_group() -> None:
    shared, also = Feed("a", "t"), Feed("b", "t")
    other_group, other_brokers = Feed("c", "t", group_id="g"), Feed("d", "t", connection="k")
    assert group_feeds([shared, other_group, also, other_brokers]) == {
        (None, "birdhouse"): [shared, also],
        (None, "g"): [other_group],
        ("k", "birdhouse"): [other_brokers],
    }


class FakeSource:
    """Sources whose runs end as given, one after the other."""

    endings: list[Callable[[threading.Event], bool]]
    turned_at = 0.0
    has_joined = True

    def __init__(self, *_: Any) -> None:
        """Takes whatever a source takes."""

    def run(self, stop: threading.Event, deadline: Callable[[], Deadline]) -> bool:
        return self.endings.pop(0)(stop)


def bench(
    monkeypatch: pytest.MonkeyPatch, *endings: Callable[[threading.Event], bool]
) -> tuple[Group, list[Observation]]:
    monkeypatch.setattr(module, "_BACKOFF", Backoff(first=0, longest=0))
    monkeypatch.setattr(module, "ensure_topics", lambda *_, **__: {"t": TopicFacts("id", 6)})
    monkeypatch.setattr(TopicWatch, "run", lambda _: None)
    monkeypatch.setattr(module, "Source", FakeSource)
    FakeSource.endings = list(endings)
    clock, seen = Clock(), cast("list[Observation]", [])
    budget = MemoryBudget(1_000, 1)
    group = Group(
        context(seen.append, clock=clock),
        "birdhouse",
        [Destination(Feed("a", "t"), Buffer("a", LIMITS, budget, clock), OffsetTables(("a",)))],
        kafka_config={"bootstrap.servers": "127.0.0.1:1"},
        queue_bytes=1_000_000,
    )
    return group, seen


def failing(_: threading.Event) -> bool:
    raise OwnershipLostError("a commit was refused")


def stopping(stop: threading.Event) -> bool:
    stop.set()
    return True


def test_a_consumer_that_fails_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    group, seen = bench(monkeypatch, failing, failing, stopping)
    group.run(threading.Event(), lambda: Deadline.after(0))
    restarts = [entry for entry in seen if isinstance(entry, SourceRestarted)]
    assert [entry.error for entry in restarts] == ["a commit was refused"] * 2
    assert group.has_drained


def test_every_trouble_is_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    group, seen = bench(monkeypatch)
    group._on_error(kafka_error(KafkaError._ALL_BROKERS_DOWN))
    group._on_error(kafka_error(KafkaError._TRANSPORT))
    assert [type(entry) for entry in seen] == [KafkaTroubled, KafkaTroubled]


def test_a_loop_that_waits_for_a_broker_that_is_away_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    group, _ = bench(monkeypatch)
    group._source = cast("Any", FakeSource())
    assert group.silent_seconds == 100
    group.looks._said = "Connection refused"
    assert group.silent_seconds == 0
