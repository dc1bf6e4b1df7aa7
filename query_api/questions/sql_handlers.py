"""`/v0/sql`: a caller's own SELECT over the resources that the token may read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from query_api.access.auth import AccessToken
from query_api.access.authenticate import authenticate
from query_api.errors import BadRequest, NotFound
from query_api.observing.trace import Trace, trace_of
from query_api.questions.answering import Answering, CallerQuestion
from query_api.questions.json_schemas.answers import OPEN_ROW, answer_schema
from query_api.questions.sql_statement import CallerSql, reader_of
from query_api.questions.sql_text import MAX_SQL_CHARACTERS
from query_api.routes import Audience, Object, Operation, Route
from query_api.snapshot import Snapshot
from query_api.web.formats import SQL_FORMATS, sql_format
from query_api.web.shared_answers import errors, good_headers
from query_api.web.sql_request import SqlRequest


@dataclass(frozen=True, slots=True)
class SqlHandlers:
    """What is a caller's own SQL's in the stages of an answer."""

    snapshot: Snapshot
    sql: CallerSql
    answering: Answering

    def routes(self) -> Sequence[Route]:
        return (
            Route("GET", "/v0/sql", self.answer, _described_get, "sql"),
            Route("POST", "/v0/sql", self.answer, _described_post, "sql"),
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        trace = trace_of(request)
        trace.route = "sql"
        token = authenticate(request, self.snapshot.tokens)
        token.require_own_sql()
        return await self.answering.answer(request, partial(self._question, token, trace), expects_sql=True)

    async def _question(self, token: AccessToken, trace: Trace, asked: SqlRequest) -> CallerQuestion:
        if asked.sql is None:
            raise BadRequest("the SQL is missing\nhint: send a SELECT as the parameter `q` or as the body")
        if asked.pipeline is not None:
            if asked.pipeline not in self.snapshot.catalog.pipes:
                raise NotFound(f"The pipe '{asked.pipeline}' does not exist")
            token.require("READ", asked.pipeline)
        reader = reader_of(token)
        statement = await self.sql.compose(asked.sql, asked.parameters.values, asked.pipeline, reader)
        answer_format = sql_format(statement.format)
        trace.format = answer_format.name
        return CallerQuestion(partial(self.sql.run, statement, reader), answer_format)


_STATEMENT: Object = {
    "type": "string",
    "maxLength": MAX_SQL_CHARACTERS,
    "description": "One SELECT, with `_` for the pipe `pipeline`.",
}
_PIPELINE: Object = {"type": "string", "description": "The pipe that `_` stands for."}
_FORM: Object = {"type": "object", "required": ["q"], "properties": {"q": _STATEMENT, "pipeline": _PIPELINE}}


def _described_get(audience: Audience) -> Iterable[Operation]:
    parameters = [
        {"name": "q", "in": "query", "required": True, "schema": _STATEMENT},
        {"name": "pipeline", "in": "query", "schema": _PIPELINE},
    ]
    return _operation(audience, "get_sql", {"parameters": parameters}, errors("415"))


def _described_post(audience: Audience) -> Iterable[Operation]:
    contents = {
        "text/plain": {"schema": _STATEMENT},
        "application/x-www-form-urlencoded": {"schema": _FORM},
        "application/json": {"schema": _FORM},
    }
    return _operation(audience, "post_sql", {"requestBody": {"content": contents}}, errors())


def _operation(audience: Audience, name: str, taken: Object, refusals: Object) -> Iterable[Operation]:
    if not audience.token.may_send_sql():
        return ()
    kinds = sorted({each.content_type.partition(";")[0] for each in SQL_FORMATS.values()})
    table = {"$ref": "#/components/schemas/sql_answer"}
    others: Mapping[str, Object] = {kind: {"schema": {}} for kind in kinds if kind != "application/json"}
    described: Object = {
        "operationId": name,
        "summary": "SQL",
        "description": "Runs one SELECT over what the token may read.",
        "tags": ["sql"],
        **taken,
        "responses": {
            "200": {
                "description": "The rows, as JSON unless the SQL ends with a FORMAT clause.",
                "headers": good_headers(),
                # `FORMAT JSONCompact` and its kin are JSON of another form.
                "content": {"application/json": {"schema": {"anyOf": [table, {"type": "object"}]}}, **others},
            },
            **refusals,
        },
    }
    return (Operation(described, {"sql_answer": answer_schema(OPEN_ROW)}),)
