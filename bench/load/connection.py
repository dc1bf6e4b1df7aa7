"""One keep-alive connection of the load generator: sends prepared requests, and knows when an answer is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

_HEAD_END = b"\r\n\r\n"
_CHUNKED_END = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Head:
    """Of an answer: how many bytes its head has, and how many follow; None when they come in chunks."""

    size: int
    length: int | None

    def is_of_whole(self, received: bytes | bytearray) -> bool:
        """Whether the answer is there to its end, which is the last that came."""
        if self.length is None:
            return received.endswith(_CHUNKED_END)
        return len(received) >= self.size + self.length


def read_head(received: bytes | bytearray) -> Head | None:
    """The head that an answer begins with; None while it is not there to its end."""
    end = received.find(_HEAD_END)
    if end < 0:
        return None
    size = end + len(_HEAD_END)
    lower = bytes(received[:size]).lower()
    if b"\r\ntransfer-encoding: chunked\r\n" in lower:
        return Head(size, None)
    place = lower.find(b"\r\ncontent-length:")
    length = 0 if place < 0 else int(lower[place + 17 : lower.index(b"\r\n", place + 2)])
    return Head(size, length)


class Connection(asyncio.Protocol):
    """Asks one request at a time. `on_answer` is told status and all bytes of each answer as it is whole, and may ask
    the next at once; `on_lost` that the connection ended."""

    def __init__(
        self, on_answer: Callable[[Connection, int, bytearray], None], on_lost: Callable[[Connection], None]
    ) -> None:
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._received = bytearray()
        self._head: Head | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> None:
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        head = self._head
        if head is None:
            self._head = head = read_head(received)
            if head is None:
                return
        if head.is_of_whole(received):
            self._received, self._head = bytearray(), None
            self._on_answer(self, int(received[9:12]), received)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - named by asyncio
        self._on_lost(self)

    def close(self) -> None:
        self._transport.close()
