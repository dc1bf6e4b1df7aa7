"""The embedded broker as a process: its port, its end, and what it shares with Kafka."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.embedded_broker import HOST, EmbeddedBroker, free_port, is_port_free
from deploy.errors import PortInUseError

pytestmark = pytest.mark.sockets


def test_it_takes_topics_and_messages(tmp_path: Path) -> None:
    broker = EmbeddedBroker(log_file=tmp_path / "broker.log")
    servers = broker.start()
    try:
        config = {"bootstrap.servers": servers, "log_level": 0}
        admin = AdminClient(config)
        admin.create_topics([NewTopic("events", 6, 1)])["events"].result(10)
        offsets: list[int] = []
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
    code = "from deploy.embedded_broker import *; print(EmbeddedBroker().start(), flush=True); os.kill(os.getpid(), 9)"
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
