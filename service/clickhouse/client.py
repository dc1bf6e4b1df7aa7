"""Synchronous clients of a ClickHouse server: for DDL, inserts and looks into its system tables."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, cast

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.httpclient import HttpClient
from clickhouse_connect.driver.httputil import all_managers, get_pool_manager_options
from urllib3.poolmanager import PoolManager
from urllib3.response import BaseHTTPResponse

from service.clickhouse.credentials import credentials
from service.clickhouse.tls import tls_context
from service.settings import ServiceSettings

# It says of each failed request that it failed; whoever asked says why.
logging.getLogger("clickhouse_connect.driver._backend.http_sync").setLevel(logging.ERROR)

SETTINGS = {"session_timezone": "UTC"}
"""Of every statement of ours: times without a zone are UTC, whatever zone the server is in."""


def connect(
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
    pool = _Pool(headers_of_user, ssl_context=tls_context(settings), **_pool_options())
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


def _pool_options() -> dict[str, Any]:
    """The driver's own options: keep-alive, no waiting for a free connection."""
    options = get_pool_manager_options()
    # The context decides these.
    del options["cert_reqs"]
    return options


class _Pool(PoolManager):
    """Connections on which each request says who asks, as the settings have it at that moment.

    A pool of the driver's own would take the proxies of the environment.
    """

    def __init__(self, headers_of_user: Callable[[], Mapping[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self._headers_of_user = headers_of_user

    def request(self, method: str, url: str, *args: Any, **options: Any) -> BaseHTTPResponse:
        options["headers"] = {**(options.get("headers") or {}), **self._headers_of_user()}
        return super().request(method, url, *args, **options)

    def close(self) -> None:
        self.clear()
        all_managers.pop(self, None)
