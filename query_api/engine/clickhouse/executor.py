"""The executor that asks a ClickHouse server over HTTP and hands its bytes on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache, partial
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from query_api.engine.clickhouse.answer import BROKE, HELD_BYTES, answer_code, error_text, read_answer, strangeness
from query_api.engine.clickhouse.dialing import dial
from query_api.engine.clickhouse.exchange_failures import AnswerBroke, ExchangeFailure, TooLate
from query_api.engine.clickhouse.pool import Pool
from query_api.engine.clickhouse.reply import Reply
from query_api.engine.clickhouse.request import Heads, Request
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.database_errors import request_error
from query_api.engine.execute import Answer
from query_api.engine.limits import Limits, query_settings
from query_api.engine.query_form import query_form
from query_api.engine.time_limit import GRACE_SECONDS, too_slow
from query_api.errors import Unavailable
from schemas.queries.query import Query
from service.clickhouse.address import parse_address
from service.clickhouse.codes import CREDENTIALS
from service.clickhouse.credentials import credentials
from service.clickhouse.failures import (
    CANNOT_BE_REACHED,
    CREDENTIALS_HINT,
    PATH_HINT,
    connection_failure,
)

_PING_SECONDS = 5.0
# The longest that a query without a time limit may be silent.
_SILENCE_SECONDS = 3600.0
# Combinations of limits, format and settings whose text in the URL is remembered.
_CACHED = 256


class HttpExecutor:
    """Persistent connections to one server, one for each query in flight."""

    def __init__(self, server: ClickHouseServer, *, connections: int) -> None:
        self._user = server.user
        self._address = parse_address(server.url)
        password = server.password if isinstance(server.password, SecretStr) else SecretStr(server.password)
        self._credentials = credentials(server.user, password, has_certificate=server.has_certificate)
        self._heads = Heads(self._address, server.database)
        self._dial = partial(dial, self._address, server.tls)
        self._connections = connections
        self._pool: Pool | None = None

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        content_type, body = query_form(query)
        parameters = _url_parameters(limits, format, tuple(query.settings.items()), tuple(settings.items()))
        head = self._heads.head(
            f"?{parameters}&query_id={quote(query_id, safe='')}", content_type, len(body), self._credentials()
        )
        # ClickHouse keeps its limit itself, but for what it does in one go; then the connection is closed.
        seconds = limits.execution_seconds + GRACE_SECONDS if limits.execution_seconds else math.inf
        try:
            reply = await self._ask(head, body, seconds)
        except TooLate as error:
            raise too_slow(limits) from error
        except ExchangeFailure as error:
            raise self._unavailable(error) from error
        return read_answer(reply, limits)

    async def ping(self) -> None:
        body = b"SELECT 1"
        head = self._heads.head("", "application/octet-stream", len(body), self._credentials())
        try:
            reply = await self._ask(head, body, _PING_SECONDS)
        except ExchangeFailure as error:
            raise self._unavailable(error, with_hint=True) from error
        text = error_text(reply)
        if reply.status == 200 and isinstance(reply.failure, AnswerBroke):
            raise Unavailable(BROKE)
        if reply.status != 200 or reply.failure is not None or text.strip() != "1":
            raise self._no_ping(reply, text)

    def _no_ping(self, reply: Reply, text: str) -> Unavailable:
        code = answer_code(reply, text)
        if code in CREDENTIALS:
            return Unavailable(f"ClickHouse does not let the user `{self._user}` in ({CREDENTIALS_HINT})")
        if code is None:
            return Unavailable(f"{strangeness(reply)} ({PATH_HINT})")
        return Unavailable(f"ClickHouse answered: {request_error(text, Limits(), code).message}")

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def _ask(self, head: bytes, body: bytes, seconds: float) -> Reply:
        """The reply, with a head, once it is whole or too long to hold. Raises `ExchangeFailure`."""
        if self._pool is None:
            self._pool = Pool(self._dial, most=self._connections)
        deadline = self._pool.now() + seconds
        silence = _SILENCE_SECONDS + GRACE_SECONDS if math.isinf(seconds) else seconds
        reply = await self._pool.ask(Request(head, body, deadline, silence, HELD_BYTES))
        if reply.failure is not None and (not reply.status or isinstance(reply.failure, TooLate)):
            raise reply.failure
        return reply

    def _unavailable(self, error: ExchangeFailure, *, with_hint: bool = False) -> Unavailable:
        """Why the server cannot be reached, without its address: callers see this too, but for the hint."""
        found = connection_failure(error, is_encrypted=self._address.is_encrypted)
        if found is None:
            return Unavailable(BROKE)
        reason, hint = found
        return Unavailable(f"ClickHouse {CANNOT_BE_REACHED}: {reason}" + (f" ({hint})" if hint and with_hint else ""))


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
