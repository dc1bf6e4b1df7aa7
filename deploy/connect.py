"""Clients of a ClickHouse server, for DDL and inserts."""

from __future__ import annotations

from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.errors import ServerError
from service.settings import ServiceSettings

_DEFAULT_PORTS = {"http": 8123, "https": 8443}


def connect(settings: ServiceSettings, *, answer_seconds: int = 300) -> Client:
    """A client of the server of `CLICKHOUSE_URL`, which must be set. Raises `ServerError` with the reason.

    A statement that is not answered within `answer_seconds` fails.
    """
    assert settings.clickhouse_url is not None
    parts = urlsplit(settings.clickhouse_url)
    try:
        return clickhouse_connect.get_client(
            interface=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or _DEFAULT_PORTS[parts.scheme],
            username=settings.clickhouse_user,
            password=settings.clickhouse_password.get_secret_value(),
            send_receive_timeout=answer_seconds,
            # A session would make ClickHouse refuse a second query at the same moment.
            autogenerate_session_id=False,
        )
    except ClickHouseError as error:
        raise ServerError(
            f"ClickHouse at `{settings.clickhouse_url}` does not let us in: {reason_of(error)}",
            "CLICKHOUSE_URL, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD say where it is and who we are",
        ) from error


def reason_of(error: ClickHouseError) -> str:
    """The first line of an error of the client, for people."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
