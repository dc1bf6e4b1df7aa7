"""Asks ClickHouse for one number, or for a few rows."""

from __future__ import annotations

import json
import secrets

from query_api.engine.execute import Executor
from query_api.engine.limits import Limits
from schemas.queries.query import Query


async def count_rows(executor: Executor, limits: Limits, query: Query) -> int:
    """The number that a query of one row and one column answers. Raises `RequestError`."""
    answer = await executor.execute(query, format="TSV", query_id=secrets.token_hex(16), limits=limits, settings={})
    assert isinstance(answer.body, bytes), "one number is always a small answer"
    return int(answer.body)


async def read_rows(executor: Executor, limits: Limits, query: Query) -> list[list[object]]:
    """The rows of a query that answers a few. Raises `RequestError`."""
    answer = await executor.execute(
        query, format="JSONCompactEachRow", query_id=secrets.token_hex(16), limits=limits, settings={}
    )
    body = answer.body if isinstance(answer.body, bytes) else b"".join([part async for part in answer.body])
    return [json.loads(line) for line in body.decode(errors="replace").splitlines()]
