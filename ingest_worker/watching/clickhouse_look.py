"""Connections to a ClickHouse server, as inserts need them, and the look whether it is there."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from ingest_worker.settings import IngestSettings
from ingest_worker.storing.sink import short_message
from ingest_worker.watching.looks import ANSWER_SECONDS
from service.clickhouse import client
from service.clickhouse.address import Address
from service.clickhouse.failures import trouble_of
from service.errors import SettingsError

_CONNECT_SECONDS = 5
# The server ends an insert by itself at the time limit; the client waits a little longer for its word.
_GRACE_SECONDS = 5


def connect(settings: IngestSettings) -> Client:
    """A client with a connection pool of its own. Raises `OperationalError` that says why there is none, and
    `SettingsError` for TLS files."""
    address = settings.clickhouse_address
    assert address is not None
    try:
        return client.connect(
            settings,
            connect_seconds=_CONNECT_SECONDS,
            answer_seconds=int(settings.birdhouse_ingest_insert_seconds) + _GRACE_SECONDS,
            client_name="birdhouse-ingest",
            # Over loopback compressing costs both sides more than the bytes that it saves.
            compress=not is_this_machine(address.host),
        )
    except SettingsError:
        raise
    except Exception as error:
        # Whatever it is: what answers may be anything.
        trouble, hint = trouble_of(error, settings)
        told = f"ClickHouse {trouble}" + (f" ({hint})" if hint else "")
        code, name = getattr(error, "code", None), getattr(error, "name", None)
        raise OperationalError(told, code=code, name=name) from error


class ClickHouseLook:
    """To be called from one thread: why the server does not answer a ping, None when it does."""

    def __init__(self, address: Address, connect: Callable[[], Client]) -> None:
        self._address = address.host, address.port
        self._connect = connect
        self._client: Client | None = None

    def __call__(self) -> str | None:
        if self._client is None:
            if (reason := self._unreachable()) is not None:
                return reason
            try:
                self._client = self._connect()
            except (ClickHouseError, OSError) as error:
                return short_message(error).removeprefix("ClickHouse ")
        # The client asks a second time by itself.
        if self._client.ping(ANSWER_SECONDS / 2):
            return None
        return self._unreachable() or f"it takes connections and does not answer within {ANSWER_SECONDS:g} s"

    def _unreachable(self) -> str | None:
        """A ping does not say what is wrong."""
        try:
            socket.create_connection(self._address, timeout=ANSWER_SECONDS).close()
        except OSError as error:
            return (error.strerror or str(error)).lower()
        return None


def is_this_machine(host: str) -> bool:
    """Whether a host in a URL names the loopback interface."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
