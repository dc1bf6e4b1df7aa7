"""One look at a ClickHouse server: whether it is there."""

from __future__ import annotations

import socket
from collections.abc import Callable

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from ingest_worker.storing.sink import short_message
from ingest_worker.watching.looks import ANSWER_SECONDS
from service.clickhouse.address import Address


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
