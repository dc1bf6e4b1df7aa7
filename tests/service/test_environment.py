"""What the names of variables say."""

from __future__ import annotations

import pytest

from service.environment import closest, is_secret_name, is_service_link, secret_values


@pytest.mark.parametrize(
    "name",
    [
        *("CLICKHOUSE_PASSWORD", "BIRDHOUSE_SECRET", "BIRDHOUSE_SECRET_KAFKA_USER", "KAFKA_SASL_PASSWORD"),
        *("KAFKA_KEY", "KAFKA_SECRET", "KAFKA_SSL_KEY_PEM", "KAFKA_SSL_KEY_PASSWORD"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["CLICKHOUSE_USER", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SASL_MECHANISM", "PROJECT_DIR"])
def test_names_that_hold_no_secret(name: str) -> None:
    assert not is_secret_name(name)


def test_secrets_are_collected_from_our_names_alone() -> None:
    environment = {
        "CLICKHOUSE_PASSWORD": "one",
        "KAFKA_SASL_PASSWORD": "two",
        "BIRDHOUSE_SECRET_NAME": "three",
        "BIRDHOUSE_SECRET": "",
        "OTHER_PASSWORD": "not ours",
        "CLICKHOUSE_USER": "reader",
    }
    assert secret_values(environment) == {"one", "two", "three"}


@pytest.mark.parametrize(
    "name", ["KAFKA_SERVICE_HOST", "KAFKA_SERVICE_PORT_CLIENT", "KAFKA_PORT", "KAFKA_PORT_9092_TCP_ADDR"]
)
def test_what_kubernetes_sets_for_a_service_is_known(name: str) -> None:
    assert is_service_link(name)


def test_the_closest_name_is_suggested_only_when_it_is_close() -> None:
    known = {"BIRDHOUSE_LOG_LEVEL", "BIRDHOUSE_LOG_FORMAT"}
    assert closest("BIRDHOUSE_LOGLEVEL", known) == "BIRDHOUSE_LOG_LEVEL"
    assert closest("BIRDHOUSE_COLOUR_OF_EGGS", known) is None
