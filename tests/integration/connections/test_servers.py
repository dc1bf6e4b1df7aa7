"""The servers that the other tests of this folder stand on."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic


def test_kafka_gives_back_what_was_produced(kafka: str, unique_name: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(unique_name, num_partitions=1, replication_factor=1)])[unique_name].result(30)
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(unique_name, b"an event")
    assert producer.flush(30) == 0
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "unused"})
    consumer.assign([TopicPartition(unique_name, 0, 0)])
    messages = consumer.consume(1, timeout=60)
    consumer.close()
    assert [message.value() for message in messages] == [b"an event"]


def test_clickhouse_stores_in_a_database_of_the_tests_own(clickhouse_client: Client, database: str) -> None:
    clickhouse_client.command(f"CREATE DATABASE `{database}`")
    clickhouse_client.command(f"CREATE TABLE `{database}`.numbers ENGINE = MergeTree ORDER BY n AS SELECT 7 AS n")
    assert clickhouse_client.query(f"SELECT n FROM `{database}`.numbers").result_rows == [(7,)]
