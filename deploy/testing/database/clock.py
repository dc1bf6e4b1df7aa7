"""A client that makes tables and views as if it were another moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from clickhouse_connect.driver.client import Client

from schemas.cases.clock import at_moment


def clients_at(connect: Callable[[], Client], moment: datetime | None) -> Callable[[], Client]:
    """Clients in whose CREATE statements a DEFAULT or a view asks for `moment` where it would ask the clock; what is
    inserted later gets that."""
    if moment is None:
        return connect
    return lambda: cast("Client", _ClientAt(connect(), moment))


class _ClientAt:
    """All that a client is, but for what its statements say of the time."""

    def __init__(self, client: Client, moment: datetime) -> None:
        self._client = client
        self._moment = moment

    def command(self, cmd: str, *arguments: Any, **named: Any) -> Any:
        is_ddl = cmd.lstrip().startswith("CREATE ") or "*/ CREATE " in cmd
        return self._client.command(at_moment(cmd, self._moment).sql if is_ddl else cmd, *arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
