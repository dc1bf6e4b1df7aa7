"""Looks at a server: when it counts as away, what is told of it, and that nothing ends them."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]  # not in `__all__`

from ingest_worker.observing.observations import Observation
from ingest_worker.observing.servers import ServerAnswers, ServerLost
from ingest_worker.takeover.partition import Partition, Refusal
from ingest_worker.watching.kafka_look import KafkaLook
from ingest_worker.watching.looks import Looks
from tests.ingest_worker.fakes import Clock, kafka_error


class Server:
    """Answers what it is told to."""

    reason: str | None = None
    error: Exception | None = None

    def __call__(self) -> str | None:
        if self.error is not None:
            raise self.error
        return self.reason


def test_one_look_that_fails_is_no_outage_and_two_are_told_until_it_answers() -> None:
    seen: list[Observation] = []
    server = Server()
    looks = Looks("Kafka", server, seen.append, Clock())
    assert looks.look() == 3.0
    server.reason = "Connection refused"
    assert looks.look() == 1.0
    assert looks.reason is None
    looks.look()
    assert looks.reason == "Connection refused"
    server.reason = None
    looks.look()
    assert looks.reason is None
    assert seen == [ServerAnswers("Kafka"), ServerLost("Kafka", "Connection refused"), ServerAnswers("Kafka")]


def test_a_look_that_does_not_end_is_an_answer_too() -> None:
    clock, begun, stop = Clock(), threading.Event(), threading.Event()
    answer = threading.Event()

    def ask() -> None:
        begun.set()
        answer.wait(10)

    looks = Looks("ClickHouse", ask, lambda _: None, clock)
    thread = threading.Thread(target=looks.run, args=(stop,))
    thread.start()
    assert begun.wait(10)
    assert looks.reason is None
    clock.now += 12
    assert looks.reason == "no answer for 12 s"
    stop.set()
    answer.set()
    thread.join(10)
    assert looks.reason is None


def test_an_unexpected_exception_ends_no_looking() -> None:
    server = Server()
    looks = Looks("Kafka", server, lambda _: None, Clock())
    server.error = ZeroDivisionError()
    looks.look()
    looks.look()
    assert looks.reason == "the last look failed unexpectedly: ZeroDivisionError"
    server.error = None
    looks.look()
    assert looks.reason is None


class FakeAdmin:
    """`ends` by partition number, an exception in place of one; `operations` are those that the topic's user has."""

    def __init__(self, ends: dict[int, Any], operations: Any = ()) -> None:
        self.ends = ends
        self.operations = operations

    def list_offsets(self, wanted: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        return {place: _done(self.ends[place.partition]) for place in wanted}

    def describe_topics(self, topics: Any, **_: Any) -> dict[str, Future[Any]]:
        future: Future[Any] = Future()
        future.set_result(SimpleNamespace(authorized_operations=self.operations))
        return {"t": future}

    def poll(self, seconds: float) -> int:
        return 0


def _done(end: Any) -> Future[Any]:
    future: Future[Any] = Future()
    if isinstance(end, Exception):
        future.set_exception(end)
    else:
        future.set_result(SimpleNamespace(offset=end))
    return future


def look_at(admin: FakeAdmin, *partitions: Partition) -> str | None:
    return KafkaLook({}, lambda: partitions, lambda: 50.0, lambda _: cast("Any", admin))()


def test_ends_are_known_without_reading() -> None:
    partition = Partition("t", 0, "id", 5, 5, high=7, high_at=1.0)
    assert look_at(FakeAdmin({0: 9}), partition) is None
    assert (partition.high, partition.high_at) == (9, 50.0)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (-1001, "no answer within 3 s"),
        (KafkaException(kafka_error(KafkaError._TIMED_OUT)), "Local: Timed out"),
        (KafkaException(kafka_error(29)), "t/0: Broker: Topic authorization failed"),
    ],
)
def test_an_end_that_is_not_told_leaves_the_last_one_as_old_as_it_is(end: Any, reason: str) -> None:
    partition = Partition("t", 0, "id", 5, 5, high=7, high_at=1.0)
    assert look_at(FakeAdmin({0: end}), partition) == reason
    assert (partition.high, partition.high_at) == (7, 1.0)


@pytest.mark.parametrize(
    ("code", "next_offset", "end", "operations", "is_refused"),
    [
        (29, 5, 9, [AclOperation.DESCRIBE], True),
        (29, 5, 9, [AclOperation.DESCRIBE, AclOperation.READ], False),
        (29, 5, 5, [AclOperation.DESCRIBE], True),  # that there is nothing to read proves no right
        (29, 6, 9, [AclOperation.DESCRIBE], False),  # read since
        (2, 5, 9, [], True),
        (2, 5, 5, [], False),
    ],
)
def test_a_refusal_holds_until_something_speaks_against_it(
    code: int, next_offset: int, end: int, operations: list[Any], is_refused: bool
) -> None:
    partition = Partition("t", 0, "id", 5, 5, next_offset=next_offset, refusal=Refusal("refused", code, 5))
    look_at(FakeAdmin({0: end}, operations), partition)
    assert (partition.refusal is not None) == is_refused


def test_a_client_that_is_called_outdated_is_replaced() -> None:
    partition = Partition("t", 0, "id", 5, 5)
    outdated = FakeAdmin({0: KafkaException(kafka_error(KafkaError.FENCED_LEADER_EPOCH))})
    clients = [FakeAdmin({0: 9}), outdated]
    look = KafkaLook({}, lambda: [partition], lambda: 50.0, lambda _: cast("Any", clients.pop()))
    assert look() is not None
    assert look() is None
    assert partition.high == 9
