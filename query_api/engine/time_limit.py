"""The time that one question may take, kept here where ClickHouse cannot keep it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from query_api.engine.limits import Limits, limit_message
from query_api.errors import QueryTooSlow

# ClickHouse checks its time limit between blocks, so its own word of it may come this much later than the limit says.
GRACE_SECONDS = 1.0


def too_slow(limits: Limits, headers: Mapping[str, str] | None = None) -> QueryTooSlow:
    """The answer to a query that ran into its time limit."""
    message = limit_message("the query took longer than", f"{limits.execution_seconds:g} s", "EXECUTION_SECONDS")
    return QueryTooSlow(message, headers=headers)


@asynccontextmanager
async def time_limit(limits: Limits) -> AsyncIterator[None]:
    """Give up what is asked in the block when ClickHouse itself does not say in time that its limit is over.

    ClickHouse does not interrupt what it does in one go: taking a query apart, a function of one long array. What is
    given up is cancelled, which ends the query as soon as ClickHouse looks. Raises `QueryTooSlow`.
    """
    seconds = limits.execution_seconds + GRACE_SECONDS if limits.execution_seconds else None
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise too_slow(limits) from error
