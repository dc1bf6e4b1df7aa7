"""Asks ClickHouse for one number, or for a few rows, and takes the answer apart."""

from __future__ import annotations

import json
import secrets
from typing import Any

from query_api.engine.execute import Executor
from query_api.engine.limits import Limits
from schemas.queries.query import Query


async def count_rows(executor: Executor, limits: Limits, query: Query) -> int:
    """The number that a query of one row and one column answers. Raises `RequestError`."""
    return int(await _body(executor, limits, query, "TSV"))


async def read_rows(executor: Executor, limits: Limits, query: Query) -> list[list[object]]:
    """The rows of a query that answers a few, which may hold text that is no UTF-8. Raises `RequestError`."""
    body = await _body(executor, limits, query, "JSONCompactEachRow")
    # At the line ends of bytes: those of text are more, and a value may hold them.
    return [json.loads(line.decode(errors="replace")) for line in body.splitlines()]


async def read_objects(executor: Executor, limits: Limits, query: Query, query_id: str = "") -> list[dict[str, Any]]:
    """The rows of a query that answers a few, by column. Raises `RequestError`."""
    return [json.loads(line) for line in (await _body(executor, limits, query, "JSONEachRow", query_id)).splitlines()]


async def _body(executor: Executor, limits: Limits, query: Query, format: str, query_id: str = "") -> bytes:
    answer = await executor.execute(
        query, format=format, query_id=query_id or secrets.token_hex(16), limits=limits, settings={}
    )
    return await answer.whole()
