"""The Kafka client's configuration: from the environment and a project's `.connection`, checked before it is used."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.model import Connection
from service.environment import closest, is_secret_name, is_service_link
from service.errors import SettingProblem, SettingsError
from service.kafka.password import PasswordOfFile
from service.logs import hide
from service.secret_files import SUFFIX, FileSecret, given_secret, is_secret_file
from service.settings import ServiceSettings

# Any: librdkafka's values beside Python's callbacks and the logger, as confluent-kafka's own annotations have it.
ClientConfig = dict[str, Any]
ConfigOf = Callable[[Connection | None], ClientConfig]
"""The configuration for the brokers of a connection, None: those of the environment."""

PREFIX = "KAFKA_"
BOOTSTRAP_SERVERS = "KAFKA_BOOTSTRAP_SERVERS"
# Tinybird's words for the settings of a connection whose names are not librdkafka's.
_CONNECTION_WORDS = {"KAFKA_KEY": "sasl.username", "KAFKA_SECRET": "sasl.password"}
# What Tinybird assumes of a connection that has a key and says no more.
_TINYBIRD_DEFAULTS = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}
# Settings of Kafka's own scripts, of which a developer's shell is full, and of a registry that JSON events do not need.
_NOT_THE_CLIENTS = re.compile(r"KAFKA_(HOME|\w*OPTS|JMX_PORT|DEBUG|SCHEMA_REGISTRY_\w+)")
# Only for a better hint: every property that librdkafka knows is accepted.
_COMMON_PROPERTIES = (
    *("bootstrap.servers", "security.protocol", "sasl.mechanism", "sasl.username", "sasl.password", "client.id"),
    *("ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location", "ssl.certificate.pem", "ssl.key.location"),
    *("ssl.key.pem", "ssl.key.password", "enable.ssl.certificate.verification", "sasl.oauthbearer.method"),
    *("sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.token.endpoint.url"),
    *("session.timeout.ms", "max.poll.interval.ms", "fetch.min.bytes", "group.instance.id", "compression.type"),
)

# How librdkafka's refusal of a name begins.
_NO_PROPERTY = "No such configuration property"

logger = logging.getLogger(__name__)
_librdkafka_logger = logging.getLogger("librdkafka")


@dataclass(frozen=True, slots=True)
class _Given:
    """One property and where it was said: the variable of the environment or the line of a `.connection`."""

    value: str
    source: str


def client_config(
    settings: ServiceSettings,
    environment: Mapping[str, str] = os.environ,
    *,
    connection: Connection | None = None,
) -> ClientConfig:
    """librdkafka's configuration for any client: consumer, producer or admin.

    `KAFKA_X_Y` sets `x.y`, if librdkafka knows that; the brokers are the settings'. A secret may be in a file that
    `KAFKA_X_Y_FILE` names; clients of `service.kafka.password.opened` follow a password there. What the environment
    leaves open, `connection` fills in.
    The client's log lines go to the logger `librdkafka`, from within its `poll` or `consume`. Raises `SettingsError`
    for brokers that nobody named, for lines of a connection that librdkafka does not know, for values that it refuses
    and for files that cannot be read.
    """
    given = _of_connection(connection) if connection is not None else {}
    given |= _of_environment(environment)
    if settings.kafka_bootstrap_servers:
        given["bootstrap.servers"] = _Given(settings.kafka_bootstrap_servers, BOOTSTRAP_SERVERS)
    hide(entry.value for name, entry in given.items() if is_secret_name(name.replace(".", "_")))
    if problems := list(_problems(given)):
        raise SettingsError(problems)
    values = {name: entry.value for name, entry in given.items()}
    return {"client.id": "birdhouse", **values, "logger": _librdkafka_logger}


def _of_environment(environment: Mapping[str, str]) -> dict[str, _Given]:
    """What the environment says of librdkafka's properties; other names in it are somebody else's, and are told once.

    Raises `SettingsError` for secrets whose file cannot be read.
    """
    given: dict[str, _Given] = {}
    problems: list[SettingProblem] = []
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name == BOOTSTRAP_SERVERS or not value:
            continue
        if is_service_link(name) or _NOT_THE_CLIENTS.fullmatch(name):
            continue
        if _is_known(_property(name)):
            given[_property(name)] = _Given(value, name)
        elif is_secret_file(name) and _is_known(_property(name.removesuffix(SUFFIX))):
            try:
                given[_property(name.removesuffix(SUFFIX))] = _of_file(name, environment)
            except SettingsError as error:
                problems += error.problems
        else:
            _tell_unknown(name)
    if problems:
        raise SettingsError(problems)
    return given


def _of_file(name: str, environment: Mapping[str, str]) -> _Given:
    secret = given_secret(name.removesuffix(SUFFIX), environment)
    assert isinstance(secret, FileSecret)
    return _Given(PasswordOfFile.now(secret), name)


@lru_cache(maxsize=256)
def _is_known(name: str) -> bool:
    refusal = _refusal({name: ""})
    return refusal is None or not refusal.startswith(_NO_PROPERTY)


@lru_cache(maxsize=256)
def _tell_unknown(name: str) -> None:
    """Once: clients are made again and again."""
    suggestion = closest(_property(name), _COMMON_PROPERTIES)
    variable = PREFIX + (suggestion or "").upper().replace(".", "_")
    hint = f"; did you mean `{variable}`?" if suggestion else ""
    logger.warning("`%s` does nothing: librdkafka has no property `%s`%s", name, _property(name), hint)


def _of_connection(connection: Connection) -> dict[str, _Given]:
    given = {
        _property(name): _Given(value, f"{name} of the connection {connection.name}")
        for name, value in connection.settings.items()
        if name.startswith(PREFIX) and value and not _NOT_THE_CLIENTS.fullmatch(name)
    }
    if "sasl.username" in given:
        source = f"connection {connection.name}"
        given = {name: _Given(value, source) for name, value in _TINYBIRD_DEFAULTS.items()} | given
    return given


def _property(name: str) -> str:
    return _CONNECTION_WORDS.get(name) or name.removeprefix(PREFIX).lower().replace("_", ".")


def _problems(given: Mapping[str, _Given]) -> Iterator[SettingProblem]:
    if "bootstrap.servers" not in given:
        yield SettingProblem(
            BOOTSTRAP_SERVERS, "is needed and not set", "Kafka's brokers, for example `localhost:9092`"
        )
    usable: dict[str, _Given] = {}
    for name, entry in given.items():
        refusal = _refusal({name: entry.value})
        # A property that needs others beside it is judged below, together with them.
        if refusal is None or refusal.startswith("Failed to create"):
            usable[name] = entry
        else:
            yield _property_problem(name, entry, refusal)
    together = _refusal({name: entry.value for name, entry in usable.items()})
    if together is not None and len(usable) == len(given):
        named = [entry.source for name, entry in usable.items() if name in together]
        yield SettingProblem(", ".join(named) or "KAFKA_*", together.removeprefix("Failed to create admin client: "))


def _property_problem(name: str, entry: _Given, refusal: str) -> SettingProblem:
    if refusal.startswith(_NO_PROPERTY):
        suggestion = closest(name, _COMMON_PROPERTIES)
        variable = PREFIX + (suggestion or "").upper().replace(".", "_")
        hint = f"did you mean `{variable}`?" if suggestion else "the names are those of librdkafka's CONFIGURATION.md"
        return SettingProblem(entry.source, f"librdkafka has no property `{name}`", hint)
    value = "what was given" if is_secret_name(name.replace(".", "_")) else f"`{entry.value}`"
    return SettingProblem(entry.source, f"librdkafka's `{name}` cannot be {value}")


def _refusal(config: Mapping[str, str]) -> str | None:
    """Why librdkafka refuses a configuration, in its own words. It is asked without brokers, so nothing connects."""
    unconnected: ClientConfig = {name: value for name, value in config.items() if name != "bootstrap.servers"}
    try:
        AdminClient(unconnected | {"logger": logging.Logger("librdkafka.check", level=logging.CRITICAL + 1)})
    except KafkaException as error:
        return str(error.args[0].str())
    return None
