"""A broker that knows its clients by name and password and lets each do only what a list of rights says."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # not in `__all__`
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from bench.systems.server_command import KAFKA_PORTS, StartedServer, free_port, started_server
from tests.servers import ServerUnavailableError

PASSWORD = "tests-only"
ADMIN = "admin"
USERS = (ADMIN, "app", "worker")
RIGHTS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:{ADMIN};User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "false",
}
"""The settings of a broker at which nobody but its own users may do anything unless a list says so."""
_SECONDS = 15.0


@dataclass(frozen=True)
class SecuredKafka:
    """A broker with SASL_PLAINTEXT: `admin` may do everything, every other user nothing until it is allowed."""

    port: int

    @cached_property
    def admin(self) -> AdminClient:
        return AdminClient(self.config(ADMIN))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def config(self, user: str, password: str = PASSWORD) -> dict[str, Any]:
        """librdkafka's configuration of a client that is this user."""
        return {**_sasl(user, password), "bootstrap.servers": self.address, "log_level": 0}

    def environment(self, user: str, password: str = PASSWORD) -> dict[str, str]:
        """The settings of a service that is this user."""
        names = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in _sasl(user, password).items()}
        return {**names, "KAFKA_BOOTSTRAP_SERVERS": self.address}

    def allow(self, user: str, kind: str, name: str, *operations: str) -> None:
        """`kind` is `topic` or `group`, `operations` as Kafka writes them in capitals."""
        bindings = [_binding(user, kind, name, operation) for operation in operations]
        for done in self.admin.create_acls(bindings, request_timeout=_SECONDS).values():
            done.result(_SECONDS)

    def forbid(self, user: str, kind: str, name: str, *operations: str) -> None:
        """Take back what was allowed."""
        filters = [
            AclBindingFilter(
                ResourceType[kind.upper()],
                name,
                ResourcePatternType.LITERAL,
                f"User:{user}",
                "*",
                AclOperation[operation],
                AclPermissionType.ALLOW,
            )
            for operation in operations
        ]
        for done in self.admin.delete_acls(filters, request_timeout=_SECONDS).values():
            done.result(_SECONDS)


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """A broker of the caller's own. Raises `ServerUnavailableError` without a command that starts one."""
    command = os.environ.get("TEST_KAFKA_COMMAND")
    if not command:
        raise ServerUnavailableError("no broker with users: set TEST_KAFKA_COMMAND to the command that starts one")
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    users = " ".join(f'user_{name}="{PASSWORD}"' for name in USERS)
    # The port is the command's to give and the listener's to name, so both get the same free one.
    port = free_port()
    settings = {
        "listeners": f"SASL_PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{(controller := free_port())}",
        "advertised.listeners": f"SASL_PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
            f'{login} username="{ADMIN}" password="{PASSWORD}" {users};'
        ),
        **RIGHTS,
    }
    client = {**_sasl(ADMIN, PASSWORD), "bootstrap.servers": f"127.0.0.1:{port}"}
    with started_broker(command, settings, folder, port, client) as server:
        yield SecuredKafka(server.port)


@contextmanager
def started_broker(
    command: str, settings: Mapping[str, str], folder: Path, port: int, client: Mapping[str, Any]
) -> Iterator[StartedServer]:
    """A broker with these settings, as soon as it answers a client with that configuration; its port is `port`."""
    options = " ".join(f"--set {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def answers(_: int) -> bool:
        try:
            return bool(AdminClient({**client, "log_level": 0}).list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    with started_server(f"{command} {options}", KAFKA_PORTS, folder, answers) as server:
        server.port = port
        yield server


def _sasl(user: str, password: str) -> dict[str, str]:
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": password,
    }


def _binding(user: str, kind: str, name: str, operation: str) -> AclBinding:
    return AclBinding(
        ResourceType[kind.upper()],
        name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation[operation],
        AclPermissionType.ALLOW,
    )
