"""An engine, a broker and a project for tests of the query API, which do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient

from query_api.access.auth import derive_token
from query_api.engine.execute import Answer, Summary
from query_api.engine.limits import Limits
from query_api.errors import QueryApiError
from query_api.events.delivery import Delivered
from query_api.events.topics import TopicLimits
from query_api.observing.observations import Observation
from schemas.model import (
    Column,
    ColumnType,
    Copy,
    DataSource,
    Endpoint,
    JsonPath,
    Materialization,
    Node,
    Pipe,
    Project,
    Sink,
    Token,
)
from schemas.queries.query import Query

SECRET = "0123456789abcdef0123456789abcdef"
Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True, slots=True)
class Question:
    """What an engine was asked."""

    query: Query
    format: str
    query_id: str
    limits: Limits
    settings: Mapping[str, str]


@dataclass
class FakeExecutor:
    """Answers `body`, or a stream of `chunks`, or raises `error`; waits for `gate` before that."""

    body: bytes = b'{"data":[]}'
    rows: bytes = b""  # what is answered as rows of JSON, whatever `body` is
    rows_error: Exception | None = None
    chunks: Sequence[bytes | QueryApiError] = ()
    error: Exception | None = None
    gate: asyncio.Event | None = None
    questions: list[Question] = field(default_factory=list)
    was_cancelled: bool = False
    is_closed: bool = False

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        self.questions.append(Question(query, format, query_id, limits, settings))
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.was_cancelled = True
                raise
        if self.error is not None:
            raise self.error
        if "c__error" in query.sql:
            if self.rows_error is not None:
                raise self.rows_error
            return Answer(self.rows)
        body = self._stream() if self.chunks else self.body
        return Answer(body, Summary(rows_read=12, bytes_read=345))

    async def _stream(self) -> AsyncGenerator[bytes]:
        for chunk in self.chunks:
            if isinstance(chunk, QueryApiError):
                raise chunk
            yield chunk

    async def ping(self) -> None:
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeBroker:
    """A producer, its topics and what a group has committed: everything produced, unless `is_stuck`."""

    error: Exception | None = None
    message_limit_bytes: int = 1000
    is_stuck: bool = False
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    trouble: str | None = None
    is_alive: bool = True
    is_compacted: bool = False
    is_closed: bool = False

    async def produce(self, topic: str, documents: Sequence[bytes], *, limit: int) -> Delivered:
        if self.error is not None:
            raise self.error
        first = len(self.messages)
        self.messages += [(topic, document) for document in documents]
        return Delivered({3: range(first, len(self.messages))}, earliest=1_700_000_000_000)

    async def limits(self, topic: str, *, is_fresh: bool = False) -> TopicLimits:
        return TopicLimits(self.message_limit_bytes, self.is_compacted)

    async def refresh(self) -> None:
        if self.error is not None:
            raise self.error

    async def read(self, group: str, topic: str, partitions: frozenset[int]) -> Mapping[int, int]:
        return {} if self.is_stuck else dict.fromkeys(partitions, len(self.messages))

    async def close(self, seconds: float) -> None:
        self.is_closed = True


def text_column(name: str, *, is_event: bool = True) -> Column:
    path = JsonPath(f"$.{name}", (name,)) if is_event else None
    return Column(name, ColumnType("String", "String"), path)


def endpoint(name: str, sql: str, *tokens: Token) -> Pipe:
    return Pipe(name, (Node("endpoint", sql, Endpoint()),), tokens)


PROJECT = Project(
    folder=Path(),
    data_sources={
        "events": DataSource("events", (text_column("kind"),), tokens=(Token("app", "APPEND"),)),
        "totals": DataSource("totals", (text_column("kind", is_event=False),)),
    },
    pipes={
        "top": endpoint(
            "top",
            "%\nSELECT kind FROM events WHERE kind = {{String(kind, 'all')}} LIMIT {{Int32(limit, 10)}}",
            Token("board", "READ"),
        ),
        "plain": Pipe("plain", (Node("n", "SELECT 1"),)),
        "filling": Pipe("filling", (Node("n", "SELECT 1", Materialization("events")),)),
        "copying": Pipe("copying", (Node("n", "SELECT 1", Copy("events")),)),
        "sinking": Pipe("sinking", (Node("n", "SELECT 1", Sink()),)),
        "picky": endpoint("picky", "%\nSELECT 1 {% if not defined(day) %}{{ error('day is required') }}{% end %}"),
        "odd": endpoint("odd", "%\nSELECT {{ custom_error({'error_id': 'teapot', 'error': 'short'}, 418) }}"),
    },
)


@dataclass(frozen=True)
class Api:
    """A running API and everything around it."""

    client: Client
    executor: FakeExecutor
    broker: FakeBroker
    observed: list[Observation]
    app: web.Application

    def token(self, name: str = "admin") -> dict[str, str]:
        return {"Authorization": f"Bearer {derive_token(SECRET.encode(), name)}"}


StartApi = Callable[..., Awaitable[Api]]


async def until(is_true: Callable[[], bool]) -> None:
    """Let the loop turn until something is true, for 5 s at most."""
    async with asyncio.timeout(5):
        while not is_true():  # noqa: ASYNC110 -- what is waited for is the state of code that knows no event of ours
            await asyncio.sleep(0)
