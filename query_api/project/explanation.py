"""What a pipe would ask ClickHouse for a caller's values, and what ClickHouse would read for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from query_api.engine.database_errors import without_secrets
from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import Limits
from query_api.errors import QueryRefused
from schemas.queries.query import Query
from schemas.queries.secrets import SecretValues


@dataclass(frozen=True, slots=True)
class Explainer:
    """`secrets` are hidden in everything that is told."""

    executor: Executor
    limits: Limits
    secrets: SecretValues

    async def explain(self, query: Query, query_id: str) -> Mapping[str, object]:
        """SQL, bound values, settings, EXPLAIN's lines and what would be read of each table. Raises `RequestError`."""
        plan = await self._ask("EXPLAIN indexes = 1 ", query, f"{query_id}-explain")
        reads = await self._ask("EXPLAIN ESTIMATE ", query, f"{query_id}-estimate")
        return {
            "sql": query.sql,
            "parameters": {name: self.secrets.hide(text) for name, text in query.parameters.items()},
            "settings": dict(query.settings),
            "explain": [self.secrets.hide(str(row["explain"])) for row in plan],
            "reads": [
                {"table": row["table"], **{name: int(row[name]) for name in ("parts", "rows", "marks")}}
                for row in reads
            ],
        }

    async def _ask(self, prefix: str, query: Query, query_id: str) -> list[dict[str, str]]:
        question = replace(query, sql=prefix + query.sql)
        try:
            answer = await self.executor.execute(
                question, format="JSONEachRow", query_id=query_id, limits=self.limits, settings={}
            )
            return [json.loads(line) for line in (await _body(answer)).splitlines()]
        except QueryRefused as error:
            raise without_secrets(error, self.secrets) from None


async def _body(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    return b"".join([chunk async for chunk in answer.body])
