"""A server that does to each connection what a test says, byte by byte where it wants, right or wrong."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Answer
from query_api.engine.limits import Limits
from schemas.queries.query import Query

OK = b"HTTP/1.1 200 OK\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def sized(body: bytes, *more: bytes) -> bytes:
    """An answer that says its length."""
    return OK + b"".join(b"%b\r\n" % line for line in more) + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def chunked(*chunks: bytes, more: bytes = b"") -> bytes:
    """An answer in chunks, as ClickHouse's are."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return OK + more + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


class Wire:
    """The server's side of one connection; `number` counts them from 0."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.left = asyncio.Event()
        self._reader, self._writer = reader, writer

    async def request(self) -> bytes:
        """The next request, whole; nothing once the other side has closed the connection."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            return head + await self._reader.readexactly(int(length[1]) if length else 0)
        except (asyncio.IncompleteReadError, OSError):
            self.left.set()
            return b""

    async def head(self) -> bytes:
        """The head of the next request; its body is not read."""
        return await self._reader.readuntil(b"\r\n\r\n")

    async def send(self, data: bytes, *, step: int | None = None) -> None:
        """Send it, in pieces of `step` bytes that arrive one by one. It ends when the system has taken all."""
        for start in range(0, len(data), step or len(data) or 1):
            self._writer.write(data[start : start + (step or len(data))])
            await self._writer.drain()
            if step:
                await asyncio.sleep(0)

    async def until_left(self) -> None:
        """Wait until the other side has closed the connection."""
        with suppress(OSError):
            while await self._reader.read(65_536):
                pass
        self.left.set()

    def close(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        """Close it as a crash does."""
        self._writer.transport.abort()


Script = Callable[[Wire], Awaitable[None]]


@dataclass
class ScriptedServer:
    """Where it listens, its connections, and every request that came whole."""

    url: str = ""
    wires: list[Wire] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    most_connections: int = 0


@asynccontextmanager
async def serving(
    script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedServer]:
    """A server that runs the script for each connection, and closes the connection after it."""
    here, tasks = ScriptedServer(), set[asyncio.Task[None]]()
    open_now = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        here.wires.append(wire := Wire(len(here.wires), reader, writer))
        open_now += 1
        here.most_connections = max(here.most_connections, open_now)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await script(wire)
        finally:
            open_now -= 1
            writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls, limit=2**22)
    port = server.sockets[0].getsockname()[1]
    here.url = f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else 'localhost' if tls else host}:{port}"
    try:
        yield here
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def asked(
    script: Script, *, connections: int = 1, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None
) -> AsyncIterator[tuple[HttpExecutor, ScriptedServer]]:
    """An executor before a server with that script; `tls`: the server's context and the client's."""
    async with serving(script, tls=tls[0] if tls else None) as server:
        to = ClickHouseServer(server.url, "d", "u", "hunter2", tls[1] if tls else None)
        executor = HttpExecutor(to, connections=connections)
        try:
            yield executor, server
        finally:
            await executor.close()


async def ask(
    executor: HttpExecutor, query: Query | None = None, *, seconds: float = 10, query_id: str = "id"
) -> Answer:
    return await executor.execute(
        query or Query("SELECT 1"),
        format="JSON",
        query_id=query_id,
        limits=Limits(execution_seconds=seconds),
        settings={},
    )


def always(answer: bytes, *, step: int | None = None) -> Script:
    """Answers every request with the same bytes."""

    async def script(wire: Wire) -> None:
        while await wire.request():
            await wire.send(answer, step=step)

    return script
