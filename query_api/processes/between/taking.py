"""A process's side of connections: taken from the parent as they come, and told how many there are."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress

from aiohttp import web

from query_api.processes.between.giving import REPORT, TAKEN

# Between two reports of how many connections there are, in seconds, while the number changes.
_REPORT_SECONDS = 0.25
# What a caller sent before the end was told is read within this time.
_READ_SECONDS = 0.05

logger = logging.getLogger(__name__)


class Taker:
    """Has a server answer the connections that come over a socket."""

    def __init__(self, end: socket.socket, server: web.Server) -> None:
        end.setblocking(False)
        self._end, self._server = end, server
        self._loop = asyncio.get_running_loop()
        self._beginning: set[asyncio.Task[None]] = set()
        self._reported = 0
        self._loop.add_reader(end, self._take)
        self._timer = self._loop.call_later(_REPORT_SECONDS, self._report_change)

    async def close(self) -> None:
        """Take what the parent has given, and give those connections' requests time to be read."""
        self._take()
        self._loop.remove_reader(self._end)
        self._timer.cancel()
        await asyncio.gather(*self._beginning, return_exceptions=True)
        await asyncio.sleep(_READ_SECONDS)
        self._end.close()

    def _take(self) -> None:
        while True:
            descriptors: list[int] = []
            try:
                told, descriptors, _, _ = socket.recv_fds(self._end, 1, 1, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                told = b""
            if not told:  # the parent is gone
                self._loop.remove_reader(self._end)
                return
            if not descriptors:
                # The parent lets go of it too, so that its caller knows.
                logger.error("a connection could not be taken: this process has no descriptor left for it")
            self._report(TAKEN, len(self._server.connections) + len(self._beginning) + 1)
            for descriptor in descriptors:
                task = self._loop.create_task(self._begin(socket.socket(fileno=descriptor)))
                self._beginning.add(task)
                task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(self._server, connection)
        except OSError:
            connection.close()  # its caller is gone

    def _report_change(self) -> None:
        self._timer = self._loop.call_later(_REPORT_SECONDS, self._report_change)
        connections = len(self._server.connections) + len(self._beginning)
        if connections != self._reported:
            self._report(b"=", connections)

    def _report(self, what: bytes, connections: int) -> None:
        self._reported = connections
        # The parent gives no more than it may have untaken, so there is room; if it is gone nobody wants to know.
        with suppress(OSError):
            self._end.send(REPORT.pack(what, connections))
