"""The stages that every question goes through: parameters, query, admission, executor, answer, observation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from query_api.engine.admission import Admission
from query_api.engine.database_errors import without_secrets
from query_api.engine.execute import Answer
from query_api.errors import QueryRefused
from query_api.observing.observations import Observer
from query_api.observing.trace import trace_of
from query_api.web.formats import AnswerFormat
from query_api.web.respond import send_answer
from query_api.web.sql_request import SqlRequest, read_sql_request
from schemas.queries.secrets import SecretValues


class Ask(Protocol):
    """Runs what is asked in a ClickHouse `format`; `settings` are the caller's. Raises `RequestError`."""

    async def __call__(self, *, format: str, query_id: str, settings: Mapping[str, str]) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks of ClickHouse, ready to run, and the format of the answer."""

    ask: Ask
    answer_format: AnswerFormat


Prepare = Callable[[SqlRequest], Awaitable[Question]]
"""Makes the question of what a request holds. Raises `RequestError` and `TemplateError`."""


@dataclass(frozen=True, slots=True)
class Answering:
    """`admission` is all requests'; `secrets` are hidden in what ClickHouse refuses with."""

    admission: Admission
    secrets: SecretValues
    observe: Observer

    async def answer(self, request: web.Request, prepare: Prepare, *, expects_sql: bool = False) -> web.StreamResponse:
        """Answer a request whose token and resource have been looked at. With `expects_sql` its body is SQL."""
        trace = trace_of(request)
        self.admission.expect_room()
        asked = await read_sql_request(request, expects_sql=expects_sql)
        question = await prepare(asked)
        answer_format = question.answer_format
        async with self.admission.slot():
            try:
                answer = await question.ask(
                    format=answer_format.name, query_id=trace.request_id, settings=asked.parameters.settings
                )
            except QueryRefused as error:
                raise without_secrets(error, self.secrets) from None
            trace.rows_read, trace.bytes_read = answer.summary.rows_read, answer.summary.bytes_read
            return await send_answer(request, answer, answer_format, self.observe)
