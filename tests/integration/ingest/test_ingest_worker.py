"""The worker on real Kafka and ClickHouse: what is produced is stored, whoever comes, leaves or is away."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ingest_worker.observing.consuming import MessagesConsumed
from ingest_worker.observing.partitions import PartitionsRevoked, RowsReleased
from ingest_worker.observing.topics import TopicCreated
from ingest_worker.storing import native_format
from schemas.files.column_type import parse_column_type
from schemas.model import Column, KafkaSource
from tests.ingest_worker.house import House, data_source, until
from tests.integration.ingest.conftest import Build


def test_stores_every_event_once_and_commits(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    worker = house.worker()
    until(worker.is_ready)
    assert TopicCreated(unique_name, 6) in house.seen
    house.produce(unique_name, range(3000))
    until(lambda: house.count("events") >= 3000)
    assert house.ids("events") == list(range(3000))
    until(lambda: house.committed(unique_name, unique_name) == 3000)
    partitions = worker.status().partitions
    assert sum(entry.committed_offset or 0 for entry in partitions) == 3000
    until(lambda: all(entry.lag_messages == 0 for entry in worker.status().partitions))
    assert house.stop(worker)


def test_what_goes_to_another_machine_is_compressed(
    build: Build, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_format, "_PART_BYTES", 64)  # so that each insert is sent in many compressed parts
    house = build(data_source("events", unique_name, unique_name))
    house.compress = True  # as it is not over loopback
    worker = house.worker()
    until(worker.is_ready)
    house.produce(unique_name, range(3000))
    until(lambda: house.count("events") >= 3000)
    assert house.ids("events") == list(range(3000))


def test_a_data_source_with_a_dot_in_its_name_is_loaded(build: Build, unique_name: str) -> None:
    house = build(data_source("web.events", unique_name, unique_name))
    worker = house.worker()
    until(worker.is_ready)
    house.produce(unique_name, range(20))
    until(lambda: house.count("web.events") >= 20)
    assert house.ids("web.events") == list(range(20))


@pytest.mark.parametrize("with_lines", [True, False])
def test_declared_facts_of_a_message_are_stored_with_and_without_kafka_lines(
    build: Build, unique_name: str, with_lines: bool
) -> None:
    types = {"__topic": "String", "__partition": "Int32", "__offset": "Int64", "__key": "String", "__value": "String"}
    types["__headers"] = "Map(String, String)"
    facts = (Column(name, parse_column_type(kind)) for name, kind in types.items())
    name = f"facts_{unique_name}"
    topic = unique_name if with_lines else name
    asked = KafkaSource("brokers", topic, topic, "earliest", store_raw_value=True, store_headers=True)
    source = data_source(name, topic, topic)
    source = replace(source, columns=(*source.columns, *facts), kafka=asked if with_lines else None)
    house = build(source)
    worker = house.worker()
    until(worker.is_ready)
    producer = Producer({"bootstrap.servers": house.kafka})
    producer.produce(topic, b'{"id": "1"}', key=b"k", headers=[("h", b"v")], partition=2)
    assert producer.flush(30) == 0
    until(lambda: house.count(name) >= 1)
    stored = house.client.query(f"SELECT * FROM `{house.database}`.`{name}`").result_rows
    assert stored == [("1", topic, 2, 0, "k", '{"id": "1"}', {"h": "v"})]
    assert house.stop(worker)


def test_bad_rows_a_tombstone_and_a_large_message_end_in_quarantine_beside_their_neighbours(
    build: Build, unique_name: str
) -> None:
    house = build(data_source("events", unique_name, unique_name))
    topic = NewTopic(unique_name, num_partitions=1, config={"max.message.bytes": "12000000"})
    admin = AdminClient({"bootstrap.servers": house.kafka})
    admin.create_topics([topic])[unique_name].result(30)
    worker = house.worker()
    until(worker.is_ready)
    producer = Producer({"bootstrap.servers": house.kafka, "message.max.bytes": 20_000_000})
    large = b'{"id": "' + b"1" * 10_000_000 + b'"}'
    sent = [b'{"id": "1"}', None, b"no json", b"\xff\xfe", large, b'{"id": "2"}']
    for value in sent:
        producer.produce(unique_name, value, partition=0)
    assert producer.flush(60) == 0
    until(lambda: house.count("events") + house.count("events_quarantine") >= len(sent))
    stored = house.client.query(f"SELECT id FROM `{house.database}`.events WHERE length(id) < 9 ORDER BY id")
    assert stored.result_rows == [("1",), ("2",)]
    raw = house.client.query(f"SELECT __offset, __value = '' FROM `{house.database}`.events_quarantine ORDER BY 1")
    assert raw.result_rows[:3] == [(1, 1), (2, 0), (3, 0)]
    assert house.stop(worker)
    quarantined = sum(batch.quarantined for batch in house.batches())
    assert quarantined == len(raw.result_rows)
    assert sum(batch.rows for batch in house.batches()) == len(sent)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_two_workers_share_the_partitions_and_one_leaves(build: Build, unique_name: str, protocol: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    house.kafka_properties["group.protocol"] = protocol
    first = house.worker()
    until(first.is_ready)
    house.produce(unique_name, range(1000))
    second = house.worker()
    until(lambda: len(second.status().partitions) == 3 and first.is_ready() and second.is_ready())
    assert len(first.status().partitions) == 3
    house.produce(unique_name, range(1000, 2000))
    until(lambda: house.count("events") >= 2000)
    assert house.stop(first)
    until(lambda: len(second.status().partitions) == 6 and second.is_ready())
    house.produce(unique_name, range(2000, 3000))
    until(lambda: house.count("events") >= 3000)
    assert house.stop(second)
    assert house.ids("events") == list(range(3000))
    assert all(entry.drained for entry in house.seen if isinstance(entry, PartitionsRevoked))
    consumed = sum(entry.messages for entry in house.seen if isinstance(entry, MessagesConsumed))
    released = sum(entry.rows for entry in house.seen if isinstance(entry, RowsReleased))
    assert consumed == sum(batch.rows for batch in house.batches()) + released


def test_a_new_worker_goes_on_at_the_stored_offsets(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    worker = house.worker()
    until(worker.is_ready)
    house.produce(unique_name, range(500))
    until(lambda: house.count("events") >= 500)
    assert house.stop(worker)
    house.produce(unique_name, range(500, 900))
    worker = house.worker()
    until(lambda: house.count("events") >= 900)
    assert house.stop(worker)
    assert house.ids("events") == list(range(900))


def test_stopping_stores_what_was_read(build: Build, unique_name: str) -> None:
    house = build(data_source("events", unique_name, unique_name))
    worker = house.worker(batch_seconds=60)
    until(worker.is_ready)
    house.produce(unique_name, range(1))
    until(lambda: house.count("events") == 1)  # inserted at once; what comes within a minute of it waits
    house.produce(unique_name, range(1, 600))
    until(lambda: sum(entry.buffered_rows for entry in worker.status().partitions) == 599)
    assert house.count("events") == 1
    assert house.stop(worker)
    assert house.ids("events") == list(range(600))
    assert house.committed(unique_name, unique_name) == 600


def _holds(house: House, table: str, rows: int) -> bool:
    return bool(house.count(table) >= rows)


def test_several_data_sources_and_one_topic_for_two_of_them(build: Build, unique_name: str) -> None:
    other = f"{unique_name}_other"
    house = build(
        data_source("first", unique_name, unique_name),
        data_source("second", unique_name, unique_name),
        data_source("third", other, unique_name),
        data_source("fourth", unique_name, f"{unique_name}_group"),
    )
    worker = house.worker()
    until(worker.is_ready)
    house.produce(unique_name, range(700))
    house.produce(other, range(300))
    for name, expected in (("first", 700), ("second", 700), ("third", 300), ("fourth", 700)):
        until(functools.partial(_holds, house, name, expected))
        assert house.ids(name) == list(range(expected))
    assert house.stop(worker)
    assert house.committed(unique_name, unique_name) == 700
