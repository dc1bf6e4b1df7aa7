"""The connections to one server: so many at most, each lent to one request at a time."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from http.client import RemoteDisconnected

from query_api.engine.clickhouse.connection import Connection
from query_api.engine.clickhouse.exchange_failures import NoAnswer, TooLate
from query_api.engine.clickhouse.reply import Reply
from query_api.engine.clickhouse.request import Request
from query_api.engine.deadlines import Deadlines

Dial = Callable[[Callable[[], Connection]], Awaitable[Connection]]


class Pool:
    """Asks requests on connections that rest, or on new ones; when there are `most`, requests wait in their order."""

    def __init__(self, dial: Dial, *, most: int) -> None:
        self._dial = dial
        self._most = most
        # Connections that are there, or are being made.
        self._places = 0
        self._is_closed = False
        self._open: set[Connection] = set()
        self._resting: list[Connection] = []
        # Each gets a connection, or None for a place to make one in.
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._deadlines = Deadlines(asyncio.get_running_loop(), self._look)

    async def ask(self, request: Request) -> Reply:
        """The reply, once it is ready; over with `NoAnswer` only on a connection of its own.

        Raises `NoAnswer` when none can be made and `TooLate` when there is none in time.
        """
        connection = self._quiet() or await self._lent(request.deadline)
        reply = await connection.ask(request)
        if connection.is_used and isinstance(reply.failure, NoAnswer):
            # Closed while it rested; asking again is harmless. Whatever closed it may have closed the others.
            self._close_resting()
            connection = await self._lent(request.deadline, is_new=True)
            reply = await connection.ask(request)
        return reply

    def now(self) -> float:
        """The time by the clock of requests' deadlines."""
        return self._deadlines.loop.time()

    async def close(self) -> None:
        """Close all connections, also those that are lent."""
        self._is_closed = True
        self._deadlines.stop()
        closing = [*self._open]
        for connection in closing:
            connection.abort()
        if closing:
            await asyncio.wait([connection.gone for connection in closing], timeout=1)

    # -- for its connections ---------------------------------------------------------------------------------------

    def give_back(self, connection: Connection) -> None:
        due = connection.rest()
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return
        self._resting.append(connection)
        self._deadlines.watch(due)

    def discard(self, connection: Connection) -> None:
        if connection in self._open:
            self._open.remove(connection)
            if connection in self._resting:
                self._resting.remove(connection)
            self._leave_place()

    def watch(self, due: float) -> None:
        self._deadlines.watch(due)

    # ---------------------------------------------------------------------------------------------------------------

    def _quiet(self) -> Connection | None:
        """The one that rested the shortest, of those that can still be asked."""
        while self._resting:
            connection = self._resting.pop()
            if connection.is_quiet:
                return connection
            connection.abort()
        return None

    def _close_resting(self) -> None:
        for connection in [*self._resting]:
            connection.abort()

    async def _lent(self, deadline: float, *, is_new: bool = False) -> Connection:
        try:
            async with asyncio.timeout_at(None if math.isinf(deadline) else deadline):
                while (connection := await self._place_or_connection()) is not None:
                    if not is_new and connection.is_quiet:
                        return connection
                    connection.abort()
                return await self._made()
        except TimeoutError as error:
            raise TooLate from error

    async def _place_or_connection(self) -> Connection | None:
        if self._places < self._most:
            self._places += 1
            return None
        waiting: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            return await waiting
        except BaseException:
            # It may have been given something at the same moment.
            if waiting.done() and not waiting.cancelled():
                self._pass_on(waiting.result())
            elif waiting in self._waiting:
                self._waiting.remove(waiting)
            raise

    async def _made(self) -> Connection:
        """A new connection in a place that is taken for it."""
        try:
            connection = await self._dial(lambda: Connection(self))
            if self._is_closed:
                connection.abort()
            if connection.is_closed:
                raise NoAnswer from RemoteDisconnected("closed without an answer")
        except BaseException:
            self._leave_place()
            raise
        self._open.add(connection)
        return connection

    def _pass_on(self, given: Connection | None) -> None:
        if given is None:
            self._leave_place()
        elif not given.is_closed:
            self.give_back(given)

    def _leave_place(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return
        self._places -= 1

    def _look(self, now: float) -> float:
        return min((connection.look(now) for connection in [*self._open]), default=math.inf)
