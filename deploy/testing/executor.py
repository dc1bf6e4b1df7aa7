"""Runs what the API asks for cases: in one thread, at the moment of the test, and remembers what that was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import Limits
from schemas.cases.clock import AtMoment, at_moment
from schemas.queries.query import Query

# In one thread rows come in the order in which they are stored, every time.
_SETTINGS = {"max_threads": "1"}


@dataclass(slots=True)
class CaseExecutor:
    """An `Executor`. `asked` is what was run, by the id of its request; with a `moment` it asks no clock, but for what
    `AtMoment.left` names."""

    inner: Executor
    moment: datetime | None = None
    asked: dict[str, AtMoment] = field(default_factory=dict)

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        asked = AtMoment(query.sql) if self.moment is None else at_moment(query.sql, self.moment)
        self.asked[query_id] = asked
        ours = replace(query, sql=asked.sql, settings={**_SETTINGS, **query.settings})
        return await self.inner.execute(ours, format=format, query_id=query_id, limits=limits, settings=settings)

    async def ping(self) -> None:
        await self.inner.ping()

    async def close(self) -> None:
        await self.inner.close()
