"""Connections to a ClickHouse server."""

from __future__ import annotations

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
        autogenerate_session_id=False,  # a session would allow one query at a time
        dedicated_pool=True,
    )
