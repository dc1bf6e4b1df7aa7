"""What an answer about a topic says, and that asking never ends."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest_worker.observing.observations import Observation, UnexpectedFailure
from ingest_worker.watching import topic_watch as module
from ingest_worker.watching.topic_watch import TopicWatch
from service.backoff import Backoff
from service.kafka.topics import TopicFacts
from tests.ingest_worker.fakes import Clock, kafka_error

KNOWN = {"a": TopicFacts("id-a", 6), "b": TopicFacts("id-b", 6), "c": None}


class Bench:
    """A watch whose broker's answers are given: by topic, or an exception for the question as a whole."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Any) -> None:
        self.clock = Clock()
        self.answers = list(answers)
        self.asked: list[list[str]] = []
        self.confirmed: list[tuple[str, str, float]] = []
        self.seen: list[Observation] = []
        self.is_through = threading.Event()
        monkeypatch.setattr(module, "describe", self._describe)
        monkeypatch.setattr(module, "_BACKOFF", Backoff(first=0, longest=0))
        monkeypatch.setattr(module, "_STEP_SECONDS", 0)
        self.watch = TopicWatch(
            cast("Any", None), KNOWN, lambda *told: self.confirmed.append(told), self.seen.append, self.clock
        )

    def _describe(self, _: Any, topics: Any) -> Any:
        self.asked.append(sorted(topics))
        answer = self.answers.pop(0)
        self.clock.now += 5  # as long as a broker takes
        if not self.answers:
            self.watch.stop()
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_an_answer_counts_from_when_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, {"a": TopicFacts("id-a", 6)})
    assert bench.watch.look(["a"])
    assert bench.confirmed == [("a", "id-a", 100.0)]


def test_another_id_and_a_missing_topic_are_changes_until_the_known_id_is_seen_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch, {"a": TopicFacts("other", 6), "b": None}, {"b": TopicFacts("id-b", 9)}, {})
    assert bench.watch.changed == {"c": None}
    bench.watch.look(["a", "b"])
    assert bench.watch.changed == {"a": TopicFacts("other", 6), "b": None, "c": None}
    bench.watch.look(["b"])
    assert bench.watch.changed == {"a": TopicFacts("other", 6), "c": None}
    assert bench.confirmed == [("b", "id-b", 105.0)]


def test_a_broker_that_does_not_answer_says_nothing_and_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    away = KafkaException(kafka_error(KafkaError._TRANSPORT))
    bench = Bench(monkeypatch, {"a": away}, {"a": TopicFacts("id-a", 6)})
    bench.watch.wake(["a"])
    bench.watch.run()
    assert bench.asked == [["a"], ["a"]]
    assert bench.confirmed == [("a", "id-a", 105.0)]
    assert bench.watch.changed == {"c": None}
    assert bench.seen == []


def test_what_nobody_expected_is_counted_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, RuntimeError("nobody thought of it"), {"a": TopicFacts("id-a", 6)})
    bench.watch.wake(["a"])
    bench.watch.run()
    assert bench.asked == [["a"], ["a"]]
    assert bench.seen == [UnexpectedFailure("topic watch")]
