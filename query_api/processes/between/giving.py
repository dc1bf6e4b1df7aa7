"""The parent's side of connections: accepted once, given to the process that has the fewest, until it has taken them.

The system itself spreads them by who is awake first, or by a digest of the caller's port: a few connections that are
kept, as dashboards and proxies have them, may all come to one process then.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

# What a process says: `+` it has taken one more, or `=`, and how many it has now.
REPORT = struct.Struct("<cI")
TAKEN = b"+"

# Accepted before anything else is looked at.
_AT_ONCE = 64
# Given to a process that has not taken them yet: one that is busy takes each within milliseconds.
_MOST_UNTAKEN = 32
# When there is no descriptor left for another connection, in seconds.
_PAUSE = 0.5

logger = logging.getLogger(__name__)


class Recipient:
    """A process that takes connections, by our end of the sockets that they go over."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.end = end
        # Kept open here until they are taken: what a killed process had not taken is given to another.
        self.untaken: deque[socket.socket] = deque()
        self.reported = 0
        self.given = 0
        self._rest = b""

    @property
    def connections(self) -> int:
        return self.reported + len(self.untaken)

    def give(self, connection: socket.socket) -> bool:
        """Says whether it could be sent."""
        try:
            socket.send_fds(self.end, [b"."], [connection.fileno()])
        except OSError:
            return False
        self.untaken.append(connection)
        return True

    def read_reports(self) -> bool:
        """Note what was taken. Says whether the process is still there."""
        while True:
            try:
                read = self.end.recv(4096)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not read:
                return False
            self._note(self._rest + read)

    def _note(self, reports: bytes) -> None:
        whole = len(reports) - len(reports) % REPORT.size
        self._rest = reports[whole:]
        for what, connections in REPORT.iter_unpack(reports[:whole]):
            self.reported = connections
            if what == TAKEN and self.untaken:
                self.untaken.popleft().close()


class Giver:
    """Accepts on these sockets, which listen, as long as somebody takes connections; else callers wait there."""

    def __init__(self, listening: Sequence[socket.socket]) -> None:
        self._listening = listening
        self._loop = asyncio.get_running_loop()
        self._recipients: list[Recipient] = []
        self._waiting: deque[socket.socket] = deque()
        self._is_accepting = self._is_closed = False
        self._given = 0

    def add(self, recipient: Recipient) -> None:
        self._recipients.append(recipient)
        self._loop.add_reader(recipient.end, self._read_reports, recipient)
        self._go_on()

    def spare(self, recipient: Recipient) -> None:
        """Give it no more; what it has is its own."""
        if recipient in self._recipients:
            self._recipients.remove(recipient)

    def remove(self, recipient: Recipient) -> None:
        """It is gone: what it did not take goes to others."""
        self.spare(recipient)
        self._loop.remove_reader(recipient.end)
        recipient.read_reports()
        recipient.end.close()
        self._waiting.extendleft(reversed(recipient.untaken))
        recipient.untaken.clear()
        self._go_on()

    def close(self) -> None:
        """Give what has been connected already, then listen no more."""
        if self._is_closed:
            return
        self._go_on()
        for listening in self._listening:
            self._accept(listening, many=1 << 16)
            self._loop.remove_reader(listening)
            listening.close()
        self._is_closed = True

    def abandon(self) -> None:
        """Close what nobody is left to take."""
        while self._waiting:
            self._waiting.popleft().close()

    def _go_on(self) -> None:
        """Give what waits; then accept, or not, by whether somebody takes it."""
        while self._waiting and (recipient := self._next()) is not None:
            self._give(recipient, self._waiting.popleft())
        accepts = not self._waiting and self._next() is not None
        if accepts == self._is_accepting or self._is_closed:
            return
        self._is_accepting = accepts
        for listening in self._listening:
            if accepts:
                self._loop.add_reader(listening, self._accept, listening)
            else:
                self._loop.remove_reader(listening)

    def _accept(self, listening: socket.socket, many: int = _AT_ONCE) -> None:
        for _ in range(many):
            recipient = self._next()
            if recipient is None:
                self._go_on()
                return
            try:
                connection, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(listening, error)
                return
            self._give(recipient, connection)

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        logger.error("no connection can be accepted for now", extra={"fields": {"error": str(error)}})
        self._loop.remove_reader(listening)
        self._is_accepting = False
        self._loop.call_later(_PAUSE, self._go_on)

    def _next(self) -> Recipient | None:
        free = (each for each in self._recipients if len(each.untaken) < _MOST_UNTAKEN)
        return min(free, key=lambda each: (each.connections, each.given), default=None)

    def _give(self, recipient: Recipient, connection: socket.socket) -> None:
        self._given += 1
        recipient.given = self._given
        while not recipient.give(connection):
            # It is about to be removed.
            self.spare(recipient)
            other = self._next()
            if other is None:
                self._waiting.append(connection)
                return
            recipient = other

    def _read_reports(self, recipient: Recipient) -> None:
        if not recipient.read_reports():
            self._loop.remove_reader(recipient.end)
            self.spare(recipient)
        self._go_on()


def listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of a host, as `asyncio`'s servers have them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            made = socket.socket(family, kind, protocol)
            sockets.append(made)
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                made.bind(address)
            except OSError as error:
                text = f"error while attempting to bind on address {address!r}: {(error.strerror or '').lower()}"
                raise OSError(error.errno, text) from None
            made.listen(_BACKLOG)
    except BaseException:
        with suppress(OSError):
            for made in sockets:
                made.close()
        raise
    return sockets


# Connections that wait while no process answers; the system has a limit of its own.
_BACKLOG = 1024
