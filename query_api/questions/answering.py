"""The stages that every question goes through: parameters, query, admission, executor, answer, observation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from query_api.answers.answers import Answers
from query_api.answers.kept import QUERY_ID, KeptAnswer
from query_api.answers.question import PipeQuestion
from query_api.answers.respond import kept_response
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
class CallerQuestion:
    """What a caller's own SQL asks of ClickHouse, ready to run, and the format of the answer. It is nobody else's."""

    ask: Ask
    answer_format: AnswerFormat


Prepare = Callable[[SqlRequest], Awaitable[CallerQuestion | PipeQuestion]]
"""Makes the question of what a request holds. Raises `RequestError` and `TemplateError`."""


@dataclass(frozen=True, slots=True)
class Answering:
    """`admission` and `answers` are all requests'; `secrets` are hidden in what ClickHouse refuses with."""

    admission: Admission
    answers: Answers
    secrets: SecretValues
    observe: Observer

    async def answer(
        self,
        request: web.Request,
        prepare: Prepare,
        *,
        expects_sql: bool = False,
        may_share: bool = False,
        shortcut: bytes | None = None,
    ) -> web.StreamResponse:
        """Answer a request whose token and resource have been looked at. With `expects_sql` its body is SQL.

        Where it `may_share` an answer it is looked at even when there is no room for another question. By its
        `shortcut` the answer is found again, if it is kept.
        """
        if not may_share:
            self.admission.expect_room()
        asked = await read_sql_request(request, expects_sql=expects_sql)
        question = await prepare(asked)
        try:
            if isinstance(question, PipeQuestion):
                return await self._answer_pipe(request, question, shortcut)
            return await self._answer_caller(request, question, asked.parameters.settings)
        except QueryRefused as error:
            raise without_secrets(error, self.secrets) from None

    def answer_kept(self, request: web.Request, shortcut: bytes) -> web.Response | None:
        """The answer to which a request like this led before, if it is still kept."""
        kept = self.answers.kept.recall(shortcut)
        if kept is None:
            return None
        trace = trace_of(request)
        trace.cache, trace.query_id = "hit", kept.query_id
        return self._respond(request, kept)

    async def _answer_caller(
        self, request: web.Request, question: CallerQuestion, settings: Mapping[str, str]
    ) -> web.StreamResponse:
        trace = trace_of(request)
        async with self.admission.slot():
            answer = await question.ask(
                format=question.answer_format.name, query_id=trace.request_id, settings=settings
            )
            trace.rows_read, trace.bytes_read = answer.summary.rows_read, answer.summary.bytes_read
            return await send_answer(request, answer, question.answer_format, self.observe)

    async def _answer_pipe(
        self, request: web.Request, question: PipeQuestion, shortcut: bytes | None
    ) -> web.StreamResponse:
        trace = trace_of(request)
        given = await self.answers.ask(question, trace.request_id)
        asked, kept = given.asked, given.asked.kept
        if given.origin != "asked":
            trace.cache, trace.query_id = given.origin, given.query_id
            trace.headers[QUERY_ID] = given.query_id
        else:
            trace.rows_read, trace.bytes_read = asked.answer.summary.rows_read, asked.answer.summary.bytes_read
            trace.cache = "asked" if kept is not None else ""
        try:
            if kept is None:
                return await send_answer(request, asked.answer, question.answer_format, self.observe)
            if shortcut is not None:
                self.answers.kept.remember(shortcut, kept)
            return self._respond(request, kept)
        finally:
            asked.let_go()

    def _respond(self, request: web.Request, kept: KeptAnswer) -> web.Response:
        return kept_response(request, kept, self.answers.kept.clock())
