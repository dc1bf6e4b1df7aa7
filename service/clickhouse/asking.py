"""Questions to ClickHouse of which some may be refused: after any error the next one goes through a fresh client, since
an embedded engine's client that saw one must not be used again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from clickhouse_connect.driver.client import Client

Row = tuple[Any, ...]


class Asker:
    """Asks one database, which questions of ours name `{database:String}`. Times without a zone are UTC."""

    def __init__(self, connect: Callable[[], Client], database: str) -> None:
        self.database = database
        self._connect = connect
        self._client: Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def rows(
        self, sql: str, parameters: Mapping[str, str] | None = None, settings: Mapping[str, Any] | None = None
    ) -> list[Row]:
        """All rows of the answer. SQL of an author stands in a question without parameters: where there are some, the
        driver may take a `%` for its own. Raises the driver's errors."""
        if self._client is None:
            self._client = self._connect()
        bound = {**(parameters or {}), **({"database": self.database} if "{database:String}" in sql else {})}
        try:
            found = self._client.query(sql, parameters=bound, settings={"session_timezone": "UTC", **(settings or {})})
        except Exception:
            self.close()
            raise
        return [tuple(row) for row in found.result_rows]

    def close(self) -> None:
        if self._client is not None:
            with suppress(Exception):
                self._client.close()
            self._client = None
