"""`/v0/sql`: a caller's own SELECT over the resources that the token may read."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from query_api.access.auth import AccessToken, TokenTable
from query_api.access.authenticate import authenticate
from query_api.engine.admission import Admission
from query_api.engine.database_errors import without_secrets
from query_api.errors import BadRequest, NotFound, QueryRefused
from query_api.observing.observations import Observer
from query_api.observing.trace import trace_of
from query_api.questions.sql_statement import CallerSql, Reader
from query_api.web.formats import sql_format
from query_api.web.respond import send_answer
from query_api.web.sql_request import read_sql_request


def reader_of(token: AccessToken) -> Reader:
    """What a token may read."""
    return Reader(token.name, lambda resource: token.may("READ", resource))


@dataclass(frozen=True, slots=True)
class SqlHandlers:
    """The stages of one answer, in order."""

    sql: CallerSql
    tokens: TokenTable
    admission: Admission
    observe: Observer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        trace = trace_of(request)
        trace.route = "sql"
        token = authenticate(request, self.tokens)
        token.require_own_sql()
        self.admission.expect_room()
        asked = await read_sql_request(request, expects_sql=True)
        if asked.sql is None:
            raise BadRequest("the SQL is missing\nhint: send a SELECT as the parameter `q` or as the body")
        if asked.pipeline is not None:
            if asked.pipeline not in self.sql.catalog.pipes:
                raise NotFound(f"The pipe '{asked.pipeline}' does not exist")
            token.require("READ", asked.pipeline)
        reader = reader_of(token)
        statement = await self.sql.compose(asked.sql, asked.parameters.values, asked.pipeline, reader)
        answer_format = sql_format(statement.format)
        trace.format = answer_format.name
        async with self.admission.slot():
            try:
                answer = await self.sql.run(
                    statement,
                    reader,
                    format=answer_format.name,
                    query_id=trace.request_id,
                    settings=asked.parameters.settings,
                )
            except QueryRefused as error:
                raise without_secrets(error, self.sql.catalog.secrets) from None
            trace.rows_read, trace.bytes_read = answer.summary.rows_read, answer.summary.bytes_read
            return await send_answer(request, answer, answer_format, self.observe)
