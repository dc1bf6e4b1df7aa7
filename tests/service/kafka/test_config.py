"""librdkafka's configuration from the environment and from a project's connections."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.model import Connection
from service import logs
from service.errors import SettingsError
from service.kafka.config import ClientConfig, _tell_unknown, client_config
from service.kafka.password import opened
from service.settings import ServiceSettings, load_settings

BROKERS = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}


def configure(environment: Mapping[str, str], connection: Mapping[str, str] | None = None) -> ClientConfig:
    settings = load_settings(ServiceSettings, environment)
    return client_config(
        settings, environment, connection=Connection("warehouse", "kafka", connection) if connection else None
    )


def refusal(environment: Mapping[str, str], connection: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        configure(environment, connection)
    return str(caught.value)


def test_any_kafka_variable_becomes_librdkafkas_property() -> None:
    config = configure(
        BROKERS
        | {
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
            "KAFKA_SASL_USERNAME": "worker",
            "KAFKA_SASL_PASSWORD": "hunter2hunter2",
            "KAFKA_SOCKET_KEEPALIVE_ENABLE": "true",
        }
    )
    del config["logger"]
    assert config == {
        "client.id": "birdhouse",
        "bootstrap.servers": "127.0.0.1:9092",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "worker",
        "sasl.password": "hunter2hunter2",
        "socket.keepalive.enable": "true",
    }


def test_the_brokers_are_the_settings_not_the_environments() -> None:
    settings = load_settings(ServiceSettings, {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert client_config(settings, BROKERS)["bootstrap.servers"] == "127.0.0.1:1"


def test_brokers_are_needed() -> None:
    assert "`KAFKA_BOOTSTRAP_SERVERS`: is needed and not set" in refusal({})


def test_variables_that_are_not_the_clients_are_left_alone() -> None:
    others = {"KAFKA_HOME": "/opt/kafka", "KAFKA_HEAP_OPTS": "-Xmx1g", "KAFKA_PORT": "tcp://10.0.0.1:9092"}
    config = configure(BROKERS | others | {"KAFKA_SASL_USERNAME": ""})
    assert config.keys() == {"client.id", "bootstrap.servers", "logger"}


def test_every_value_that_librdkafka_refuses_is_named_by_its_variable() -> None:
    text = refusal(BROKERS | {"KAFKA_SECURITY_PROTOCOL": "carrier-pigeon", "KAFKA_SOCKET_TIMEOUT_MS": "soon"})
    assert text.startswith("2 settings are wrong")
    assert "`KAFKA_SECURITY_PROTOCOL`: librdkafka's `security.protocol` cannot be `carrier-pigeon`" in text
    assert "`KAFKA_SOCKET_TIMEOUT_MS`: librdkafka's `socket.timeout.ms` cannot be `soon`" in text


def test_names_of_somebody_elses_are_told_once_without_their_value_and_taken_by_no_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    others = {"KAFKA_URI": "kafka://u:hunter2@k", "KAFKA_SASL_PASSWRD": "hunter2", "KAFKA_CLUSTERS_0_NAME": "hunter2"}
    _tell_unknown.cache_clear()
    for _ in range(2):
        assert configure(BROKERS | others).keys() == {"client.id", "bootstrap.servers", "logger"}
    assert [record.getMessage() for record in caplog.records if record.name == "service.kafka.config"] == [
        "`KAFKA_URI` does nothing: librdkafka has no property `uri`",
        "`KAFKA_SASL_PASSWRD` does nothing: librdkafka has no property `sasl.passwrd`;"
        " did you mean `KAFKA_SASL_PASSWORD`?",
        "`KAFKA_CLUSTERS_0_NAME` does nothing: librdkafka has no property `clusters.0.name`",
    ]


SASL = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u"}


@pytest.mark.parametrize("name", ["KAFKA_SASL_PASSWORD", "KAFKA_SECRET"])
def test_a_password_may_be_in_a_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "password"
    file.write_text("of the file\n")
    assert configure(BROKERS | SASL | {f"{name}_FILE": str(file)})["sasl.password"] == "of the file"
    assert f"`{name}`: is set, and so is `{name}_FILE`" in refusal(BROKERS | SASL | {f"{name}_FILE": "/f", name: "p"})
    file.write_text("\n")
    assert f"`{name}_FILE`: the file is empty" in refusal(BROKERS | SASL | {f"{name}_FILE": str(file)})


def test_a_property_of_librdkafkas_own_that_names_a_file_is_no_secrets_file() -> None:
    name = "KAFKA_SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE"
    assert configure(BROKERS | {name: "/key.pem"})["sasl.oauthbearer.assertion.private.key.file"] == "/key.pem"


class FollowingClient:
    """What takes credentials, as each of the real clients does."""

    def __init__(self, config: Mapping[str, object]) -> None:
        self.config = config
        self.given: list[tuple[str, str]] = []

    def set_sasl_credentials(self, username: str, password: str) -> None:
        self.given.append((username, password))


def test_clients_go_on_with_the_password_that_the_file_holds_now(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first")
    config = configure(BROKERS | SASL | {"KAFKA_SASL_PASSWORD_FILE": str(file)})
    client = opened(FollowingClient, {**config, "group.id": "g"})
    assert client.config["sasl.password"] == "first"
    file.write_text("second")
    until = time.monotonic() + 20
    while not client.given and time.monotonic() < until:
        time.sleep(0.05)
    assert client.given == [("u", "second")]
    # What is made later, of the same configuration, begins with it.
    assert opened(FollowingClient, config).config["sasl.password"] == "second"
    opened(Producer, config).flush(0)


def test_properties_that_do_not_go_together_are_refused() -> None:
    text = refusal(BROKERS | {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN"})
    assert "sasl.username and sasl.password must be set" in text


def test_a_missing_certificate_file_is_named_by_its_variable() -> None:
    text = refusal(BROKERS | {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_LOCATION": "/no/such/file.pem"})
    assert "`KAFKA_SSL_CA_LOCATION`" in text


@pytest.mark.parametrize("name", ["KAFKA_SSL_KEY_PEM", "KAFKA_SSL_CERTIFICATE_PEM"])
def test_no_refusal_shows_a_secret(name: str) -> None:
    assert "hunter2" not in refusal(BROKERS | {"KAFKA_SECURITY_PROTOCOL": "SSL", name: "hunter2"})


def test_a_connection_fills_in_what_the_environment_leaves_open() -> None:
    connection = {
        "KAFKA_BOOTSTRAP_SERVERS": "warehouse:9093",
        "KAFKA_KEY": "key",
        "KAFKA_SECRET": "secret of the file",
        "KAFKA_SCHEMA_REGISTRY_URL": "https://registry.example",
    }
    config = configure({}, connection)
    assert config["bootstrap.servers"] == "warehouse:9093"
    assert config["sasl.username"] == "key"
    assert config["sasl.password"] == "secret of the file"
    # What Tinybird assumes of a connection with a key.
    assert config["security.protocol"] == "SASL_SSL"
    assert config["sasl.mechanism"] == "PLAIN"


def test_the_environment_beats_a_connection() -> None:
    connection = {"KAFKA_BOOTSTRAP_SERVERS": "warehouse:9093", "KAFKA_KEY": "key", "KAFKA_SECRET": "secret"}
    config = configure(BROKERS | {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "KAFKA_KEY": "mine"}, connection)
    assert config["bootstrap.servers"] == "127.0.0.1:9092"
    assert config["security.protocol"] == "PLAINTEXT"
    assert config["sasl.username"] == "mine"


def test_a_refused_line_of_a_connection_is_named_with_its_connection() -> None:
    text = refusal(BROKERS, {"KAFKA_SECURITY_PROTOCOL": "carrier-pigeon"})
    assert "`KAFKA_SECURITY_PROTOCOL of the connection warehouse`" in text


def test_credentials_of_a_connection_are_hidden_from_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_hidden", ())
    configure({}, {"KAFKA_BOOTSTRAP_SERVERS": "w:1", "KAFKA_KEY": "key", "KAFKA_SECRET": "secret of this test"})
    assert logs.redact("failed with secret of this test") == "failed with ***"


def test_librdkafkas_lines_come_to_our_log(caplog: pytest.LogCaptureFixture) -> None:
    producer = Producer(configure(BROKERS | {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "KAFKA_FETCH_MIN_BYTES": "7"}))
    producer.poll(1)
    assert [record.name for record in caplog.records if "fetch.min.bytes" in record.getMessage()] == ["librdkafka"]
