"""Topics as brokers describe them: by id, absent, or unknown; and created once."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from service.kafka.topics import PARTITIONS, TopicFacts, create, describe


def failure(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


class Admin:
    """Answers each topic with what it is given."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name: self._done(answer) for name, answer in answers.items()}
        self.asked: list[Any] = []

    @staticmethod
    def _done(answer: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future

    def describe_topics(self, *_: Any, **__: Any) -> dict[str, Future[Any]]:
        return self.answers

    def create_topics(self, topics: list[Any], **_: Any) -> dict[str, Future[Any]]:
        self.asked += topics
        return self.answers

    def poll(self, seconds: float) -> None: ...


def test_a_topic_is_there_or_not_or_nobody_knows() -> None:
    unknown = failure(KafkaError._TIMED_OUT)
    admin = Admin(
        here=SimpleNamespace(topic_id="ab+/", partitions=[1, 2]),
        gone=failure(KafkaError.UNKNOWN_TOPIC_OR_PART),
        unknown=unknown,
    )
    found = describe(cast("AdminClient", admin), ["here", "gone", "unknown"])
    assert found == {"here": TopicFacts("ab-_", 2), "gone": None, "unknown": unknown}


@pytest.mark.parametrize(("answer", "is_ours"), [(None, True), (failure(KafkaError.TOPIC_ALREADY_EXISTS), False)])
def test_a_topic_is_created_by_whoever_is_first(answer: Any, is_ours: bool) -> None:
    admin = Admin(clicks=answer)
    assert create(cast("AdminClient", admin), "clicks") is is_ours
    assert [(topic.topic, topic.num_partitions) for topic in admin.asked] == [("clicks", PARTITIONS)]


def test_another_refusal_is_raised() -> None:
    with pytest.raises(KafkaException):
        create(cast("AdminClient", Admin(clicks=failure(KafkaError.CLUSTER_AUTHORIZATION_FAILED))), "clicks")
