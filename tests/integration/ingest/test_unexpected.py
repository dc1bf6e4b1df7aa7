"""What nobody expected, in any thread of a worker on real servers: everything is stored once all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from deploy.run.ingest_part import IngestPart
from ingest_worker.observing.observations import Observation, UnexpectedFailure
from ingest_worker.observing.takeovers import OwnershipTaken
from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.inserter import Inserter
from ingest_worker.settings import IngestSettings
from ingest_worker.storing.sink import Sink
from ingest_worker.takeover.claimer import Claimer
from ingest_worker.watching import topic_watch
from service.clickhouse.connect import connect_to_insert
from service.deadline import Deadline
from service.kafka.topics import describe
from service.settings import load_settings
from tests.ingest_worker.house import House, data_source, project, until
from tests.servers import ClickHouseServer

EVENTS = 1200


@pytest.fixture
def house(
    kafka: str, clickhouse: ClickHouseServer, database: str, clickhouse_client: Client, unique_name: str
) -> Iterator[House]:
    made = House(
        kafka, clickhouse, database, clickhouse_client, project(data_source("events", unique_name, unique_name))
    )
    made.kafka_properties |= {"session.timeout.ms": "6000"}
    made.deploy()
    yield made
    made.close()


class Refusing(list[Observation]):
    """Takes no observation at all, as a metric does that is told nonsense."""

    def append(self, observation: Observation) -> None:
        raise ValueError(type(observation).__name__)


def failing(original: Callable[..., Any], *, every: int, error: type[BaseException] = RuntimeError) -> Any:
    """The same function, but that it fails at each `every`th call."""
    calls = 0

    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if (calls - 1) % every == 0:
            raise error("nobody thought of it")
        return original(*arguments, **options)

    return call


def _is_stored(house: House, rows: int) -> bool:
    return house.count("events") >= rows


def load(house: House, topic: str) -> None:
    for first in range(0, EVENTS, 200):
        house.produce(topic, range(first, first + 200))
        until(partial(_is_stored, house, first + 200))
    assert house.ids("events") == list(range(EVENTS))
    until(lambda: house.committed(topic, topic) == EVENTS)


def test_an_observer_that_always_fails_ends_nothing(house: House, unique_name: str) -> None:
    house.seen = Refusing()
    worker = house.worker()
    load(house, unique_name)
    assert worker.is_live()
    assert worker.is_ready()
    assert house.stop(worker)


@pytest.mark.parametrize(
    ("owner", "name", "every", "where"),
    [
        (Sink, "count_quarantined", 3, "inserter"),
        (Inserter, "_settle", 3, "inserter"),
        (Claimer, "_take", 2, "claimer"),
        (Assignment, "to_commit", 60, "source"),
        (topic_watch, "describe", 3, "topic watch"),
    ],
    ids=lambda part: part if isinstance(part, str) else None,
)
def test_what_fails_in_a_thread_is_taken_up_again(
    house: House,
    unique_name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: Any,
    name: str,
    every: int,
    where: str,
) -> None:
    monkeypatch.setattr(owner, name, failing(getattr(owner, name), every=every))
    worker = house.worker()
    load(house, unique_name)
    assert worker.is_live()
    assert UnexpectedFailure(where) in house.seen
    assert "nobody thought of it" in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_dead_makes_the_worker_not_live_and_another_takes_its_place(
    house: House, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": house.kafka,
        "CLICKHOUSE_URL": house.server.url,
        "CLICKHOUSE_USER": house.server.user,
        "CLICKHOUSE_PASSWORD": house.server.password,
        "CLICKHOUSE_DATABASE": house.database,
        "BIRDHOUSE_INGEST_ADMIN_PORT": "0",
        "KAFKA_SESSION_TIMEOUT_MS": "6000",
    }
    settings = load_settings(IngestSettings, environment)
    part = IngestPart(
        settings,
        environment,
        house.project,
        lambda: connect_to_insert(settings, settings.insert_seconds),
        broker_keeps_records=True,
    )
    part.start()
    try:
        former = part.worker
        until(former.is_ready)
        assert part.is_live()
        with monkeypatch.context() as patched:
            # What no `except Exception` catches.
            patched.setattr(Inserter, "see_through", failing(Inserter.see_through, every=1, error=SystemExit))
            house.produce(unique_name, range(60))
            until(lambda: not part.is_live())
        part.revive()
        assert part.is_live()
        assert part.worker is not former
        until(lambda: house.count("events") >= 60)
        assert house.ids("events") == list(range(60))
        part.revive()  # of one that lives: nothing
        assert part.worker is not former
    finally:
        part.stop(Deadline.after(10))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_helpers_that_are_dead_make_the_worker_not_live(
    house: House, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = house.worker()
    until(worker.is_ready)
    assert worker.is_live()
    assert any(isinstance(entry, OwnershipTaken) for entry in house.seen)
    monkeypatch.setattr(topic_watch, "describe", failing(describe, every=1, error=SystemExit))
    until(lambda: not worker.is_live())
