"""Reads what a ClickHouse server answers: bytes held back until they are sure, errors, what was read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from types import TracebackType

from query_api.engine.clickhouse.exchange_failures import WrongForm
from query_api.engine.clickhouse.reply import Reply
from query_api.engine.database_errors import exception_code, request_error
from query_api.engine.exception_marker import ExceptionMarker
from query_api.engine.execute import Answer, Summary
from query_api.engine.limits import Limits
from query_api.errors import BrokenAnswer, Unavailable
from service.clickhouse.failures import STRANGE_ANSWER

# Up to this many bytes an answer is held back until it is complete, so that its status is honest. ClickHouse is asked
# to hold back more still (`http_response_buffer_size`): then its status and summary are those of the whole query, and
# a query that fails after that fails on a stream.
HELD_BYTES = 1_048_576
BROKE = "the connection to ClickHouse broke"
_LONGEST_MESSAGE = 65_536
_EXCEPTION_CODE = b"x-clickhouse-exception-code"
_OK = 200
_READ_ROWS = re.compile(rb'"read_rows": ?"?([0-9]{1,20})\b')
_READ_BYTES = re.compile(rb'"read_bytes": ?"?([0-9]{1,20})\b')


def read_answer(reply: Reply, limits: Limits) -> Answer:
    """The answer to a query that was asked under these limits, of a reply that has a head. Raises `RequestError`."""
    headers = reply.headers
    if reply.status != _OK or _EXCEPTION_CODE in headers:
        text = error_text(reply)
        code = answer_code(reply, text)
        if code is None:
            raise Unavailable(strangeness(reply))
        raise request_error(text, limits, code)
    marker = ExceptionMarker(headers.get(b"x-clickhouse-exception-tag", b"").decode("latin-1"))
    summary = _summary(headers.get(b"x-clickhouse-summary", b""))
    if not reply.is_over:
        return Answer(AnswerStream(reply, marker), summary)
    held = marker.feed(reply.take())
    rest, exception = marker.end()
    if exception is not None:
        raise request_error(exception, limits)
    if isinstance(reply.failure, WrongForm):
        raise Unavailable(strangeness(reply))
    if reply.failure is not None:
        raise Unavailable(BROKE)
    return Answer(held + rest, summary)


class AnswerStream(AsyncGenerator[bytes, None]):
    """An answer that is longer than what is held back, piece by piece. Closing it, begun or not, ends the query."""

    def __init__(self, reply: Reply, marker: ExceptionMarker) -> None:
        self._reply = reply
        self._marker = marker
        self._is_done = False
        self._loop = asyncio.get_running_loop()
        reply.stream()

    async def asend(self, _: None, /) -> bytes:
        """The next bytes. Raises `BrokenAnswer` where there is no whole answer."""
        while not self._is_done:
            try:
                await self._reply.ready()
            except BaseException:
                self._end()
                raise
            sure = self._marker.feed(self._reply.take()) if self._reply.waiting_bytes else self._last()
            if sure:
                return sure
        raise StopAsyncIteration

    async def athrow(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        _: TracebackType | None = None,
        /,
    ) -> bytes:
        self._end()
        raise value if isinstance(value, BaseException) else kind

    async def aclose(self) -> None:
        self._end()

    def __del__(self) -> None:
        # Whoever forgets it may be the garbage collector, in any thread, or after the end of the event loop.
        if not self._is_done:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._reply.abandon)

    def _last(self) -> bytes:
        self._end()
        rest, exception = self._marker.end()
        if exception is not None:
            raise BrokenAnswer(exception, exception_code(exception))
        if self._reply.failure is not None:
            raise BrokenAnswer(BROKE)
        return rest

    def _end(self) -> None:
        self._is_done = True
        self._reply.abandon()


def error_text(reply: Reply) -> str:
    """The beginning of a reply as text, and nothing after it."""
    reply.abandon()
    return reply.take()[:_LONGEST_MESSAGE].decode("utf-8", "replace")


def answer_code(reply: Reply, text: str) -> int | None:
    """The code of ClickHouse's exception; None when the answer is not ClickHouse's."""
    code = reply.headers.get(_EXCEPTION_CODE, b"")
    return int(code) if code.isdigit() else exception_code(text) or None


def strangeness(reply: Reply) -> str:
    """Why a reply is no ClickHouse's, for people."""
    if isinstance(reply.failure, WrongForm):
        return f"ClickHouse {STRANGE_ANSWER}: {reply.failure}"
    return f"ClickHouse {STRANGE_ANSWER}" + ("" if reply.status == _OK else f": HTTP status {reply.status}")


def _summary(text: bytes) -> Summary:
    # Two numbers of a flat object of a dozen: read as JSON it takes six times as long.
    rows, read_bytes = _READ_ROWS.search(text), _READ_BYTES.search(text)
    return Summary() if rows is None or read_bytes is None else Summary(int(rows[1]), int(read_bytes[1]))
