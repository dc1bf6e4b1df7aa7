"""Sends answers: ClickHouse's bytes as they are, errors as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from aiohttp import web

from query_api.engine.execute import Answer
from query_api.errors import BrokenAnswer, RequestError
from query_api.observing.observations import Observer
from query_api.observing.requests import AnswerBroken
from query_api.observing.trace import trace_of
from query_api.web.formats import AnswerFormat
from schemas.template.errors import TemplateError

DOCUMENTATION = "docs/http-api.md#errors"
# A caller that takes none of an answer for so long has left without saying so; its query must not go on forever.
_WRITE_SECONDS = 60.0


def error_response(status: int, error: object, headers: Mapping[str, str] | None = None) -> web.Response:
    """`{"error": …, "documentation": …}`."""
    body = json.dumps({"error": error, "documentation": DOCUMENTATION}, ensure_ascii=False, default=str)
    return web.Response(
        status=status, body=body.encode("utf-8", "replace"), content_type="application/json", headers=headers
    )


def request_error_response(error: RequestError) -> web.Response:
    return error_response(error.status, error.message, error.headers)


def template_error_response(error: TemplateError) -> web.Response:
    """What a template refused with: `{"error": …}` of it, or what its author's custom_error() was given."""
    if isinstance(error.body, Mapping):
        message = error.body["error"] if set(error.body) == {"error"} else None
        if message is None:
            return web.json_response(dict(error.body), status=error.status, dumps=_dumps)
        return error_response(error.status, message)
    return error_response(error.status, error.body)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


async def send_answer(
    request: web.Request, answer: Answer, answer_format: AnswerFormat, observe: Observer
) -> web.StreamResponse:
    """Answer with a query's bytes: whole with their length, or as a stream that is cut when the query fails."""
    headers = {"Content-Type": answer_format.content_type}
    if isinstance(answer.body, bytes):
        return web.Response(body=answer.body, headers=headers)
    async with aclosing(answer.body) as chunks:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            await _forward(response, chunks)
        except BrokenAnswer as error:
            trace = trace_of(request)
            trace.error = "the answer broke on its way"
            observe(AnswerBroken(trace.request_id, error.code, str(error)))
            _cut(request)
        except TimeoutError:
            trace_of(request).error = "the caller took nothing of the answer for too long"
            _cut(request)
        return response


async def _forward(response: web.StreamResponse, chunks: AsyncGenerator[bytes]) -> None:
    async for chunk in chunks:
        async with asyncio.timeout(_WRITE_SECONDS):
            await response.write(chunk)


def _cut(request: web.Request) -> None:
    # Without the last chunk that ends a body in HTTP/1.1, a client can tell that the answer is not whole.
    if request.transport is not None:
        request.transport.close()
