"""The engines that tests of the mapping and of deploys run on: a ClickHouse server, and the embedded one."""

from __future__ import annotations

from collections.abc import Callable

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

ENGINES = ("server", "embedded")


def connector(request: pytest.FixtureRequest) -> Callable[[], Client]:
    """Opens clients of the engine that `request.param` names; skips where there is none."""
    if request.param == "embedded":
        opened: Callable[[], Client] = request.getfixturevalue("embedded_engine").client
        return opened
    server = request.getfixturevalue("clickhouse")
    return lambda: clickhouse_connect.get_client(
        dsn=server.url, username=server.user, password=server.password, autogenerate_session_id=False
    )
