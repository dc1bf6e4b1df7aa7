"""Reads what a ClickHouse server answers over HTTP: bytes held back until they are sure, errors, what was read."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

import aiohttp

from query_api.engine.database_errors import exception_code, request_error
from query_api.engine.exception_marker import ExceptionMarker
from query_api.engine.execute import Answer, Summary
from query_api.engine.limits import Limits
from query_api.engine.time_limit import too_slow
from query_api.errors import BrokenAnswer, Unavailable
from service.clickhouse.failures import STRANGE_ANSWER

# Up to this many bytes an answer is held back until it is complete, so that its status is honest. ClickHouse is asked
# to hold back more still (`http_response_buffer_size`): then its status and summary are those of the whole query, and
# a query that fails after that fails on a stream.
HELD_BYTES = 1_048_576
_LONGEST_MESSAGE = 65_536
_EXCEPTION_CODE = "X-ClickHouse-Exception-Code"


async def read_answer(response: aiohttp.ClientResponse, limits: Limits) -> Answer:
    """The answer to a query that was asked under these limits. Raises `RequestError`."""
    if response.status != 200 or _EXCEPTION_CODE in response.headers:
        text = (await _body(response)).decode("utf-8", "replace")
        code = answer_code(response, text)
        if code is None:
            raise Unavailable(f"ClickHouse {STRANGE_ANSWER}: HTTP status {response.status}")
        raise request_error(text, limits, code)
    summary = _summary(response.headers.get("X-ClickHouse-Summary", ""))
    marker = ExceptionMarker(response.headers.get("X-ClickHouse-Exception-Tag", ""))
    held = bytearray()
    try:
        while len(held) <= HELD_BYTES:
            chunk = await response.content.readany()
            if not chunk:
                rest, failure = marker.end()
                if failure is not None:
                    raise request_error(failure, limits)
                return Answer(bytes(held + rest), summary)
            held += marker.feed(chunk)
    except aiohttp.SocketTimeoutError as error:
        raise too_slow(limits) from error
    except aiohttp.ClientError as error:
        raise Unavailable("the connection to ClickHouse broke") from error
    return Answer(_stream(response, marker, bytes(held)), summary)


async def _stream(response: aiohttp.ClientResponse, marker: ExceptionMarker, held: bytes) -> AsyncGenerator[bytes]:
    try:
        yield held
        async for chunk in response.content.iter_any():
            if sure := marker.feed(chunk):
                yield sure
        rest, failure = marker.end()
        if failure is not None:
            raise BrokenAnswer(failure, exception_code(failure))
        yield rest
    except (aiohttp.ClientError, TimeoutError) as error:
        raise BrokenAnswer("the connection to ClickHouse broke") from error
    finally:
        # After the last byte the connection is already back in the pool, and this does nothing.
        response.close()


async def _body(response: aiohttp.ClientResponse) -> bytes:
    text = bytearray()
    try:
        while len(text) < _LONGEST_MESSAGE and (chunk := await response.content.readany()):
            text += chunk
    except (aiohttp.ClientError, TimeoutError):
        return bytes(text)
    finally:
        response.close()
    return bytes(text)


def answer_code(response: aiohttp.ClientResponse, text: str) -> int | None:
    """The code of ClickHouse's exception; None when the answer is not ClickHouse's."""
    code = response.headers.get(_EXCEPTION_CODE, "")
    return int(code) if code.isdecimal() else exception_code(text) or None


def _summary(text: str) -> Summary:
    try:
        values = json.loads(text)
        return Summary(rows_read=int(values["read_rows"]), bytes_read=int(values["read_bytes"]))
    except (ValueError, KeyError, TypeError):
        return Summary()
