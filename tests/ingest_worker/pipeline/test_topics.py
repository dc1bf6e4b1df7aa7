"""Topics: missing ones are created, a broker that is away is waited for."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest_worker.observing.observations import Observation
from ingest_worker.observing.servers import ServerAwaited
from ingest_worker.observing.topics import TopicCreated
from ingest_worker.pipeline import topics as module
from ingest_worker.pipeline.topics import ensure_topics
from service.backoff import Backoff
from service.kafka.topics import TopicFacts
from tests.ingest_worker.fakes import kafka_error


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF", Backoff(first=0, longest=0))


def done(result: Any) -> Future[Any]:
    future: Future[Any] = Future()
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
    return future


def error(code: int) -> KafkaException:
    return KafkaException(kafka_error(code))


class FakeAdmin:
    """`rounds` are what each describe finds: ids by topic, or an exception for all of them."""

    def __init__(self, *rounds: Any, creating: Any = None) -> None:
        self.rounds = list(rounds)
        self.creating = creating
        self.created: list[tuple[str, int]] = []

    def poll(self, seconds: float) -> int:
        return 0

    def describe_topics(self, topics: Any, request_timeout: float) -> dict[str, Future[Any]]:
        found = self.rounds.pop(0)
        missing = error(KafkaError.UNKNOWN_TOPIC_OR_PART)
        if isinstance(found, Exception):
            return {name: done(found) for name in ("a", "b")}
        return {
            name: done(SimpleNamespace(topic_id=found[name], partitions=[None] * 6) if name in found else missing)
            for name in ("a", "b")
        }

    def create_topics(self, topics: Any, **_: Any) -> dict[str, Future[Any]]:
        self.created += [(topic.topic, topic.num_partitions) for topic in topics]
        return {topic.topic: done(self.creating) for topic in topics}


def ensure(admin: FakeAdmin) -> tuple[Any, list[Observation]]:
    seen: list[Observation] = []
    found = ensure_topics(cast("Any", admin), ["a", "b"], seen.append, threading.Event())
    assert found is not None
    return {topic: facts.topic_id for topic, facts in found.items() if facts is not None}, seen


def test_topics_that_are_there_are_left_alone() -> None:
    admin = FakeAdmin({"a": "id-a", "b": "id-b"})
    assert ensure(admin) == ({"a": "id-a", "b": "id-b"}, [])
    assert admin.created == []


def test_an_id_never_ends_early_in_a_fence_key() -> None:
    ids, _ = ensure(FakeAdmin({"a": "ED2srC/0TTK9yQ+LLqiezA", "b": "b"}))
    assert ids["a"] == "ED2srC_0TTK9yQ-LLqiezA"


def test_missing_ones_are_created_with_six_partitions() -> None:
    admin = FakeAdmin({"a": "id-a"}, {"a": "id-a", "b": "id-b"})
    ids, seen = ensure(admin)
    assert ids == {"a": "id-a", "b": "id-b"}
    assert admin.created == [("b", 6)]
    assert seen == [TopicCreated("b", 6)]


def test_one_that_may_be_missing_is_not_made() -> None:
    admin = FakeAdmin({"a": "id-a"})
    found = ensure_topics(cast("Any", admin), ["a", "b"], lambda _: None, threading.Event(), may_be_missing=["b"])
    assert found == {"a": TopicFacts("id-a", 6), "b": None}
    assert admin.created == []


def test_another_worker_may_have_been_faster() -> None:
    admin = FakeAdmin({"a": "1"}, {"a": "1", "b": "2"}, creating=error(KafkaError.TOPIC_ALREADY_EXISTS))
    assert ensure(admin) == ({"a": "1", "b": "2"}, [])


def test_a_broker_that_is_away_is_said_and_waited_for() -> None:
    admin = FakeAdmin(error(KafkaError._TRANSPORT), {"a": "1", "b": "2"})
    ids, seen = ensure(admin)
    assert ids == {"a": "1", "b": "2"}
    assert [type(entry) for entry in seen] == [ServerAwaited]


def test_a_topic_that_may_not_be_created_is_said_and_waited_for() -> None:
    refused = error(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    _, seen = ensure(FakeAdmin({"a": "1"}, {"a": "1", "b": "2"}, creating=refused))
    assert [type(entry) for entry in seen] == [ServerAwaited]


def test_a_stop_ends_the_waiting() -> None:
    stop = threading.Event()
    admin = FakeAdmin(*[error(KafkaError._TRANSPORT)] * 2)

    def observe(_: Observation) -> None:
        stop.set()

    assert ensure_topics(cast("Any", admin), ["a", "b"], observe, stop) is None
