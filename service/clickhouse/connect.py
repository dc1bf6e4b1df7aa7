"""Clients of a ClickHouse server, for DDL and inserts."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

from service.clickhouse import client
from service.clickhouse.failures import connection_failure, first_line, trouble_of
from service.errors import ServerError, SettingsError
from service.settings import ServiceSettings


def connect(settings: ServiceSettings, *, answer_seconds: int = 300) -> Client:
    """A client of the server of `CLICKHOUSE_URL`, which must be set. Raises `ServerError` with the reason, and
    `SettingsError` for TLS files.

    A statement that is not answered within `answer_seconds` fails.
    """
    try:
        return client.connect(settings, answer_seconds=answer_seconds)
    except SettingsError:
        raise
    except Exception as error:
        # Whatever it is: what answers may be anything.
        trouble, hint = trouble_of(error, settings)
        raise ServerError(f"ClickHouse at `{settings.clickhouse_url}` {trouble}", hint) from error


def reason_of(error: Exception) -> str:
    """What went wrong with a client that was connected, for people."""
    found = connection_failure(error)
    return f"it cannot be reached: {found[0]}" if found is not None else first_line(error)
