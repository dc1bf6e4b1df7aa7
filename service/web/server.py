"""Runs applications on aiohttp's server, with answers of ours to what is no request, and an end to what takes long.

aiohttp itself answers such a request in plain text that quotes it (a token in its URL with it) and says its version,
and it waits an hour for the head of a request. What is overridden here is no part of its documented interface, so the
tests of this module talk to it over sockets.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError, InvalidURLError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo

# Instead of aiohttp's, which tells versions.
SERVER_NAME = "birdhouse"
_SMALL_ANSWER = 65_536

# Makes the answer to a status and a text.
AnswerError = Callable[[int, str], web.Response]

# The parser's own words, when nothing of the request can be among them.
_PLAIN_REASON = re.compile(r"[A-Za-z][A-Za-z' -]*[:.]?")
_WHOLE_LINE = re.compile(r"b'[A-Za-z][A-Za-z-]* \S+ HTTP/")
_METHODS = "GET, OPTIONS, POST"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller may take, in seconds: from the first byte of a connection, or of a request on it, to the end of
    the head; between two requests of a connection (a proxy in front must close its own connections sooner); to take an
    answer, or a piece of 64 KiB of a long one."""

    head: float = 15.0
    idle: float = 75.0
    take: float = 60.0


USUAL_PATIENCE = Patience()


def plain_error(status: int, message: str) -> web.Response:
    """`{"error": …}`."""
    return web.json_response({"error": message}, status=status, headers={hdrs.SERVER: SERVER_NAME})


class HttpRunner(web.AppRunner):
    """An `AppRunner` whose connections are bounded and whose errors are those of `answer_error`."""

    def __init__(
        self,
        app: web.Application,
        *,
        answer_error: AnswerError,
        patience: Patience = USUAL_PATIENCE,
        **options: Any,
    ) -> None:
        super().__init__(app, access_log=None, auto_decompress=False, keepalive_timeout=patience.idle, **options)
        self._answer_error = answer_error
        self._patience = patience

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, self._answer_error, self._patience)


class _Server(web.Server):
    def __init__(self, made: web.Server, answer_error: AnswerError, patience: Patience) -> None:
        super().__init__(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,
        )
        self._answer_error = answer_error
        self._patience = patience

    def __call__(self) -> RequestHandler:
        return _Connection(self, self._answer_error, self._patience, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    __slots__ = ("_answer_error", "_has_begun", "_head_timer", "_patience")

    def __init__(self, manager: web.Server, answer_error: AnswerError, patience: Patience, **options: Any) -> None:
        super().__init__(manager, **options)
        self._answer_error = answer_error
        self._patience = patience
        self._head_timer: asyncio.TimerHandle | None = None
        # Whether some of a head has come, and not its end.
        self._has_begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head_timer = self._loop.call_later(self._patience.head, self._end_late_head)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._has_begun = not self._messages and not self._request_in_progress
        if self._has_begun and self._head_timer is None:
            self._head_timer = self._loop.call_later(self._patience.head, self._end_late_head)
        elif not self._has_begun and self._head_timer is not None:
            self._forget_head_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._forget_head_timer()
        super().connection_lost(exc)

    def _forget_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_late_head(self) -> None:
        self._head_timer = None
        waiter = self._waiter
        if waiter is None or waiter.done():
            return  # a request is being handled
        if not self._has_begun:
            self.force_close()
            return
        late = HttpProcessingError(code=408, message="the head of the request did not arrive in time")
        self._messages.append((_ErrInfo(status=408, exc=late, message=late.message), EMPTY_PAYLOAD))
        waiter.set_result(None)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request, and to an exception that no middleware took."""
        if isinstance(exc, HttpProcessingError):
            status, message = _told(exc, self._patience)
        else:
            self.log_exception("error handling a request", exc_info=exc)
            message = HTTPStatus(status).phrase.lower()
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        response = self._answer_error(status, message)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers[hdrs.ALLOW] = _METHODS
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException):
            resp = self._of_exception(resp)
        body = getattr(resp, "body", None)
        size = len(body) if isinstance(body, bytes) else getattr(resp, "content_length", None) or 0
        is_small = size <= _SMALL_ANSWER
        transport = self.transport
        if is_small and (transport is None or not transport.get_write_buffer_size()):
            return await super().finish_response(request, resp, start_time)
        try:
            async with asyncio.timeout(self._patience.take):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            if transport is not None:
                transport.abort()  # closing would wait for the caller to take the rest
            return resp, True

    def _of_exception(self, error: web.HTTPException) -> web.Response:
        """What aiohttp itself raises: a path, a method or an expectation that nobody knows."""
        response = self._answer_error(error.status, error.reason.lower())
        if allowed := error.headers.get(hdrs.ALLOW):
            response.headers[hdrs.ALLOW] = allowed
        return response


def _told(error: HttpProcessingError, patience: Patience) -> tuple[int, str]:
    """Status and text for what the parser refused, without any of the request: a token may be in it."""
    message = str(error.message)
    if error.code == HTTPStatus.REQUEST_TIMEOUT:
        return error.code, f"{message}\nhint: it must be there within {patience.head:g} s"
    if isinstance(error, LineTooLong):
        line, limit = error.args[0], error.args[1]
        if isinstance(line, bytearray):
            return 414, f"the URL is longer than `{limit}` bytes\nhint: send parameters in the body of a POST"
        return 431, f"a header is longer than `{limit}` bytes"
    if message.startswith("Too many headers"):
        return 431, "the request has too many headers"
    if isinstance(error, BadHttpMethod) and _WHOLE_LINE.search(message):
        return 405, f"the method is not known\nhint: allowed are {_METHODS}"
    if isinstance(error, BadHttpMethod) and "HTTPS" in message:
        return 400, "this is no HTTP\nhint: the port speaks HTTP, not HTTPS"
    reason = message.partition("\n")[0].strip()
    if isinstance(error, InvalidURLError) or not _PLAIN_REASON.fullmatch(reason):
        reason = "its URL is wrong" if isinstance(error, InvalidURLError) else ""
    shown = f": {reason.rstrip(':.').lower()}" if reason else ""
    return 400, f"the request cannot be read as HTTP{shown}"
