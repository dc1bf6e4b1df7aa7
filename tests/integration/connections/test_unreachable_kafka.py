"""Why Kafka cannot be reached: one error with the reason and a hint, soon, and the same words from every door."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ingest_worker.watching.kafka_look import KafkaLook
from query_api.errors import Unavailable
from query_api.events.topics import KafkaTopics
from service.kafka.config import client_config
from service.settings import ServiceSettings, load_settings
from tests.in_process import birdhouse
from tests.integration.ingest.test_ingest_command import DATA_SOURCE
from tests.secured.secured_kafka import SecuredKafka
from tests.servers import ClickHouseServer

# A refusal that is said twice is final; otherwise brokers are looked for five seconds. The rest is for a busy machine.
SECONDS = 20.0


@pytest.fixture
def hanging_up(tmp_path: Path) -> Iterator[int]:
    """The port of a server that speaks TLS with a certificate of its own, for another host."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    make = (
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=broker.example.org"
    )
    subprocess.run(make.split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with suppress(OSError), connection:
                    context.wrap_socket(connection, server_side=True).close()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of every door: a project, and nothing of the tests' own settings."""
    (tmp_path / "datasources").mkdir()
    (tmp_path / "datasources" / "events.datasource").write_text(DATA_SOURCE)
    ours = ("BIRDHOUSE_", "KAFKA_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**inherited, "PROJECT_DIR": str(tmp_path)}


def from_command(environment: dict[str, str], *arguments: str) -> str:
    """What the `birdhouse` command says on stderr, soon."""
    started = time.monotonic()
    ended = birdhouse(environment, *arguments)
    assert time.monotonic() - started < SECONDS
    assert ended.returncode == 1
    return ended.stderr


def from_process(environment: dict[str, str], *arguments: str) -> str:
    """The same of a process, where librdkafka could write beside what we say."""
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", "from deploy.cli import main; main()", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert is_soon(time.monotonic() - started)
    assert ended.returncode == 1
    return ended.stderr


def is_soon(seconds: float) -> bool:
    """Whether a command ended in time. A busy machine takes longer to start it: that is measured where it matters."""
    if seconds < SECONDS:
        return True
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import deploy.cli"], check=True)
    return seconds < SECONDS + 2 * (time.monotonic() - started)


async def from_api(environment: dict[str, str]) -> str:
    topics = KafkaTopics(client_config(load_settings(ServiceSettings, environment), environment))
    message = ""
    for _ in range(2):  # the first look may end before anything is refused
        with pytest.raises(Unavailable) as refused:
            await topics.refresh()
        message = refused.value.message
    return message


async def from_worker(environment: dict[str, str]) -> str:
    look = KafkaLook(client_config(load_settings(ServiceSettings, environment), environment), list)
    answers = [await asyncio.to_thread(look) for _ in range(2)]
    return f"Kafka cannot be reached: {answers[-1]}"


async def assert_same_everywhere(environment: dict[str, str], reason: str, hint: str) -> None:
    said, of_api, of_worker = await asyncio.gather(
        asyncio.to_thread(from_command, environment, "offsets", "--data-source", "events"),
        from_api(environment),
        from_worker(environment),
    )
    first, second = said.splitlines()
    assert reason in first
    assert first.startswith("error: Kafka cannot be reached: ")
    assert hint in second
    assert {of_api, of_worker} == {first.removeprefix("error: ")}


async def test_a_wrong_password(secured: SecuredKafka, environment: dict[str, str]) -> None:
    environment |= secured.environment("app", "a-wrong-password")
    await assert_same_everywhere(environment, "SASL authentication error: Authentication failed", "KAFKA_SASL_PASSWORD")


async def test_a_mechanism_that_the_broker_has_not(secured: SecuredKafka, environment: dict[str, str]) -> None:
    environment |= secured.environment("app") | {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"}
    await assert_same_everywhere(environment, "Unsupported SASL mechanism", "KAFKA_SASL_MECHANISM")


async def test_no_password_for_a_broker_that_wants_one(secured: SecuredKafka, environment: dict[str, str]) -> None:
    environment["KAFKA_BOOTSTRAP_SERVERS"] = secured.address
    await assert_same_everywhere(environment, "the broker hangs up on us", "KAFKA_SECURITY_PROTOCOL")


async def test_tls_for_a_broker_that_has_none(secured: SecuredKafka, environment: dict[str, str]) -> None:
    environment |= secured.environment("app") | {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}
    await assert_same_everywhere(environment, "connecting to a PLAINTEXT broker listener?", "KAFKA_SECURITY_PROTOCOL")


async def test_no_tls_for_a_broker_that_wants_it(hanging_up: int, environment: dict[str, str]) -> None:
    environment["KAFKA_BOOTSTRAP_SERVERS"] = f"127.0.0.1:{hanging_up}"
    await assert_same_everywhere(environment, "the broker hangs up on us", "KAFKA_SECURITY_PROTOCOL")


@pytest.mark.parametrize("is_trusted", [False, True])
async def test_a_certificate_of_another_authority_or_for_another_host(
    hanging_up: int, environment: dict[str, str], tmp_path: Path, is_trusted: bool
) -> None:
    environment |= {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{hanging_up}", "KAFKA_SECURITY_PROTOCOL": "SSL"}
    if is_trusted:
        environment["KAFKA_SSL_CA_LOCATION"] = str(tmp_path / "cert.pem")
    said, of_api, of_worker = await asyncio.gather(
        asyncio.to_thread(from_process, environment, "offsets", "--data-source", "events"),
        from_api(environment),
        from_worker(environment),
    )
    assert len(said.splitlines()) == 2
    assert "KAFKA_SSL_CA_LOCATION" in said
    for each in (said, of_api, of_worker):
        assert "certificate verify failed" in each


async def test_nobody_listens(unused_tcp_port: int, environment: dict[str, str]) -> None:
    environment["KAFKA_BOOTSTRAP_SERVERS"] = f"127.0.0.1:{unused_tcp_port}"
    await assert_same_everywhere(environment, "Connection refused", "KAFKA_BOOTSTRAP_SERVERS")


async def test_a_host_that_is_not_there(environment: dict[str, str]) -> None:
    environment["KAFKA_BOOTSTRAP_SERVERS"] = "nowhere.invalid:9092"
    await assert_same_everywhere(environment, "Failed to resolve", "KAFKA_BOOTSTRAP_SERVERS")


def test_verify_says_the_same(secured: SecuredKafka, clickhouse: ClickHouseServer, environment: dict[str, str]) -> None:
    environment |= {
        **secured.environment("app", "a-wrong-password"),
        "CLICKHOUSE_URL": clickhouse.url,
        "CLICKHOUSE_USER": clickhouse.user,
        "CLICKHOUSE_PASSWORD": clickhouse.password,
    }
    said = from_process(environment, "verify")
    assert said.startswith("error: Kafka cannot be reached: SASL authentication error: Authentication failed")
    assert len(said.splitlines()) == 2
    said = from_command(environment | secured.environment("app"), "verify")
    assert "Kafka refuses: Broker: Topic authorization failed" in said
    assert "access control lists" in said
