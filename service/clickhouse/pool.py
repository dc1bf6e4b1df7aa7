"""The connections of a client: who we are is said with each request, and no proxy of the environment is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clickhouse_connect.driver.httputil import all_managers, get_pool_manager_options
from urllib3.poolmanager import PoolManager
from urllib3.response import BaseHTTPResponse


class Pool(PoolManager):
    """Connections on which each request says who asks, as the settings have it at that moment.

    A pool of the driver's own would take the proxies of the environment.
    """

    def __init__(self, headers_of_user: Callable[[], Mapping[str, str]], **options: Any) -> None:
        super().__init__(**_options(), **options)
        self._headers_of_user = headers_of_user

    def request(self, method: str, url: str, *args: Any, **options: Any) -> BaseHTTPResponse:
        options["headers"] = {**(options.get("headers") or {}), **self._headers_of_user()}
        return super().request(method, url, *args, **options)

    def close(self) -> None:
        self.clear()
        all_managers.pop(self, None)


def _options() -> dict[str, Any]:
    """The driver's own options: keep-alive, no waiting for a free connection."""
    options = get_pool_manager_options()
    # The context decides these.
    del options["cert_reqs"]
    return options
