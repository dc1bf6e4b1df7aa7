"""Topics that change under a group: made again, deleted, grown. What is stored is of the topic that it says."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from deploy.operations.offsets import read_offsets, render
from deploy.operations.verify.project import verify_data_source
from deploy.operations.verify.report import Verdict, verdict_of
from ingest_worker.observing.consuming import MessagesConsumed
from ingest_worker.observing.inserts import BatchStored
from ingest_worker.observing.partitions import RowsAlreadyPresent, RowsReleased
from ingest_worker.observing.topics import TopicReplaced
from ingest_worker.storing.record import FeedProgress, Record
from ingest_worker.storing.topic import TopicView
from schemas.feed import feed_of
from schemas.model import DataSource
from tests.ingest_worker.house import House, data_source, until
from tests.integration.ingest.conftest import Build


def latest(source: DataSource) -> DataSource:
    assert source.kafka is not None
    return replace(source, kafka=replace(source.kafka, auto_offset_reset="latest"))


def delete(house: House, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": house.kafka})
    admin.delete_topics([topic], operation_timeout=30)[topic].result(60)


def make(house: House, topic: str, partitions: int = 6) -> None:
    admin = AdminClient({"bootstrap.servers": house.kafka})

    def is_made() -> bool:
        try:
            admin.create_topics([NewTopic(topic, num_partitions=partitions)])[topic].result(60)
        except KafkaException:
            return False
        return True

    until(is_made)


def by_topic(house: House, table: str) -> dict[str, tuple[int, int]]:
    """Of each topic id, the rows that are stored under it and how many different places of it they name."""
    found = house.client.query(
        "SELECT __topic_id, count(), uniqExact(__partition, __offset)"
        f" FROM `{house.database}`.`{table}` GROUP BY __topic_id"
    )
    return {topic_id: (rows, places) for topic_id, rows, places in found.result_rows}


def verdict(house: House, source: str = "events") -> Verdict:
    feed = feed_of(house.project.data_sources[source])
    assert feed is not None
    config = {"bootstrap.servers": house.kafka}
    return verdict_of(verify_data_source(feed, config, house.client, house.database, None))


def accounted(house: House) -> tuple[int, int]:
    """Messages that were read, and those of them that were stored, left out or given back."""
    seen = house.seen
    consumed = sum(entry.messages for entry in seen if isinstance(entry, MessagesConsumed))
    stored = sum(entry.rows for entry in seen if isinstance(entry, BatchStored | RowsAlreadyPresent | RowsReleased))
    return consumed, stored


@pytest.mark.parametrize("partitions", [6, 2, 9])
@pytest.mark.parametrize("reset", ["earliest", "latest"])
def test_a_topic_made_again_under_a_worker_is_loaded_from_its_beginning(
    build: Build, unique_name: str, partitions: int, reset: str
) -> None:
    source = data_source("events", unique_name, unique_name)
    house = build(source if reset == "earliest" else latest(source))
    worker = house.worker()
    until(worker.is_ready)
    house.produce(unique_name, range(60))
    until(lambda: house.count("events") == 60)
    delete(house, unique_name)
    make(house, unique_name, partitions)
    house.produce(unique_name, range(60, 260), partitions=partitions)  # more than the former one had, at once
    until(lambda: house.count("events") >= 260)
    until(worker.is_ready)
    assert house.ids("events") == list(range(260))
    assert sorted(by_topic(house, "events").values()) == [(60, 60), (200, 200)]
    assert [entry.topic for entry in house.seen if isinstance(entry, TopicReplaced)] == [unique_name]
    until(lambda: house.committed(unique_name, unique_name, partitions) == 200)
    assert verdict(house) is Verdict.WELL
    assert house.stop(worker)
    assert len(set(accounted(house))) == 1


def test_what_was_read_of_a_former_topic_is_stored_under_it_or_given_back(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    worker = house.worker(batch_seconds=5)
    until(worker.is_ready)
    for again in range(3):
        first = again * 10_000
        house.produce(unique_name, range(first, first + 6_000))
        time.sleep(0.3)  # so that it is in the middle of loading
        delete(house, unique_name)
        make(house, unique_name)
        house.produce(unique_name, range(first + 6_000, first + 10_000))
    until(lambda: house.committed(unique_name, unique_name) == 4_000)
    assert house.stop(worker)
    stored = house.client.query(f"SELECT count(), uniqExact(id) FROM `{house.database}`.events").result_rows[0]
    assert stored[0] == stored[1]
    last = [entry for entry in house.seen if isinstance(entry, TopicReplaced)][-1].topic_id
    of_last = house.client.query(
        f"SELECT toInt64(id) FROM `{house.database}`.events WHERE __topic_id = {{id:String}} ORDER BY 1", {"id": last}
    )
    assert [row[0] for row in of_last.result_rows] == list(range(26_000, 30_000))
    assert all(rows == places for rows, places in by_topic(house, "events").values())
    assert len(set(accounted(house))) == 1
    assert verdict(house) is Verdict.WELL


def test_several_data_sources_of_a_topic_made_again_and_another_topic_of_their_group(
    build: Build, unique_name: str
) -> None:
    other = f"{unique_name}_other"
    house = build(
        data_source("first", unique_name, unique_name),
        data_source("second", unique_name, unique_name),
        data_source("third", other, unique_name),
    )
    workers = [house.worker(), house.worker()]
    until(lambda: all(worker.is_ready() and worker.status().partitions for worker in workers))
    house.produce(unique_name, range(60))
    house.produce(other, range(60))
    until(lambda: all(house.count(name) == 60 for name in ("first", "second", "third")))
    delete(house, unique_name)
    make(house, unique_name)
    house.produce(unique_name, range(60, 360))
    house.produce(other, range(60, 120))
    until(lambda: house.count("first") >= 360 and house.count("second") >= 360 and house.count("third") >= 120)
    for name, expected in (("first", 360), ("second", 360), ("third", 120)):
        assert house.ids(name) == list(range(expected))
        assert verdict(house, name) is Verdict.WELL
    until(lambda: all(worker.is_ready() for worker in workers))


def test_a_topic_that_is_deleted_is_named_and_not_made_by_the_worker_and_the_others_go_on(
    build: Build, unique_name: str
) -> None:
    other = f"{unique_name}_other"
    house = build(data_source("events", unique_name, unique_name), data_source("others", other, unique_name))
    worker = house.worker()
    until(worker.is_ready)
    house.produce(unique_name, range(60))
    until(lambda: house.count("events") == 60)
    delete(house, unique_name)
    until(lambda: any(f"topic `{unique_name}` was deleted" in reason for reason in worker.not_ready_because()), 15)
    house.produce(other, range(60))
    until(lambda: house.count("others") == 60)
    time.sleep(4)  # the client has looked for its topics again
    house.produce(other, range(60, 120))
    until(lambda: house.count("others") == 120)
    assert any(f"topic `{unique_name}` was deleted" in reason for reason in worker.not_ready_because())
    assert worker.is_live()
    topics = AdminClient({"bootstrap.servers": house.kafka}).list_topics(timeout=10).topics
    assert unique_name not in topics
    make(house, unique_name)
    house.produce(unique_name, range(60, 90))
    until(lambda: house.count("events") >= 90)
    until(worker.is_ready)
    assert house.ids("events") == list(range(90))


@pytest.mark.parametrize("reset", ["earliest", "latest"])
@pytest.mark.parametrize("left", ["nothing", "the former topic's offset"])
def test_a_topic_made_again_while_no_worker_runs(build: Build, unique_name: str, left: str, reset: str) -> None:
    source = data_source("events", unique_name, unique_name)
    house = build(source if reset == "earliest" else latest(source))
    worker = house.worker()
    until(worker.is_ready)
    house.produce(unique_name, range(60))
    until(lambda: house.committed(unique_name, unique_name) == 60)
    assert house.stop(worker)
    (former_id,) = by_topic(house, "events")
    delete(house, unique_name)
    make(house, unique_name)
    house.produce(unique_name, range(60, 260))
    feed = feed_of(house.project.data_sources["events"])
    assert feed is not None
    with TopicView({"bootstrap.servers": house.kafka}, feed) as view:
        if left != "nothing":  # as a worker leaves it whose last commit came after the deletion
            record = Record(former_id, {"events": FeedProgress(10)}, 6).encode(10)
            view.commit([TopicPartition(unique_name, number, 10, record) for number in range(6)])
            assert verdict(house) is Verdict.UNKNOWN
            shown = render(feed, read_offsets(view, unique_name, []), {}, view.topic_id())
            assert shown.count("committed 10 by a worker, of a former topic of that name") == 6
    worker = house.worker()
    until(lambda: house.count("events") >= 260)
    until(worker.is_ready)
    until(lambda: house.committed(unique_name, unique_name) == 200)
    assert house.ids("events") == list(range(260))
    assert verdict(house) is Verdict.WELL
    if left != "nothing" or reset == "latest":
        assert [entry.former_id for entry in house.seen if isinstance(entry, TopicReplaced)] == [former_id]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
@pytest.mark.parametrize("reset", ["earliest", "latest"])
def test_partitions_that_are_added_are_read_from_their_beginning_within_ten_seconds(
    build: Build, unique_name: str, protocol: str, reset: str
) -> None:
    source = data_source("events", unique_name, unique_name)
    house = build(source if reset == "earliest" else latest(source))
    house.kafka_properties["group.protocol"] = protocol
    make(house, unique_name, 2)
    house.produce(unique_name, range(10), partitions=2)
    old = 10 if reset == "earliest" else 0
    worker = house.worker()
    until(worker.is_ready)
    until(lambda: house.count("events") == old)
    grow(house, unique_name, 4)
    added = time.monotonic()
    house.produce(unique_name, range(10, 35), partitions=4)
    until(lambda: house.count("events") >= old + 25)
    assert time.monotonic() - added < 10
    assert house.ids("events")[-25:] == list(range(10, 35))
    assert house.stop(worker)
    # Nor is it forgotten by a stop: nothing has arrived in the others.
    grow(house, unique_name, 6)
    house.produce(unique_name, range(35, 95), partitions=6)
    house.worker()
    until(lambda: house.count("events") >= old + 85)
    assert house.ids("events")[-85:] == list(range(10, 95))


def test_a_group_that_began_at_the_end_and_got_nothing_reads_added_partitions_from_their_beginning(
    build: Build, unique_name: str
) -> None:
    house = build(latest(data_source("events", unique_name, unique_name)))
    make(house, unique_name, 2)
    house.produce(unique_name, range(10), partitions=2)
    worker = house.worker()
    until(worker.is_ready)
    until(lambda: house.committed(unique_name, unique_name, 2) == 10)
    assert house.stop(worker)
    grow(house, unique_name, 4)
    producer = Producer({"bootstrap.servers": house.kafka})
    for number in range(10, 30):
        producer.produce(unique_name, b'{"id": "%d"}' % number, partition=2 + number % 2)
    assert producer.flush(30) == 0
    house.worker()
    until(lambda: house.count("events") >= 20)
    assert house.ids("events") == list(range(10, 30))


def test_two_workers_of_a_new_group_that_begins_at_the_end_load_nothing_of_before(
    build: Build, unique_name: str
) -> None:
    house = build(latest(data_source("events", unique_name, unique_name)))
    make(house, unique_name, 6)
    house.produce(unique_name, range(600))
    workers = [house.worker(), house.worker(), house.worker()]
    until(lambda: all(worker.is_ready() and worker.status().partitions for worker in workers))
    house.produce(unique_name, range(600, 660))
    until(lambda: house.count("events") >= 60)
    assert house.ids("events") == list(range(600, 660))


def grow(house: House, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": house.kafka})
    admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(30)
