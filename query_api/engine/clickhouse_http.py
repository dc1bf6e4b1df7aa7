"""The executor that asks a ClickHouse server over HTTP and hands its bytes on."""

from __future__ import annotations

import io
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp import hdrs
from pydantic import SecretStr
from yarl import URL

from query_api.engine.clickhouse_answer import HELD_BYTES, answer_code, read_answer
from query_api.engine.database_errors import request_error
from query_api.engine.execute import Answer
from query_api.engine.limits import Limits, query_settings
from query_api.engine.query_form import query_form
from query_api.engine.time_limit import GRACE_SECONDS, time_limit, too_slow
from query_api.errors import Unavailable
from schemas.queries.query import Query
from service.clickhouse.address import parse_address
from service.clickhouse.codes import CREDENTIALS
from service.clickhouse.credentials import credentials
from service.clickhouse.failures import (
    CANNOT_BE_REACHED,
    CREDENTIALS_HINT,
    PATH_HINT,
    STRANGE_ANSWER,
    connection_failure,
)
from service.clickhouse.tls import tls_context
from service.settings import ServiceSettings

_SENT_AT_ONCE = 262_144
# Combinations of limits, format and settings whose text in the URL is remembered.
_CACHED = 256


@dataclass(frozen=True, slots=True)
class ClickHouseServer:
    """Where the server is and who asks; `password` is shown nowhere. `tls` is what an `https` URL is asked with."""

    url: str
    database: str
    user: str
    password: str | SecretStr = field(repr=False)
    tls: ssl.SSLContext | None = None
    has_certificate: bool = False

    @classmethod
    def of(cls, settings: ServiceSettings) -> Self:
        """The server of `CLICKHOUSE_URL`, which must be set. Raises `SettingsError` for TLS files."""
        assert settings.clickhouse_url is not None
        return cls(
            settings.clickhouse_url,
            settings.clickhouse_database,
            settings.clickhouse_user,
            settings.clickhouse_password,
            tls_context(settings),
            settings.clickhouse_cert_file is not None,
        )


class HttpExecutor:
    """Persistent connections to one server, one for each query in flight."""

    def __init__(self, server: ClickHouseServer, *, connections: int) -> None:
        self._server = server
        self._address = parse_address(server.url)
        password = server.password if isinstance(server.password, SecretStr) else SecretStr(server.password)
        self._credentials = credentials(server.user, password, has_certificate=server.has_certificate)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        content_type, body = query_form(query)
        parameters = _url_parameters(limits, format, tuple(query.settings.items()), tuple(settings.items()))
        url = URL(f"{self._address.url}?{parameters}&query_id={quote(query_id, safe='')}", encoded=True)
        async with time_limit(limits):
            response = await self._ask(url, content_type, body, limits)
            try:
                return await read_answer(response, limits)
            except BaseException:
                # Closing instead of releasing: the connection ends and ClickHouse cancels what still runs on it.
                response.close()
                raise

    async def ping(self) -> None:
        try:
            async with self._http().post(
                self._address.url,
                data=b"SELECT 1",
                headers=self._credentials(),
                timeout=aiohttp.ClientTimeout(total=5),
                allow_redirects=False,
            ) as response:
                text = await response.text(errors="replace")
                if response.status == 200 and text.strip() == "1":
                    return
                raise self._no_ping(response, text)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unavailable(error, with_hint=True) from error

    def _no_ping(self, response: aiohttp.ClientResponse, text: str) -> Unavailable:
        code = answer_code(response, text)
        if code in CREDENTIALS:
            return Unavailable(f"ClickHouse does not let the user `{self._server.user}` in ({CREDENTIALS_HINT})")
        if code is None:
            status = "" if response.status == 200 else f": HTTP status {response.status}"
            return Unavailable(f"ClickHouse {STRANGE_ANSWER}{status} ({PATH_HINT})")
        return Unavailable(f"ClickHouse answered: {request_error(text, Limits(), code).message}")

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
                    headers={"Content-Type": content_type, **self._credentials()},
                    timeout=timeout,
                    allow_redirects=False,
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # The server may have closed an idle connection at this very moment; asking again is harmless.
                if is_last or isinstance(error, aiohttp.ClientConnectorError):
                    raise self._unavailable(error) from error
            except aiohttp.SocketTimeoutError as error:
                raise too_slow(limits) from error  # a client's error too, but the connection is well
            except aiohttp.ClientError as error:
                raise self._unavailable(error) from error
        raise AssertionError("the last attempt returns or raises")

    def _unavailable(self, error: BaseException, *, with_hint: bool = False) -> Unavailable:
        """Why the server cannot be reached, without its address: callers see this too, but for the hint."""
        found = connection_failure(error, is_encrypted=self._address.is_encrypted)
        if found is None:
            return Unavailable("the connection to ClickHouse broke")
        reason, hint = found
        return Unavailable(f"ClickHouse {CANNOT_BE_REACHED}: {reason}" + (f" ({hint})" if hint and with_hint else ""))

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            server = self._server
            self._session = aiohttp.ClientSession(
                headers={
                    hdrs.USER_AGENT: "birdhouse",
                    # Otherwise ClickHouse compresses what is only decompressed here: 0.3 ms of its CPU for one row.
                    hdrs.ACCEPT_ENCODING: "identity",
                    "X-ClickHouse-Database": server.database,
                },
                # Below the time after which servers close idle connections (10 s in older ClickHouse releases).
                connector=aiohttp.TCPConnector(
                    limit=self._connections, keepalive_timeout=8, ssl=True if server.tls is None else server.tls
                ),
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
