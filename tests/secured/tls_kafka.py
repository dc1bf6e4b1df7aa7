"""A broker behind TLS: one port for clients with names and passwords (SASL_SSL), one for clients with certificates
(mTLS), and each may do only what a list of rights says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # not in `__all__`
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from bench.systems.server_command import free_port
from tests.secured.certificates import HERE, Authority
from tests.secured.secured_kafka import ADMIN, PASSWORD, RIGHTS, SecuredKafka, started_broker
from tests.servers import ServerUnavailableError

BY_PASSWORD = (ADMIN, "ops")
# The broker asks each client of the listener for its password again after this time.
_AGAIN_MILLISECONDS = 3_000

_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class TlsKafka(SecuredKafka):
    """`admin` may do everything, every other user nothing until it is allowed."""

    authority: Authority = None  # type: ignore[assignment]  # fields of the base come first
    mtls_port: int = 0

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def config(self, user: str, password: str = PASSWORD) -> dict[str, Any]:
        return {**_sasl(self.authority, user, password), "bootstrap.servers": self.address, "log_level": 0}

    def environment(self, user: str, password: str = PASSWORD) -> dict[str, str]:
        return _variables({**_sasl(self.authority, user, password), "bootstrap.servers": self.address})

    def certified(self, user: str, authority: Authority | None = None) -> dict[str, str]:
        """The settings of a service that shows a certificate of that name."""
        shown = (authority or self.authority).sign(user)
        properties = {
            "security.protocol": "SSL",
            "bootstrap.servers": f"localhost:{self.mtls_port}",
            "ssl.ca.location": str(self.authority.certificate),
            "ssl.certificate.location": str(shown.certificate),
            "ssl.key.location": str(shown.key),
        }
        return _variables(properties)

    def set_password(self, user: str, password: str) -> None:
        """Let the user in by SCRAM with this password alone."""
        change = UserScramCredentialUpsertion(
            user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), password.encode()
        )
        self.admin.alter_user_scram_credentials([change])[user].result(15)


def _variables(properties: dict[str, str]) -> dict[str, str]:
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in properties.items()}


def _sasl(authority: Authority, user: str, password: str) -> dict[str, str]:
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": password,
        "ssl.ca.location": str(authority.certificate),
    }


@contextmanager
def tls_kafka(folder: Path, authority: Authority) -> Iterator[TlsKafka]:
    """A broker of the caller's own. Raises `ServerUnavailableError` without a command that starts one."""
    command = os.environ.get("TEST_KAFKA_COMMAND")
    if not command:
        raise ServerUnavailableError("no broker behind TLS: set TEST_KAFKA_COMMAND to the command that starts one")
    port, mtls_port, controller = free_port(), free_port(), free_port()
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    users = " ".join(f'user_{name}="{PASSWORD}"' for name in BY_PASSWORD)
    settings = {
        "listeners": f"SASL_SSL://127.0.0.1:{port},SSL://127.0.0.1:{mtls_port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"SASL_SSL://localhost:{port},SSL://localhost:{mtls_port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        "connections.max.reauth.ms": str(_AGAIN_MILLISECONDS),
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": f"{_SCRAM} required;",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": (f'{login} username="{ADMIN}" password="{PASSWORD}" {users};'),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(authority.sign("broker", HERE).both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
        "listener.name.ssl.ssl.client.auth": "required",
        "listener.name.ssl.ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/",
        **RIGHTS,
    }
    client = {**_sasl(authority, ADMIN, PASSWORD), "bootstrap.servers": f"localhost:{port}"}
    with started_broker(command, settings, folder, port, client) as server:
        yield TlsKafka(server.port, authority, mtls_port)
