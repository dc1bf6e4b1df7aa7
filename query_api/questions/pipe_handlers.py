"""`/v0/pipes/{pipe}.{format}`: a pipe's answer to a caller's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from query_api.access.auth import AccessToken
from query_api.access.authenticate import authenticate
from query_api.answers.question import PipeQuestion, shortcut
from query_api.engine.limits import MAX_VALUE_BYTES
from query_api.errors import BadRequest, NotFound, TooLarge
from query_api.observing.trace import trace_of
from query_api.questions.answering import Answering, CallerQuestion
from query_api.questions.pipe_operations import pipe_operations
from query_api.questions.sql_statement import CallerSql, reader_of
from query_api.routes import Route
from query_api.snapshot import Snapshot
from query_api.web.formats import CSV_WITH_HEADER, CSV_WITHOUT_HEADER, FORMATS, AnswerFormat, split_extension
from query_api.web.no_endpoint import no_endpoint
from query_api.web.sql_request import SqlRequest
from schemas.queries.catalog import CompiledEndpoint
from schemas.queries.query import Query, Values
from schemas.template.errors import ValueTooLargeError
from schemas.template.values.json_values import json_text


@dataclass(frozen=True, slots=True)
class PipeHandlers:
    """What is the pipes' own in the stages of an answer.

    `version` is the project's (`Answers.new_version`); answers are kept `cache_seconds` where a pipe does not say it.
    """

    snapshot: Snapshot
    sql: CallerSql
    answering: Answering
    version: int
    cache_seconds: int

    def routes(self) -> Sequence[Route]:
        describe = partial(pipe_operations, self.snapshot.catalog.endpoints.values(), self.cache_seconds)
        return (
            Route(
                "GET",
                rf"/v0/pipes/{{file:[^/]+\.(?:{'|'.join(FORMATS)})}}",
                self.answer,
                partial(describe, "get"),
                "pipes",
            ),
            Route(
                "POST",
                "/v0/pipes/{file}",
                self.answer,
                partial(describe, "post"),
                "pipes",
            ),
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        trace = trace_of(request)
        trace.route = "pipe"
        snapshot = self.snapshot
        token = authenticate(request, snapshot.tokens)
        name, trace.format = split_extension(request.match_info["file"])
        name = snapshot.pipe_names.get(name, name)
        pipe = snapshot.catalog.pipes.get(name)
        if pipe is None:
            raise NotFound(f"The pipe '{name}' does not exist")
        trace.resource = name
        token.require("READ", name)
        endpoint = snapshot.catalog.endpoints.get(name)
        if endpoint is None:
            raise no_endpoint(pipe)
        prepare = partial(self._question, endpoint, token, FORMATS[trace.format])
        if not self._may_keep(endpoint):
            may_share = self.answering.answers.is_asking(name)
            return await self.answering.answer(request, prepare, may_share=may_share)
        if request.method != "GET":
            return await self.answering.answer(request, prepare, may_share=True)
        led_here = self._shortcut(request, name, trace.format, token)
        kept = self.answering.answer_kept(request, led_here)
        if kept is not None:
            return kept
        return await self.answering.answer(request, prepare, may_share=True, shortcut=led_here)

    def _may_keep(self, endpoint: CompiledEndpoint) -> bool:
        return endpoint.has_own_cache_time or endpoint.seconds_kept(None, self.cache_seconds) > 0

    def _shortcut(self, request: web.Request, pipe: str, extension: str, token: AccessToken) -> bytes:
        fixed = token.fixed_values.get(pipe)
        # Its repr has every digit as it was given, its JSON tells `1` from `"1"`.
        told = f"{sorted(fixed.items())!r}{json_text(fixed)}" if fixed else ""
        # As it was sent: decoded, `?a=1%26b=2` is like `?a=1&b=2`.
        raw = request.rel_url.raw_query_string
        return shortcut(self.version, pipe, extension, told, raw)

    async def _question(
        self, endpoint: CompiledEndpoint, token: AccessToken, answer_format: AnswerFormat, asked: SqlRequest
    ) -> CallerQuestion | PipeQuestion:
        """The pipe's own query, or the caller's SQL over the pipe."""
        if answer_format.name == CSV_WITH_HEADER and not asked.parameters.has_csv_header:
            answer_format = CSV_WITHOUT_HEADER
        values = token.values(endpoint.name, asked.parameters.values)
        if asked.sql is None:
            query = _render(endpoint, values)
            seconds = endpoint.seconds_kept(query, self.cache_seconds)
            settings = asked.parameters.settings
            return PipeQuestion(self.version, endpoint.name, query, answer_format, settings, seconds)
        token.require_own_sql()
        reader = reader_of(token)
        statement = await self.sql.compose(asked.sql, values, endpoint.name, reader)
        if statement.format is not None:
            raise BadRequest("the SQL cannot have a FORMAT clause\nhint: the end of the URL says the format")
        return CallerQuestion(partial(self.sql.run, statement, reader), answer_format)


def _render(endpoint: CompiledEndpoint, values: Values) -> Query:
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
