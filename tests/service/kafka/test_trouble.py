"""Why Kafka does not answer: librdkafka's own words, without addresses, and the setting that is to be looked at."""

from __future__ import annotations

import logging
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from service.kafka.trouble import Trouble, hint_for, is_lasting, reach, why, words_of

SAYS = "FAIL [rdkafka#producer-1] [thrd:h:9092/bootstrap]: h:9092/bootstrap: {} (after 3ms in state {})"
REFUSED = SAYS.format("Connect to ipv4#10.0.0.1:9092 failed: Connection refused", "CONNECT")
SASL = SAYS.format("SASL authentication error: wrong password", "AUTH_REQ")


def trouble(*lines: str) -> Trouble:
    made = Trouble()
    logger = made.options()["logger"]
    assert isinstance(logger, logging.Logger)
    for line in lines:
        logger.info(line)
    return made


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (REFUSED, "Connection refused"),
        (SASL, "SASL authentication error: wrong password"),
        (SAYS.format("Disconnected", "APIVERSION_QUERY"), "the broker hangs up on us"),
        (
            SAYS.format("Disconnected: connection reset by peer", "APIVERSION_QUERY, 1 identical error(s) suppressed"),
            "the broker hangs up on us",
        ),
        ("FETCH [thrd:main]: nothing of interest", ""),
    ],
)
def test_what_was_said_of_a_connection_is_the_reason(line: str, reason: str) -> None:
    assert trouble(line).reason().startswith(reason)
    assert "10.0.0.1" not in trouble(line).reason()


def test_the_last_reason_counts_until_the_broker_answers() -> None:
    made = trouble(REFUSED, SASL)
    assert made.reason().startswith("SASL")
    made.forget()
    assert made.reason() == ""


@pytest.mark.parametrize(
    ("reason", "setting"),
    [
        ("SASL authentication error", "KAFKA_SASL_PASSWORD"),
        ("the broker hangs up on us", "KAFKA_SECURITY_PROTOCOL"),
        ("certificate verify failed", "KAFKA_SSL_CA_LOCATION"),
        ("Group authorization failed", "access control lists"),
        ("Connection refused", "KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_the_hint_names_the_setting_and_what_lasts_is_no_outage(reason: str, setting: str) -> None:
    assert setting in hint_for(reason)
    assert is_lasting(reason) is (setting != "KAFKA_BOOTSTRAP_SERVERS")


class Admin:
    """Answers `list_topics` with the errors that it is given, then with nothing wrong."""

    def __init__(self, *errors: KafkaException) -> None:
        self.errors = list(errors)

    def poll(self, seconds: float) -> None: ...

    def list_topics(self, timeout: float) -> Any:
        if self.errors:
            raise self.errors.pop(0)


def failure(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


def test_a_brokers_own_answer_goes_before_what_was_said_of_connections() -> None:
    client = cast("AdminClient", Admin())
    answered, unanswered = failure(KafkaError.TOPIC_AUTHORIZATION_FAILED), failure(KafkaError._TIMED_OUT)
    assert why(client, trouble(REFUSED), answered) == words_of(answered)
    assert why(client, trouble(REFUSED), unanswered) == "Connection refused"


def test_brokers_are_reached_once_they_answer_and_a_refusal_is_final() -> None:
    away = failure(KafkaError._TRANSPORT)
    assert reach(cast("AdminClient", Admin(away)), trouble(REFUSED), 60) is None
    refused = Admin(*[away] * 5)
    assert (reach(cast("AdminClient", refused), trouble(SASL), 60) or "").startswith("SASL")
    assert len(refused.errors) == 3
    assert reach(cast("AdminClient", Admin(*[away] * 5)), trouble(REFUSED), 0) == "Connection refused"
