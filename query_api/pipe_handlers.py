"""`/v0/pipes/{pipe}.{format}`: a pipe's answer to a caller's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from query_api.admission import Admission
from query_api.auth import TokenTable, sent_token
from query_api.errors import NotFound, TooLarge
from query_api.execute import Executor
from query_api.formats import CSV_WITHOUT_HEADER, FORMATS, split_extension
from query_api.limits import MAX_VALUE_BYTES, Limits
from query_api.observations import Observer
from query_api.query import Query
from query_api.read_parameters import RequestParameters, Values, body_items, read_parameters
from query_api.request_body import read_body
from query_api.respond import send_answer
from query_api.template.errors import ValueTooLargeError
from query_api.trace import trace_of


class Endpoint(Protocol):
    """One compiled pipe (`query_api.catalog`)."""

    def render(self, values: Values) -> Query:
        """The query for a caller's values. Raises `TemplateError`."""
        ...


@dataclass(frozen=True, slots=True)
class PipeHandlers:
    """The stages of one answer, in order. `endpoints` by pipe; `admission` is shared by all requests."""

    endpoints: Mapping[str, Endpoint]
    tokens: TokenTable
    admission: Admission
    executor: Executor
    limits: Limits
    observe: Observer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        trace = trace_of(request)
        trace.route = "pipe"
        token = self.tokens.recognise(sent_token(request.headers.get("Authorization"), request.query.get("token")))
        trace.token = token.name
        name, trace.format = split_extension(request.match_info["file"])
        endpoint = self.endpoints.get(name)
        if endpoint is None:
            raise NotFound(f"The pipe '{name}' does not exist")
        trace.resource = name
        token.require("READ", name)
        parameters = await _parameters(request)
        query = _render(endpoint, parameters.values)
        answer_format = FORMATS[trace.format]
        if trace.format == "csv" and not parameters.has_csv_header:
            answer_format = CSV_WITHOUT_HEADER
        async with self.admission.slot():
            answer = await self.executor.execute(
                query,
                format=answer_format.name,
                query_id=trace.request_id,
                limits=self.limits,
                settings=parameters.settings,
            )
            trace.rows_read, trace.bytes_read = answer.summary.rows_read, answer.summary.bytes_read
            return await send_answer(request, answer, answer_format, self.observe)


def _render(endpoint: Endpoint, values: Values) -> Query:
    try:
        return endpoint.render(values)
    except ValueTooLargeError as error:
        # The template knows the value alone; whoever sent it is helped by the parameter's name.
        for name, value in values.items():
            size = sum(len(text.encode()) for text in ([value] if isinstance(value, str) else value))
            if size > MAX_VALUE_BYTES:
                raise TooLarge(
                    f"the parameter `{name}` is {size} bytes long; ClickHouse takes at most `{MAX_VALUE_BYTES}`"
                ) from error
        raise


async def _parameters(request: web.Request) -> RequestParameters:
    items = list(request.query.items())
    if request.method == "POST":
        items += body_items(request.content_type, await read_body(request))
    return read_parameters(items)
