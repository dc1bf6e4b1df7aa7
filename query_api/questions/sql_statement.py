"""A caller's own SQL on its way to be run: composed with the pipes that it reads, then proven to read nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from query_api.access.auth import AccessToken
from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import Limits
from query_api.engine.time_limit import time_limit
from query_api.errors import AnswerTooLong, BadRequest, Forbidden, QueryRefused, TooLarge
from query_api.questions.sql_access import check_access, unreadable
from query_api.questions.sql_text import MAX_SQL_CHARACTERS, checked_text
from query_api.web.off_loop import off_loop
from schemas.queries.catalog import Catalog
from schemas.queries.compose import CallerStatement, UnreadableError
from schemas.queries.query import Query
from schemas.sql.tokens import SqlTextError
from service.clickhouse.codes import Code

# Nothing of the statement runs here: it is a text, bound like any other value.
_PROOF = (
    "SELECT parseQueryToJSON({statement:String}), "
    "(SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase())"
)
# A syntax tree is some 50 times as long as its SQL.
_TREE_PER_SQL = 50
_MAX_TREE_BYTES = 16_777_216
# Enough for what people write and for the pipes that it reads; taking twice as much apart takes ClickHouse seconds.
_MAX_TREE_ELEMENTS = 30_000


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: the token's name for what is refused, and which resources it may read."""

    token: str
    may_read: Callable[[str], bool]


def reader_of(token: AccessToken) -> Reader:
    """What a token may read."""
    return Reader(token.name, lambda resource: token.may("READ", resource))


@dataclass(frozen=True, slots=True)
class CallerSql:
    """Runs what callers write over what the files define."""

    catalog: Catalog
    executor: Executor
    limits: Limits

    async def compose(
        self, sql: str, values: Mapping[str, object], over: str | None, reader: Reader
    ) -> CallerStatement:
        """The statement with the pipes that it names, `_` being the pipe `over`.

        Raises `RequestError` and TemplateError.
        """
        try:
            # A short template may have much to do.
            size = MAX_SQL_CHARACTERS if sql.lstrip().startswith("%") else len(sql)
            text = checked_text(sql)
            return await off_loop(size, lambda: self.catalog.render_sql(text, values, over, reader.may_read))
        except SqlTextError as error:
            message = str(error).replace("a node's SQL", "the SQL").replace("a node holds", "a request holds")
            raise BadRequest(message + (f"\nhint: {error.hint}" if error.hint else "")) from None
        except UnreadableError as error:
            raise unreadable(reader.token, error.name) from None

    async def run(
        self, statement: CallerStatement, reader: Reader, *, format: str, query_id: str, settings: Mapping[str, str]
    ) -> Answer:
        """The statement's answer, after one more question that proves what it reads.

        Raises `Forbidden`, `BadRequest` and what the executor raises.
        """
        limits = replace(self.limits, tree_elements=_MAX_TREE_ELEMENTS)
        try:
            async with time_limit(limits):  # of both questions together
                await self._prove(statement, reader, query_id)
                return await self.executor.execute(
                    statement.query, format=format, query_id=query_id, limits=limits, settings=settings
                )
        except QueryRefused as error:
            if error.code == Code.UNKNOWN_TABLE:
                # ClickHouse guesses at names of tables, which may not be theirs to know.
                raise QueryRefused("the SQL names a table that is not there", error.code) from error
            raise

    async def _prove(self, statement: CallerStatement, reader: Reader, query_id: str) -> None:
        question = Query(_PROOF, {"statement": statement.query.sql})
        try:
            answer = await self.executor.execute(
                question, format="JSONCompactEachRow", query_id=f"{query_id}-parse", limits=self.limits, settings={}
            )
        except QueryRefused as error:
            if error.code == Code.UNKNOWN_FUNCTION:
                raise Forbidden(
                    "SQL of callers needs ClickHouse 26.8 or later, whose parser proves what it reads"
                ) from error
            if error.code == Code.BAD_ARGUMENTS:
                raise BadRequest("only a SELECT can be run here") from error
            raise
        try:
            body = await answer.whole(_MAX_TREE_BYTES)
        except AnswerTooLong:
            raise TooLarge("the SQL has too many parts to be looked at") from None
        await off_loop(len(body) // _TREE_PER_SQL, lambda: _check(body, statement, reader))


def _check(body: bytes, statement: CallerStatement, reader: Reader) -> None:
    tree, tables = _parsed(body)
    check_access(tree, statement, tables, reader.token)


def _parsed(body: bytes) -> tuple[dict[str, object], frozenset[str]]:
    try:
        text, tables = json.loads(body)
        return json.loads(text), frozenset(tables)
    except RecursionError as error:
        raise BadRequest("the SQL is nested too deep") from error
