"""The real worker under load, its connections cut now and then: views are filled, deploys die, nothing counts twice."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

from ingest_worker.storing.settled import records_of
from schemas.tables.views.view import ViewChanges
from service.deployment.cut.steps import read_unfinished
from service.errors import UnsettledError
from tests.ingest_worker.house import House, Line, until
from tests.integration.deployment.cut.scene import EVENTS, VIEWS, Scene, StoppedError, message
from tests.servers import ClickHouseServer

ROUNDS = 3
STATEMENTS = 260
"""More than a whole deploy takes, so that some rounds are not stopped."""
FEED = """
KAFKA_CONNECTION_NAME brokers
KAFKA_TOPIC {topic}
KAFKA_GROUP_ID {topic}
KAFKA_AUTO_OFFSET_RESET earliest
"""
PARTITIONS = 6


class Events:
    """Events with known numbers, some 2,000 a second, until it is told to hold."""

    def __init__(self, kafka: str, topic: str) -> None:
        self._producer = Producer({"bootstrap.servers": kafka, "linger.ms": 20})
        self._topic = topic
        self._numbers = itertools.count()
        self._goes_on, self._rests, self._is_over = threading.Event(), threading.Event(), threading.Event()
        self.produced = 0
        self._goes_on.set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def hold(self) -> int:
        """All that were produced are at the broker: how many."""
        self._rests.clear()
        self._goes_on.clear()
        assert self._rests.wait(30)
        assert self._producer.flush(30) == 0
        return self.produced

    def go_on(self) -> None:
        self._goes_on.set()

    def stop(self) -> None:
        self._is_over.set()
        self._goes_on.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._is_over.is_set():
            if not self._goes_on.is_set():
                self._rests.set()
                self._goes_on.wait()
            for number in itertools.islice(self._numbers, 100):
                self._producer.produce(self._topic, message(number), partition=number % PARTITIONS)
                self.produced += 1
            self._producer.poll(0)
            time.sleep(0.05)


class Cuts:
    """A line to ClickHouse that is cut for a moment now and then, so that answers are lost and inserts sent again."""

    def __init__(self, url: str, chance: random.Random) -> None:
        self.line, self._chance, self._is_over = Line(url), chance, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(30)
        self.line.close()

    def _run(self) -> None:
        while not self._is_over.wait(self._chance.uniform(0.5, 3)):
            self.line.cut()
            time.sleep(0.02)
            self.line.mend()


@pytest.fixture
def house(
    clickhouse_client: Client, kafka: str, clickhouse: ClickHouseServer, database: str, unique_name: str, tmp_path: Path
) -> Iterator[tuple[House, Scene, Events]]:
    def connect() -> Client:
        return clickhouse_client

    scene = Scene(connect, database, tmp_path / "project", events=EVENTS + FEED.format(topic=unique_name))
    made = House(kafka, clickhouse, database, clickhouse_client, scene.project)
    with ExitStack() as stack:
        cuts = Cuts(clickhouse.url, random.Random(1))
        stack.callback(cuts.stop)
        stack.callback(made.close)
        worker = made.worker(cuts.line.url, batch_seconds=0.1)
        until(worker.is_ready)
        events = Events(kafka, unique_name)
        stack.callback(events.stop)
        yield made, scene, events


def is_committed(house: House, topic: str, produced: int) -> bool:
    return house.committed(topic, topic) >= produced


@pytest.mark.timeout(600)
def test_views_are_filled_beside_the_worker(house: tuple[House, Scene, Events], unique_name: str) -> None:
    made, scene, events = house
    chance = random.Random()
    config = {"bootstrap.servers": made.kafka}
    opened = records_of(lambda _: config)
    until(lambda: made.count("events") > 2_000)
    for _ in range(ROUNDS):
        statements = chance.randrange(STATEMENTS)
        for last, left in ((False, statements), (False, None), (True, None)):
            there = scene.tables() - read_unfinished(scene.client, scene.database).unmade
            changes = ViewChanges(new=tuple(view for view in VIEWS if view.name not in there))
            try:
                scene.change(changes, opened=opened, statements=left)
            except (StoppedError, UnsettledError):  # answers were lost just then: the next deploy goes on
                if last:
                    raise
                time.sleep(chance.uniform(0, 1))
        time.sleep(chance.uniform(0, 1))
        produced = events.hold()
        until(partial(is_committed, made, unique_name, produced), 120)
        assert made.count("events") + made.count("events_quarantine") == produced
        assert scene.wrong() == {}, f"stopped after {statements} statements"
        scene.change(ViewChanges(gone=tuple(view.name for view in VIEWS)), views=())
        scene.empty_targets()
        events.go_on()
