"""The thread that serves delivery reports outlives whatever happens in it, and a producer that failed is replaced."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException

from query_api.errors import Unavailable
from query_api.events import writer as writers
from query_api.events.writer import Writer
from query_api.observing.lifetime import BackgroundFailed
from query_api.observing.observations import Observation
from query_api.observing.servers import ProducerFailed
from service.backoff import Backoff

FATAL = KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, "Cluster authorization failed", fatal=True)


class FakeProducer:
    """Raises what `failures` holds, one at each poll."""

    failures: list[Exception]
    made: int

    def __init__(self, config: dict[str, object]) -> None:
        type(self).made += 1

    def __len__(self) -> int:
        return 0

    def poll(self, seconds: float) -> int:
        time.sleep(0.001)
        if self.failures:
            raise self.failures.pop(0)
        return 0

    def flush(self, seconds: float) -> int:
        return 0


def until(is_true: Callable[[], object]) -> None:
    give_up = time.monotonic() + 5
    while not is_true():
        assert time.monotonic() < give_up
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeProducer.failures, FakeProducer.made = [], 0
    monkeypatch.setattr(writers, "Producer", FakeProducer)
    monkeypatch.setattr(writers, "_BACKOFF", Backoff(first=0.01, longest=0.01))
    monkeypatch.setattr(writers, "_TRIAL_SECONDS", 0.05)


def test_an_unexpected_exception_is_told_and_ends_nothing() -> None:
    observed: list[Observation] = []
    writer = Writer({}, observed.append, lambda: None)
    FakeProducer.failures += [ValueError("in a delivery report"), KafkaException(KafkaError(KafkaError._TRANSPORT))]
    until(lambda: len(observed) == 2)
    assert [type(each) for each in observed] == [BackgroundFailed, BackgroundFailed]
    assert writer.is_alive
    assert writer.trouble is None
    assert FakeProducer.made == 1  # what waits in the producer is not thrown away
    writer.close(1)


def test_a_fatal_producer_is_made_anew_until_one_is_not_refused() -> None:
    observed: list[Observation] = []
    writer = Writer({}, observed.append, lambda: None)
    FakeProducer.failures += [KafkaException(FATAL)] * 3
    until(lambda: len(observed) == 3)
    assert all(isinstance(each, ProducerFailed) for each in observed)
    assert writer.trouble == "Cluster authorization failed"
    until(lambda: writer.trouble is None)
    assert FakeProducer.made == 4
    writer.check()
    writer.close(1)


def test_events_are_refused_with_the_reason_while_there_is_no_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "_BACKOFF", Backoff(first=60, longest=60))
    writer = Writer({}, lambda _: None, lambda: None)
    FakeProducer.failures.append(KafkaException(FATAL))
    until(lambda: writer.trouble)
    with pytest.raises(Unavailable, match="takes no events from this API: Cluster authorization failed"):
        writer.check()
    writer.close(1)
