"""A started server is ready when it serves what it is for, which is later than when its port opens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.systems.server_command import KAFKA_PORTS, StartedServer, kafka_answers, started_server


@pytest.fixture
def command() -> str:
    if not (command := os.environ.get("TEST_KAFKA_COMMAND")):
        pytest.skip("no broker with settings of a test's own: set TEST_KAFKA_COMMAND to the command that starts one")
    return command


def gives_metadata(port: int) -> bool:
    try:
        return bool(AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"}).list_topics(timeout=2).brokers)
    except KafkaException:
        return False


# The broker is alone, so that a topic which wants three copies is never made.
@pytest.mark.parametrize("topic", ["offsets.topic", "transaction.state.log"])
def test_a_broker_without_a_coordinator_is_not_ready(command: str, topic: str, tmp_path: Path) -> None:
    broker = StartedServer(f"{command} --set {topic}.replication.factor=3", KAFKA_PORTS, tmp_path, gives_metadata)
    try:
        assert broker.start()
        assert not kafka_answers(broker.port)
    finally:
        broker.stop()


def test_the_first_commit_and_the_first_transaction_on_a_ready_broker_work(command: str, tmp_path: Path) -> None:
    with started_server(command, KAFKA_PORTS, tmp_path, kafka_answers) as broker:
        config: dict[str, Any] = {"bootstrap.servers": f"127.0.0.1:{broker.port}"}
        admin = AdminClient(config)
        admin.create_topics([NewTopic("first", num_partitions=1)])["first"].result(30)
        consumer = Consumer(config | {"group.id": "birdhouse"})
        committed = consumer.commit(offsets=[TopicPartition("first", 0, 0)], asynchronous=False)
        consumer.close()
        assert [place.error for place in committed] == [None]
        producer = Producer(config | {"transactional.id": "first"})
        producer.init_transactions(10)
        producer.begin_transaction()
        producer.produce("first", b"an event")
        producer.commit_transaction(10)
