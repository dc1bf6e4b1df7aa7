"""`/v0/pipes/{pipe}.{format}`: a pipe's answer to a caller's parameters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from aiohttp import web

from query_api.access.auth import AccessToken, TokenTable
from query_api.access.authenticate import authenticate
from query_api.engine.admission import Admission
from query_api.engine.database_errors import without_secrets
from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import MAX_VALUE_BYTES, Limits
from query_api.errors import BadRequest, NotFound, QueryRefused, TooLarge
from query_api.observing.observations import Observer
from query_api.observing.trace import trace_of
from query_api.questions.sql_handlers import reader_of
from query_api.questions.sql_statement import CallerSql
from query_api.web.formats import CSV_WITH_HEADER, CSV_WITHOUT_HEADER, FORMATS, split_extension
from query_api.web.no_endpoint import no_endpoint
from query_api.web.respond import send_answer
from query_api.web.sql_request import SqlRequest, read_sql_request
from schemas.queries.query import Query, Values
from schemas.template.errors import ValueTooLargeError
from schemas.template.values.json_values import json_text

Ask = Callable[..., Awaitable[Answer]]


class Endpoint(Protocol):
    """One compiled pipe (`schemas.queries.catalog`)."""

    def render(self, values: Values) -> Query:
        """The query for a caller's values. Raises `TemplateError`."""
        ...


@dataclass(frozen=True, slots=True)
class PipeHandlers:
    """The stages of one answer, in order. `endpoints` by pipe, `names` of pipes by id; `admission` is all requests'."""

    endpoints: Mapping[str, Endpoint]
    names: Mapping[str, str]
    sql: CallerSql
    tokens: TokenTable
    admission: Admission
    executor: Executor
    limits: Limits
    observe: Observer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        trace = trace_of(request)
        trace.route = "pipe"
        token = authenticate(request, self.tokens)
        name, trace.format = split_extension(request.match_info["file"])
        name = self.names.get(name, name)
        pipe = self.sql.catalog.pipes.get(name)
        if pipe is None:
            raise NotFound(f"The pipe '{name}' does not exist")
        trace.resource = name
        token.require("READ", name)
        endpoint = self.endpoints.get(name)
        if endpoint is None:
            raise no_endpoint(pipe)
        self.admission.expect_room()
        asked = await read_sql_request(request)
        parameters = asked.parameters
        answer_format = FORMATS[trace.format]
        if answer_format.name == CSV_WITH_HEADER and not parameters.has_csv_header:
            answer_format = CSV_WITHOUT_HEADER
        ask = await self._question(name, endpoint, asked, token)
        async with self.admission.slot():
            try:
                answer = await ask(format=answer_format.name, query_id=trace.request_id, settings=parameters.settings)
            except QueryRefused as error:
                raise without_secrets(error, self.sql.catalog.secrets) from None
            trace.rows_read, trace.bytes_read = answer.summary.rows_read, answer.summary.bytes_read
            return await send_answer(request, answer, answer_format, self.observe)

    async def _question(self, name: str, endpoint: Endpoint, asked: SqlRequest, token: AccessToken) -> Ask:
        """What to ask ClickHouse: the pipe's own query, or the caller's SQL over the pipe."""
        values = token.values(name, asked.parameters.values)
        if asked.sql is None:
            return partial(self.executor.execute, _render(endpoint, values), limits=self.limits)
        token.require_own_sql()
        reader = reader_of(token)
        statement = await self.sql.compose(asked.sql, values, name, reader)
        if statement.format is not None:
            raise BadRequest("the SQL cannot have a FORMAT clause\nhint: the end of the URL says the format")
        return partial(self.sql.run, statement, reader)


def _render(endpoint: Endpoint, values: Values) -> Query:
    try:
        return endpoint.render(values)
    except ValueTooLargeError as error:
        # The template knows the value alone; whoever sent it is helped by the parameter's name.
        for name, value in values.items():
            size = len((value if isinstance(value, str) else json_text(value)).encode())
            if size > MAX_VALUE_BYTES:
                raise TooLarge(
                    f"the parameter `{name}` is {size} bytes long; ClickHouse takes at most `{MAX_VALUE_BYTES}`"
                ) from error
        raise
