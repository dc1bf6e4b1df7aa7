"""Connections to a ClickHouse server."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from ingest_worker.settings import IngestSettings

_CONNECT_SECONDS = 5
# The server ends an insert by itself at the time limit; the client waits a little longer for its word.
_GRACE_SECONDS = 5


def connect(settings: IngestSettings) -> Client:
    """A client with a connection pool of its own. Raises clickhouse_connect's errors when there is no server."""
    assert settings.clickhouse_url is not None
    url = urlsplit(settings.clickhouse_url)
    return clickhouse_connect.get_client(
        interface=url.scheme,
        host=url.hostname,
        port=url.port or (8443 if url.scheme == "https" else 8123),
        proxy_path=url.path,
        username=settings.clickhouse_user,
        password=settings.clickhouse_password.get_secret_value(),
        connect_timeout=_CONNECT_SECONDS,
        send_receive_timeout=int(settings.birdhouse_ingest_insert_seconds) + _GRACE_SECONDS,
        client_name="birdhouse-ingest",
        # Over loopback compressing costs both sides more than the bytes that it saves.
        compress=not is_this_machine(url.hostname or ""),
        autogenerate_session_id=False,  # a session would allow one query at a time
        dedicated_pool=True,
    )


def is_this_machine(host: str) -> bool:
    """Whether a host in a URL names the loopback interface."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
