"""What a pipe would ask ClickHouse for a caller's parameters, and what ClickHouse would read for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

from query_api.access.auth import AccessToken
from query_api.engine.database_errors import without_secrets
from query_api.engine.execute import Executor
from query_api.engine.limits import Limits
from query_api.engine.rows import read_objects
from query_api.errors import QueryRefused
from query_api.web.sql_request import url_parameters
from schemas.queries.catalog import CompiledEndpoint
from schemas.queries.query import Query
from schemas.queries.secrets import SecretValues

# What ClickHouse is asked for `Reading`s of the SQL that follows.
ESTIMATE = "EXPLAIN ESTIMATE "


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rendered query, the settings that the parameters ask for beside its own, and how long its answer is kept.
    `secrets` are never shown."""

    query: Query
    settings: Mapping[str, str]
    secrets: SecretValues
    cache_seconds: int

    @classmethod
    def of(
        cls,
        endpoint: CompiledEndpoint,
        given: Sequence[tuple[str, str]],
        token: AccessToken,
        secrets: SecretValues,
        cache_seconds: int,
    ) -> Self:
        """The endpoint's for what the token's owner has in a URL.

        Answers are kept `cache_seconds` where neither template nor pipe says it. Raises `RequestError` and
        `TemplateError`.
        """
        parameters = url_parameters(given)
        query = endpoint.render(token.values(endpoint.name, parameters.values))
        return cls(query, parameters.settings, secrets, endpoint.seconds_kept(query, cache_seconds))

    @property
    def parameters(self) -> dict[str, str]:
        """The bound values by name; one that holds a secret's value is hidden whole."""
        return {name: self.secrets.hide(text) for name, text in self.query.parameters.items()}

    def shown(self) -> dict[str, object]:
        """SQL, bound values, the query's own settings, and how long its answer is kept."""
        return {
            "sql": self.query.sql,
            "parameters": self.parameters,
            "settings": dict(self.query.settings),
            "cache_seconds": self.cache_seconds,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """What would be read of one table."""

    table: str
    parts: int
    rows: int
    marks: int

    @classmethod
    def of(cls, row: Mapping[str, str | int]) -> Self:
        return cls(str(row["table"]), *(int(row[name]) for name in ("parts", "rows", "marks")))


@dataclass(frozen=True, slots=True)
class Explainer:
    """Asks ClickHouse what it would do."""

    executor: Executor
    limits: Limits

    async def explain(self, explanation: Explanation, query_id: str) -> Mapping[str, object]:
        """What is shown of the explanation, EXPLAIN's lines and what would be read of each table. Raises
        `RequestError`."""
        plan = await self._ask("EXPLAIN indexes = 1 ", explanation, f"{query_id}-explain")
        rows = await self._ask(ESTIMATE, explanation, f"{query_id}-estimate")
        return {
            **explanation.shown(),
            "explain": [explanation.secrets.hide(str(row["explain"])) for row in plan],
            "reads": [asdict(Reading.of(row)) for row in rows],
        }

    async def _ask(self, prefix: str, explanation: Explanation, query_id: str) -> list[dict[str, str]]:
        question = replace(explanation.query, sql=prefix + explanation.query.sql)
        try:
            return await read_objects(self.executor, self.limits, question, query_id)
        except QueryRefused as error:
            raise without_secrets(error, explanation.secrets) from None
