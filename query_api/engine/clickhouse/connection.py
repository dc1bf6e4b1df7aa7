"""One connection to a server: a request at a time, and never again after anything that was not expected."""

from __future__ import annotations

import asyncio
import math
import select
from http.client import RemoteDisconnected
from typing import Protocol, cast

from query_api.engine.clickhouse.exchange_failures import AnswerBroke, ExchangeFailure, NoAnswer, TooLate
from query_api.engine.clickhouse.reply import Reply
from query_api.engine.clickhouse.request import Request

# A request of so many bytes is written at once; of a longer one, so many are while the server is behind with them.
_SENT_AT_ONCE = 262_144
# Below the time after which servers close idle connections (10 s in older ClickHouse releases).
IDLE_SECONDS = 8.0


class Owner(Protocol):
    """Where a connection belongs."""

    def give_back(self, connection: Connection) -> None:
        """It can be asked again."""

    def discard(self, connection: Connection) -> None:
        """It is closed."""

    def watch(self, due: float) -> None:
        """Have `look` called at that time of the event loop's clock."""


class Connection(asyncio.Protocol):
    """A connection that was made, until it is closed by either side."""

    def __init__(self, owner: Owner) -> None:
        self.is_closed = False
        # Whether it has answered before: only then may the server have closed it for its rest.
        self.is_used = False
        self._owner = owner
        self.loop = asyncio.get_running_loop()
        # Set once the system has the socket back.
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self._reply: Reply | None = None
        self._heard_at = 0.0
        self._is_sent = self._is_paused = self._is_behind = False

    async def ask(self, request: Request) -> Reply:
        """Send a request; its reply once it is ready. Being cancelled closes the connection."""
        reply = self._reply = Reply(self, deadline=request.deadline, silence=request.silence, wanted=request.wanted)
        self._heard_at = self.loop.time()
        self._owner.watch(self._due())
        head, body = request.head, request.body
        self._is_sent = len(body) <= _SENT_AT_ONCE
        try:
            if self._is_sent:
                self._transport.write(head + body)
            else:
                await self._send(head, body, reply)
            await reply.ready()
        except BaseException:
            self.leave(reply)
            raise
        return reply

    def leave(self, reply: Reply) -> None:
        """Close the connection if it is still at this reply."""
        if self._reply is reply:
            self._reply = None
            self.abort()

    def resume(self) -> None:
        """Read on, if it was full."""
        if self._is_paused and not self.is_closed:
            self._is_paused = False
            self._heard_at = self.loop.time()
            self._transport.resume_reading()
            if self._reply is not None:
                self._owner.watch(self._heard_at + self._reply.silence)

    @property
    def is_quiet(self) -> bool:
        """Whether a connection that rests can be asked: the other side has neither closed it nor said anything
        unasked, not even what the event loop has not seen yet, which would pass for the answer to the next request."""
        return not self.is_closed and not self._poll.poll(0)

    def rest(self) -> float:
        """It is at nothing from now on; the time at which it will have been so for too long."""
        self.is_used = True
        self.resume()
        self._heard_at = self.loop.time()
        return self._heard_at + IDLE_SECONDS

    def look(self, now: float) -> float:
        """Close it if its time is over; else the time at which to look again."""
        due = self._due()
        if due > now:
            return due
        self._end(TooLate())
        return math.inf

    def abort(self) -> None:
        """Close it, whatever it is at, and whatever of a request is not sent yet."""
        if not self.is_closed:
            self.is_closed = True
            self._transport.abort()
            self._owner.discard(self)

    # -- for the event loop ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        reply = self._reply
        if reply is None:
            self.abort()  # nobody asked for that
            return
        self._heard_at = self.loop.time()
        reply.feed(data)
        if reply.is_over:
            self._reply = None
            is_asked = self._is_sent and not self._transport.get_write_buffer_size()
            if reply.keeps_alive and reply.is_whole and is_asked:
                self._owner.give_back(self)
            else:
                self.abort()
        elif reply.is_full:
            self._is_paused = True
            self._transport.pause_reading()
        if reply.is_ready:
            reply.wake()

    def eof_received(self) -> None:
        self._lose(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(error)
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        self._is_behind = True

    def resume_writing(self) -> None:
        self._is_behind = False
        if self._reply is not None:
            self._reply.wake()

    async def _send(self, head: bytes, body: bytes, reply: Reply) -> None:
        """Send as fast as the server takes it; no further once it has answered, as it does to what it refuses."""
        rest = memoryview(body)
        self._transport.write(head)
        while rest and not reply.is_ready:
            self._transport.write(rest[:_SENT_AT_ONCE])
            rest = rest[_SENT_AT_ONCE:]
            while self._is_behind and not reply.is_ready:
                await reply.changed()
        self._is_sent = not rest

    def _due(self) -> float:
        if self._reply is None:
            return self._heard_at + IDLE_SECONDS
        # As long as nobody reads what waits, it is not the server that is silent.
        return math.inf if self._is_paused else min(self._reply.deadline, self._heard_at + self._reply.silence)

    def _lose(self, error: Exception | None) -> None:
        """The other side has closed it, or it broke."""
        if self._reply is not None and self._reply.has_begun:
            self._end(AnswerBroke())
        else:
            failure = NoAnswer()
            failure.__cause__ = error or RemoteDisconnected("closed without an answer")
            self._end(failure)

    def _end(self, failure: ExchangeFailure) -> None:
        reply, self._reply = self._reply, None
        self.abort()
        if reply is not None:
            reply.fail(failure)
