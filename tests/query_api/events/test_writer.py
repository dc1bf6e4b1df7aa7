"""The thread that serves delivery reports outlives whatever happens in it, and a producer that failed is replaced."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from query_api.errors import Unavailable
from query_api.events.writer import Writer
from query_api.observing.lifetime import BackgroundFailed
from query_api.observing.observations import Observation, Observer
from query_api.observing.servers import ProducerFailed
from service.backoff import Backoff

FATAL = KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, "Cluster authorization failed", fatal=True)


class FakeProducer:
    """Takes the place of each producer that a writer makes; raises what `failures` holds, one at each poll."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.made = 0

    def make(self, config: dict[str, object]) -> Producer:
        self.made += 1
        return cast("Producer", self)

    def writer(self, observe: Observer, *, backoff_seconds: float = 0.01) -> Writer:
        backoff = Backoff(first=backoff_seconds, longest=backoff_seconds)
        return Writer({}, observe, lambda: None, make=self.make, backoff=backoff, trial_seconds=0.05)

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


def test_an_unexpected_exception_is_told_and_ends_nothing() -> None:
    observed: list[Observation] = []
    fake = FakeProducer()
    writer = fake.writer(observed.append)
    fake.failures += [ValueError("in a delivery report"), KafkaException(KafkaError(KafkaError._TRANSPORT))]
    until(lambda: len(observed) == 2)
    assert [type(each) for each in observed] == [BackgroundFailed, BackgroundFailed]
    assert writer.is_alive
    assert writer.trouble is None
    assert fake.made == 1  # what waits in the producer is not thrown away
    writer.close(1)


def test_a_fatal_producer_is_made_anew_until_one_is_not_refused() -> None:
    observed: list[Observation] = []
    fake = FakeProducer()
    writer = fake.writer(observed.append)
    fake.failures += [KafkaException(FATAL)] * 3
    until(lambda: len(observed) == 3)
    assert all(isinstance(each, ProducerFailed) for each in observed)
    assert writer.trouble == "Cluster authorization failed"
    until(lambda: writer.trouble is None)
    assert fake.made == 4
    writer.check()
    writer.close(1)


def test_events_are_refused_with_the_reason_while_there_is_no_producer() -> None:
    fake = FakeProducer()
    writer = fake.writer(lambda _: None, backoff_seconds=60)
    fake.failures.append(KafkaException(FATAL))
    until(lambda: writer.trouble)
    with pytest.raises(Unavailable, match="takes no events from this API: Cluster authorization failed"):
        writer.check()
    writer.close(1)
