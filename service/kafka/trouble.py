"""Why Kafka does not answer, in words for people: taken from what librdkafka says beside its answers."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from service.kafka.config import ClientConfig

# A failed call only says that it got no answer. Why is told as log lines, some of them (a broker that hangs up on a
# client of another security protocol) on no other way: https://github.com/confluentinc/librdkafka, rdkafka_broker.c.
_INFO = 6
_FAILURE = re.compile(r"^FAIL \[[^\]]*\] \[thrd:[^\]]*\]: (.*)$", re.DOTALL)
# The broker's address, which callers need not know, and librdkafka's own accounting.
_ADDRESS = re.compile(r"^.*?: Connect to \S+ failed: |^\S+:\d+(?:/\S+)?: ")
# Behind the state may stand `, 1 identical error(s) suppressed`.
_STATE = re.compile(r" \(after (\d+)ms in state (\w+).*\)\s*$")
# Within this a broker hangs up on a client whose first bytes it does not understand.
_HUNG_UP_MS = 2_000
_HUNG_UP_HINT = "is `KAFKA_SECURITY_PROTOCOL` the one of this port?"

_SECURITY_HINTS = (
    (
        re.compile(r"SASL|authenticat", re.IGNORECASE),
        "KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD say who we are",
    ),
    (re.compile(r"PLAINTEXT broker listener|hangs up"), "KAFKA_SECURITY_PROTOCOL must be the one of this port"),
    (
        re.compile(r"certificate|SSL|TLS", re.IGNORECASE),
        "KAFKA_SSL_CA_LOCATION names the authority that signed the brokers' certificate, which must be for the host"
        " name in KAFKA_BOOTSTRAP_SERVERS; KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION are our own",
    ),
    (re.compile(r"authorization failed", re.IGNORECASE), "the brokers' access control lists do not let this user"),
)
_ADDRESS_HINT = "KAFKA_BOOTSTRAP_SERVERS says where it is"
_LOOK_SECONDS = 1.0


class Trouble:
    """What was said last about one client's connections. `options` go into the client's configuration.

    Everything is told from within the client's `poll`, so whoever asks for a reason polls first.
    """

    def __init__(self) -> None:
        self._said = ""
        self._logger = logging.Logger("librdkafka.quiet")
        self._logger.addHandler(_Listener(self._hear))

    def options(self) -> ClientConfig:
        """Has librdkafka tell this, and nobody else, why a connection fails."""
        return {"logger": self._logger, "log_level": _INFO, "error_cb": self._on_error}

    def reason(self, error: KafkaException | None = None) -> str:
        """What was said last; else what the failed call says itself. Empty when neither says anything."""
        return self._said or (words_of(error) if error is not None else "")

    def forget(self) -> None:
        """The broker has answered."""
        self._said = ""

    def _hear(self, line: str) -> None:
        if failure := _FAILURE.match(line):
            self._said = _plain(failure[1])

    def _on_error(self, error: KafkaError) -> None:
        # That all brokers are down follows from what was said of each.
        if error.code() != KafkaError._ALL_BROKERS_DOWN and not self._said:
            self._said = _plain(error.str()) or error.name()


class _Listener(logging.Handler):
    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__()
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self._hear(record.getMessage())


def words_of(error: KafkaException) -> str:
    """A failed call's own words."""
    cause = error.args[0] if error.args else error
    return (cause.str() or cause.name()) if isinstance(cause, KafkaError) else str(cause)


def why(client: AdminClient, trouble: Trouble, error: KafkaException) -> str:
    """Why a call of this client failed: a broker's own words where one has answered (librdkafka's own codes are
    negative), else what was said of the connections."""
    client.poll(0)
    cause = error.args[0] if error.args else None
    is_answer = isinstance(cause, KafkaError) and cause.code() > 0
    return words_of(error) if is_answer else trouble.reason(error)


def hint_for(reason: str) -> str:
    """Which settings are to be looked at for such a reason."""
    return next((hint for pattern, hint in _SECURITY_HINTS if pattern.search(reason)), _ADDRESS_HINT)


def is_lasting(reason: str) -> bool:
    """Whether the brokers were reached and refused us, so that waiting for them does not help."""
    return hint_for(reason) != _ADDRESS_HINT


def reach(client: AdminClient, trouble: Trouble, seconds: float) -> str | None:
    """Why the brokers do not answer this client within `seconds`, None when they do.

    Blocks no longer than it must: a refusal (password, certificate, protocol) that was said twice is final.
    """
    give_up = time.monotonic() + seconds
    refusals = 0
    while True:
        try:
            client.list_topics(timeout=max(0.2, min(_LOOK_SECONDS, give_up - time.monotonic())))
        except KafkaException as error:
            client.poll(0)
            reason = trouble.reason(error)
        else:
            client.poll(0)
            trouble.forget()
            return None
        refusals += is_lasting(reason)
        if refusals > 1 or time.monotonic() >= give_up:
            return reason


def _plain(text: str) -> str:
    state = _STATE.search(text)
    plain = _ADDRESS.sub("", _STATE.sub("", text))
    if plain.startswith("Disconnected") and state is not None and int(state[1]) < _HUNG_UP_MS:
        return f"the broker hangs up on us: {_HUNG_UP_HINT}"
    return plain
