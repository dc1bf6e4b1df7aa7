"""Synchronous clients of a ClickHouse server, for DDL, inserts and looks into its system tables: all are made here.

Three functions make the same client and differ in what they raise: the driver's errors (`open_client`), an error with a
hint for whoever runs a command (`connect`), and the driver's kind with the reason in words (`connect_to_insert`).
"""

from __future__ import annotations

import logging
from datetime import UTC
from typing import cast

import clickhouse_connect
from clickhouse_connect.common import set_setting
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import OperationalError
from clickhouse_connect.driver.httpclient import HttpClient

from service.clickhouse.credentials import credentials
from service.clickhouse.failures import connection_failure, first_line, trouble_of
from service.clickhouse.pool import Pool
from service.clickhouse.tls import tls_context
from service.errors import ServerError, SettingsError
from service.settings import ServiceSettings

# It says of each failed request that it failed; whoever asked says why.
logging.getLogger("clickhouse_connect.driver._backend.http_sync").setLevel(logging.ERROR)

# The client cuts an error at 1,024 characters; which view failed stands at its end, behind the SQL.
set_setting("max_error_size", 16_384)

SETTINGS = {"session_timezone": "UTC"}
"""Of every statement of ours: times without a zone are UTC, whatever zone the server is in."""

_INSERT_CONNECT_SECONDS = 5
# The server ends an insert by itself at the time limit; the client waits a little longer for its word.
_GRACE_SECONDS = 5


def open_client(
    settings: ServiceSettings,
    *,
    connect_seconds: int = 10,
    answer_seconds: int = 300,
    compress: bool = True,
    client_name: str = "birdhouse",
) -> Client:
    """A client of the server of `CLICKHOUSE_URL`, which must be set, with connections of its own. Asks it a few things.

    Nothing of the environment makes it go through a proxy. Raises clickhouse_connect's errors, of which
    `service.clickhouse.failures` knows the reason, and `SettingsError` for TLS files.
    """
    address = settings.clickhouse_address
    assert address is not None
    headers_of_user = credentials(
        settings.clickhouse_user,
        settings.clickhouse_password,
        has_certificate=settings.clickhouse_cert_file is not None,
    )
    pool = Pool(headers_of_user, ssl_context=tls_context(settings))
    try:
        client = clickhouse_connect.get_client(
            interface=address.scheme,
            host=address.host,
            port=address.port,
            proxy_path=address.path,
            username="",  # the pool says who we are
            settings=SETTINGS,
            connect_timeout=connect_seconds,
            send_receive_timeout=answer_seconds,
            client_name=client_name,
            compress=compress,
            # A session would make ClickHouse refuse a second query at the same moment.
            autogenerate_session_id=False,
            pool_mgr=pool,
        )
    except BaseException:
        pool.close()
        raise
    # What it read is the zone of the user's profile, which the setting above has replaced.
    client.server_tz = UTC
    # Closing the client closes the connections.
    cast("HttpClient", client)._backend.owns_pool_manager = True
    return client


def connect(settings: ServiceSettings, *, answer_seconds: int = 300) -> Client:
    """As `open_client`, for commands. Raises `ServerError` with the reason, and `SettingsError` for TLS files.

    A statement that is not answered within `answer_seconds` fails.
    """
    try:
        return open_client(settings, answer_seconds=answer_seconds)
    except SettingsError:
        raise
    except Exception as error:
        # Whatever it is: what answers may be anything.
        trouble, hint = trouble_of(error, settings)
        raise ServerError(f"ClickHouse at `{settings.clickhouse_url}` {trouble}", hint) from error


def connect_to_insert(settings: ServiceSettings, insert_seconds: float, *, compress: bool | None = None) -> Client:
    """As `open_client`, for inserts that the server may work on for `insert_seconds`. Raises `OperationalError` that
    says why there is none, and `SettingsError` for TLS files. `compress`: by default what goes to another machine."""
    address = settings.clickhouse_address
    assert address is not None
    try:
        return open_client(
            settings,
            connect_seconds=_INSERT_CONNECT_SECONDS,
            answer_seconds=int(insert_seconds) + _GRACE_SECONDS,
            client_name="birdhouse-ingest",
            # Over loopback compressing costs both sides more than the bytes that it saves.
            compress=not address.is_this_machine if compress is None else compress,
        )
    except SettingsError:
        raise
    except Exception as error:
        # Whatever it is: what answers may be anything.
        trouble, hint = trouble_of(error, settings)
        text = f"ClickHouse {trouble}" + (f" ({hint})" if hint else "")
        code, name = getattr(error, "code", None), getattr(error, "name", None)
        raise OperationalError(text, code=code, name=name) from error


def reason_of(error: Exception) -> str:
    """What went wrong with a client that was connected, for people."""
    found = connection_failure(error)
    return f"it cannot be reached: {found[0]}" if found is not None else first_line(error)
