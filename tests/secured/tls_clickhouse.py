"""A ClickHouse in New York, with the users that we ship, behind a proxy with TLS, client certificates and a path."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from bench.systems.server_command import CLICKHOUSE_PORTS, StartedServer, clickhouse_answers, started_server
from tests.secured.certificates import HERE, Authority
from tests.secured.front import Front, front
from tests.servers import ServerUnavailableError

ZONE = "America/New_York"
DATABASE = "birdhouse"  # the shipped users' own
PASSWORDS = {
    "birdhouse_ingest": "ingest of the tests",
    "birdhouse_api": "api of the tests",
    "birdhouse_ops": "ops of the tests",
}
PATH = "/clickhouse/"
_SHIPPED = Path(__file__).parents[2] / "deploy" / "clickhouse" / "users.d" / "birdhouse.xml"
_USERS = """<clickhouse>
  <profiles><default/></profiles><quotas><default/></quotas>
  <users><default>
    <password/><profile>default</profile><quota>default</quota>
    <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
  </default></users>
</clickhouse>
"""
_CONFIG = """<clickhouse>
  <users_config>{users}</users_config>
  <user_directories><users_xml><path>{users}</path></users_xml></user_directories>
</clickhouse>
"""


@dataclass(frozen=True)
class TlsClickHouse:
    """`server` is without TLS, for arranging; `front` is what services are told of."""

    server: StartedServer
    front: Front
    authority: Authority
    folder: Path

    def environment(self, user: str, password_file: Path | None = None) -> dict[str, str]:
        shown = self.authority.sign("birdhouse")
        given = {
            "CLICKHOUSE_URL": self.front.url(PATH),
            "CLICKHOUSE_USER": user,
            "CLICKHOUSE_CA_FILE": str(self.authority.certificate),
            "CLICKHOUSE_CERT_FILE": str(shown.certificate),
            "CLICKHOUSE_KEY_FILE": str(shown.key),
        }
        if user in PASSWORDS and password_file is None:
            password_file = self.folder / user
            password_file.write_text(PASSWORDS[user] + "\n")
        return given | ({"CLICKHOUSE_PASSWORD_FILE": str(password_file)} if password_file is not None else {})

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client that may do everything, in a session of the server's own zone."""
        client = clickhouse_connect.get_client(host="127.0.0.1", port=self.server.port, autogenerate_session_id=False)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def tls_clickhouse(folder: Path, authority: Authority) -> Iterator[TlsClickHouse]:
    """A server of the caller's own. Raises `ServerUnavailableError` without a command that starts one."""
    command = os.environ.get("TEST_CLICKHOUSE_COMMAND")
    if not command:
        reason = "no ClickHouse with users of ours: set TEST_CLICKHOUSE_COMMAND to the command that starts one"
        raise ServerUnavailableError(reason)
    users = folder / "users.xml"
    users.write_text(_USERS)
    config = folder / "config.xml"
    config.write_text(_CONFIG.format(users=users))
    (folder / "users.d").mkdir()
    (folder / "users.d" / "birdhouse.xml").write_text(_shipped_users())
    tls = authority.server_context(authority.sign("clickhouse", HERE), asks_clients=True)
    # The zone of the process: the server of a test's command may not read `timezone` from its configuration.
    started = started_server(f"env TZ={ZONE} {command} --config {config}", CLICKHOUSE_PORTS, folder, clickhouse_answers)
    with started as server, front(f"http://127.0.0.1:{server.port}", tls=tls, path=PATH) as here:
        yield TlsClickHouse(server, here, authority, folder)


def _shipped_users() -> str:
    """The file that we ship, with the passwords' hashes where it includes them from another file."""

    def hashed(match: re.Match[str]) -> str:
        digest = hashlib.sha256(PASSWORDS[match[1]].encode()).hexdigest()
        return f"<password_sha256_hex>{digest}</password_sha256_hex>"

    text = re.sub(r"<include_from>.*</include_from>", "", _SHIPPED.read_text())
    return re.sub(r'<password_sha256_hex incl="(\w+)_password"/>', hashed, text)
