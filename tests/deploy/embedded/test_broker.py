"""The embedded broker as a process: its port, its end, and what it shares with Kafka."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.embedded.broker import HOST, EmbeddedBroker, free_port, is_port_free
from deploy.errors import PortInUseError

pytestmark = pytest.mark.sockets
Config = dict[str, str | int | float | bool]


def test_it_takes_topics_and_messages(tmp_path: Path) -> None:
    broker = EmbeddedBroker(log_file=tmp_path / "broker.log")
    servers = broker.start()
    try:
        config: Config = {"bootstrap.servers": servers, "log_level": 0}
        admin = AdminClient(config)
        admin.create_topics([NewTopic("events", 6, 1)])["events"].result(10)
        offsets: list[int | None] = []
        producer = Producer({**config, "enable.idempotence": True})
        producer.produce("events", b"{}", partition=3, on_delivery=lambda _, message: offsets.append(message.offset()))
        assert producer.flush(10) == 0
        assert offsets == [0]
        assert len(admin.list_topics(timeout=10).topics["events"].partitions) == 6
    finally:
        broker.stop()


def test_it_listens_on_the_port_that_was_given_until_it_is_stopped() -> None:
    port = free_port(HOST)
    broker = EmbeddedBroker(port)
    assert broker.start() == f"{HOST}:{port}"
    assert broker.is_running
    assert not is_port_free(HOST, port)
    broker.stop()
    assert not broker.is_running
    assert is_port_free(HOST, port)


def test_a_taken_port_is_named_with_its_setting() -> None:
    with EmbeddedBroker() as first:
        assert first.port is not None
        with pytest.raises(PortInUseError, match=f"`{first.port}`") as caught:
            EmbeddedBroker(first.port).start()
        assert "BIRDHOUSE_RUN_BROKER_PORT" in caught.value.hint


def test_it_does_not_outlive_a_process_that_is_killed() -> None:
    code = "from deploy.embedded.broker import *; print(EmbeddedBroker().start(), flush=True); os.kill(os.getpid(), 9)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=dict(os.environ), check=False
    )
    assert result.returncode == -9
    port = int(result.stdout.split(":")[1])
    give_up = time.monotonic() + 10
    while not is_port_free(HOST, port):
        assert time.monotonic() < give_up, "the broker still listens"


def test_stopping_twice_is_stopping_once() -> None:
    broker = EmbeddedBroker()
    broker.start()
    broker.stop()
    broker.stop()
    assert not broker.is_running


# What docs/operations.md and the welcome tell of it. Where one of these fails, a release has mended what they tell.


def test_the_events_of_an_aborted_transaction_are_read(tmp_path: Path) -> None:
    with EmbeddedBroker(log_file=tmp_path / "broker.log") as broker:
        config: Config = {"bootstrap.servers": f"{HOST}:{broker.port}", "log_level": 0}
        admin = AdminClient(config)
        admin.create_topics([NewTopic("events", 1, 1)])["events"].result(10)
        producer = Producer({**config, "transactional.id": "one"})
        producer.init_transactions(10)
        for value, ends in ((b"aborted", producer.abort_transaction), (b"committed", producer.commit_transaction)):
            producer.begin_transaction()
            producer.produce("events", value)
            assert producer.flush(10) == 0
            ends(10)
        consumer = Consumer({**config, "group.id": "g", "isolation.level": "read_committed"})
        consumer.assign([TopicPartition("events", 0, 0)])
        read = [message.value() for message in consumer.consume(2, timeout=10)]
        consumer.close()
    assert read == [b"aborted", b"committed"]


@pytest.mark.parametrize(
    ("version", "body", "code"),
    [
        (0, b"\xff\xff" + b"\x00\x00\xea\x60", -1),  # aiokafka, and KafkaJS with version 1: no producer id at all
        (4, b"\x00" + b"\x00\x00\xea\x60" + b"\x00" * 10 + b"\x00", -1),  # 0 for no producer id
        (4, b"\x00" + b"\x00\x00\xea\x60" + b"\xff" * 10 + b"\x00", 0),  # librdkafka: -1 for no producer id
    ],
)
def test_a_producer_id_is_given_to_those_who_name_none_by_minus_one(
    tmp_path: Path, version: int, body: bytes, code: int
) -> None:
    is_flexible = version >= 2
    header = struct.pack(">hhi", 22, version, 7) + b"\xff\xff" + (b"\x00" if is_flexible else b"")
    with EmbeddedBroker(log_file=tmp_path / "broker.log") as broker:
        assert broker.port is not None
        with socket.create_connection((HOST, broker.port), timeout=10) as connection:
            connection.sendall(struct.pack(">i", len(header + body)) + header + body)
            answer = connection.recv(4096)
    behind_throttle_time = 4 + 4 + (1 if is_flexible else 0) + 4
    assert struct.unpack_from(">h", answer, behind_throttle_time)[0] == code
