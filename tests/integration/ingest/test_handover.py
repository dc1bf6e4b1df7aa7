"""Groups that were reset, deleted, or doubled by mistake: said in one line, and nothing is stored twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.errors import OffsetsError
from deploy.operations.offsets import feeds_of_topic, positions, read_offsets
from deploy.operations.offsets import set_offsets as write_offsets
from ingest_worker.observing.partitions import PartitionBroken
from ingest_worker.observing.takeovers import HandoverOdd
from ingest_worker.storing.topic import TopicView
from schemas.model import Engine
from tests.ingest_worker.house import House, data_source, project, until
from tests.servers import ClickHouseServer

Build = Callable[..., House]
EVENTS = 600
MERGING = Engine("ReplacingMergeTree", sorting_key="id")


@pytest.fixture
def build(
    kafka: str, clickhouse: ClickHouseServer, database: str, clickhouse_client: Client, unique_name: str
) -> Iterator[Build]:
    """Gives a house whose one data source is fed from a topic of the test's own under `group`."""
    houses: list[House] = []

    def create(group: str, engine: Engine | None = None) -> House:
        house = House(
            kafka, clickhouse, database, clickhouse_client, project(data_source("events", unique_name, group, engine))
        )
        houses.append(house)
        house.deploy()
        return house

    yield create
    for house in houses:
        house.close()


def load(house: House, topic: str, group: str, first: int = 0) -> None:
    """A worker that stores `EVENTS` events and leaves."""
    worker = house.worker()
    until(worker.is_ready)
    house.produce(topic, range(first, first + EVENTS))
    until(lambda: house.committed(topic, group) == first + EVENTS)
    assert house.stop(worker)
    house.seen.clear()


def set_offsets(house: House, topic: str, group: str, offset: int) -> None:
    """What kafka-consumer-groups --reset-offsets does."""
    places = [TopicPartition(topic, number, offset) for number in range(6)]
    admin = AdminClient({"bootstrap.servers": house.kafka})
    futures = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])
    futures[group].result(20)


def odd(house: House) -> list[HandoverOdd]:
    return [entry for entry in house.seen if isinstance(entry, HandoverOdd)]


def test_a_group_that_was_set_back_stores_nothing_twice(build: Build, unique_name: str) -> None:
    house = build(unique_name)
    load(house, unique_name, unique_name)
    set_offsets(house, unique_name, unique_name, 10)
    load(house, unique_name, unique_name, first=EVENTS)
    assert house.ids("events") == list(range(2 * EVENTS))


def test_a_group_that_was_set_forward_says_what_it_leaves_out(build: Build, unique_name: str) -> None:
    house = build(unique_name)
    load(house, unique_name, unique_name)
    house.produce(unique_name, range(EVENTS, 2 * EVENTS))
    set_offsets(house, unique_name, unique_name, 150)
    worker = house.worker()
    until(worker.is_ready)
    said = [gap for entry in odd(house) for gap in entry.not_stored]
    assert sorted(said) == [f"{unique_name}/{number}: 100-149" for number in range(6)]


def test_a_second_group_on_the_same_table_is_said_and_stores_nothing_twice(build: Build, unique_name: str) -> None:
    load(build(unique_name), unique_name, unique_name)
    second = build(f"{unique_name}_second")
    worker = second.worker()
    until(lambda: second.committed(unique_name, f"{unique_name}_second") == EVENTS)
    assert "another consumer group" in odd(second)[0].reason
    assert second.stop(worker)
    assert second.ids("events") == list(range(EVENTS))


@pytest.mark.parametrize("group", ["the same, set back", "another"])
def test_a_table_that_cannot_be_read_back_is_left_alone(build: Build, unique_name: str, group: str) -> None:
    house = build(unique_name, MERGING)
    load(house, unique_name, unique_name)
    if group == "another":
        house = build(f"{unique_name}_second", MERGING)
    else:
        set_offsets(house, unique_name, unique_name, 0)
    worker = house.worker()
    until(lambda: len([entry for entry in house.seen if isinstance(entry, PartitionBroken)]) == 6)
    assert not worker.is_ready()
    assert all(entry.owner_state == "refused" for entry in worker.status().partitions)
    broken = next(entry for entry in house.seen if isinstance(entry, PartitionBroken))
    assert "birdhouse offsets" in broken.hint
    assert house.count("events") == EVENTS
    assert house.stop(worker)
    own_group = house.project.data_sources["events"].kafka.group_id  # type: ignore[union-attr]  # it is there
    feeds = feeds_of_topic(house.project, "events")
    with TopicView({"bootstrap.servers": house.kafka}, feeds[0]) as view:
        wanted = positions(view, read_offsets(view, unique_name, []), "latest")
        topic_id = view.topic_id() or ""
    config = {"bootstrap.servers": house.kafka}
    write_offsets(feeds, config, lambda: house.client, house.database, topic_id, wanted)
    load(house, unique_name, own_group, first=EVENTS)
    assert house.count("events") == 2 * EVENTS


def test_offsets_are_not_set_while_workers_run(build: Build, unique_name: str) -> None:
    house = build(unique_name)
    worker = house.worker()
    until(worker.is_ready)
    feeds = feeds_of_topic(house.project, "events")
    config = {"bootstrap.servers": house.kafka}
    with pytest.raises(OffsetsError, match="stop all of its workers") as caught:
        write_offsets(feeds, config, lambda: house.client, house.database, "id", {0: 0})
    assert unique_name in str(caught.value)
