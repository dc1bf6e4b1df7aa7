"""The executor that asks a ClickHouse server over HTTP and hands its bytes on."""

from __future__ import annotations

import io
import json
import os
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp import hdrs
from yarl import URL

from query_api.database_errors import exception_code, request_error
from query_api.errors import BrokenAnswer, Unavailable
from query_api.exception_marker import ExceptionMarker
from query_api.execute import Answer, Summary
from query_api.limits import Limits, query_settings
from query_api.query import Query
from query_api.query_form import query_form
from query_api.time_limit import GRACE_SECONDS, time_limit, too_slow

# Up to this many bytes an answer is held back until it is complete, so that its status is honest. ClickHouse is asked
# to hold back more still (`http_response_buffer_size`): then its status and summary are those of the whole query, and
# a query that fails after that fails on a stream.
HELD_BYTES = 1_048_576
_LONGEST_MESSAGE = 65_536
_SENT_AT_ONCE = 262_144
# Combinations of limits, format and settings whose text in the URL is remembered.
_CACHED = 256


@dataclass(frozen=True, slots=True)
class ClickHouseServer:
    """Where the server is and who asks; `password` is shown nowhere."""

    url: str
    database: str
    user: str
    password: str


class HttpExecutor:
    """Persistent connections to one server, one for each query in flight."""

    def __init__(self, server: ClickHouseServer, *, connections: int) -> None:
        self._server = server
        self._address = str(URL(server.url).join(URL("/")))
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        content_type, body = query_form(query)
        parameters = _url_parameters(limits, format, tuple(query.settings.items()), tuple(settings.items()))
        url = URL(f"{self._address}?{parameters}&query_id={quote(query_id, safe='')}", encoded=True)
        async with time_limit(limits):
            response = await self._ask(url, content_type, body, limits)
            try:
                return await _read(response, limits)
            except BaseException:
                # Closing instead of releasing: the connection ends and ClickHouse cancels what still runs on it.
                response.close()
                raise

    async def ping(self) -> None:
        try:
            async with self._http().post(
                self._address, data=b"SELECT 1", timeout=aiohttp.ClientTimeout(total=5)
            ) as response:
                text = await response.text()
                if response.status != 200:
                    raise Unavailable(f"ClickHouse answered: {request_error(text, Limits()).message}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(_reason(error)) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _ask(self, url: URL, content_type: str, body: bytes, limits: Limits) -> aiohttp.ClientResponse:
        timeout = _timeout(limits.execution_seconds)
        for is_last in (False, True):
            try:
                return await self._http().post(
                    url,
                    # aiohttp sends a stream piece by piece, and warns of bytes that would hold the loop up.
                    data=body if len(body) <= _SENT_AT_ONCE else io.BytesIO(body),
                    headers={"Content-Type": content_type},
                    timeout=timeout,
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # The server may have closed an idle connection at this very moment; asking again is harmless.
                if is_last or isinstance(error, aiohttp.ClientConnectorError):
                    raise Unavailable(_reason(error)) from error
            except aiohttp.SocketTimeoutError as error:
                raise too_slow(limits) from error  # a client's error too, but the connection is well
            except aiohttp.ClientError as error:
                raise Unavailable(_reason(error)) from error
        raise AssertionError("the last attempt returns or raises")

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            server = self._server
            self._session = aiohttp.ClientSession(
                headers={
                    hdrs.USER_AGENT: "birdhouse",
                    # Otherwise ClickHouse compresses what is only decompressed here: 0.3 ms of its CPU for one row.
                    hdrs.ACCEPT_ENCODING: "identity",
                    "X-ClickHouse-User": server.user,
                    "X-ClickHouse-Key": server.password,
                    "X-ClickHouse-Database": server.database,
                },
                # Below the time after which servers close idle connections (10 s in older ClickHouse releases).
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=8),
                cookie_jar=aiohttp.DummyCookieJar(),
                # A proxy of the environment must not see questions and answers.
                trust_env=False,
            )
        return self._session


@lru_cache(maxsize=_CACHED)
def _url_parameters(
    limits: Limits, format: str, of_query: tuple[tuple[str, str], ...], of_caller: tuple[tuple[str, str], ...]
) -> str:
    """Everything that the URL says of a query but for its id; no bound value and no SQL is in it."""
    parameters = query_settings(limits, dict(of_query), dict(of_caller)) | {
        "default_format": format,
        "http_response_buffer_size": str(2 * HELD_BYTES),
        "http_write_exception_in_output_format": "0",
        # Nothing but reading, whatever the user may do. Only then does ClickHouse look whether its caller has left;
        # a user whose profile says `readonly = 2` may say so again.
        "readonly": "2",
        "cancel_http_readonly_queries_on_client_close": "1",
    }
    return urlencode(parameters, quote_via=quote)


@lru_cache(maxsize=_CACHED)
def _timeout(execution_seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(sock_connect=5, sock_read=(execution_seconds or 3600) + GRACE_SECONDS)


async def _read(response: aiohttp.ClientResponse, limits: Limits) -> Answer:
    code = response.headers.get("X-ClickHouse-Exception-Code")
    if code is not None or response.status != 200:
        text = (await _body(response)).decode("utf-8", "replace")
        raise request_error(text, limits, int(code) if code else None)
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


def _summary(text: str) -> Summary:
    try:
        values = json.loads(text)
        return Summary(rows_read=int(values["read_rows"]), bytes_read=int(values["read_bytes"]))
    except (ValueError, KeyError, TypeError):
        return Summary()


def _reason(error: BaseException) -> str:
    """Why the server cannot be reached, without its address: callers see this too."""
    if isinstance(error, TimeoutError):
        return "ClickHouse cannot be reached: no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.errno or 0
        # Numbers below 0 are those of name resolution, and their text is without an address already.
        reason = os.strerror(number) if number > 0 else error.strerror or "no connection"
        return f"ClickHouse cannot be reached: {reason.lower()}"
    return "the connection to ClickHouse broke"
