"""One answer as it comes: its bytes taken apart, those of its body kept until somebody takes them."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from query_api.engine.clickhouse.exchange_failures import AnswerBroke, ExchangeFailure, WrongForm

if TYPE_CHECKING:
    from query_api.engine.clickhouse.connection import Connection

# Bytes of all headers of an answer, and bytes that may come on end without one of its body (sizes of chunks, trailers).
LONGEST_HEAD = 65_536
# Bytes of a stream that wait here before the connection is read no further.
STREAMED_BYTES = 262_144
_QUOTED = 16
_OK = 200
_FIRST_FINAL, _SWITCHING = 200, 101
_NO_LENGTH = "its answer has no length"
_ENCODED = "its answer is compressed"


class Reply:
    """The answer to one request. It has a parser of its own: nothing of one answer can get into another.

    `deadline` is the time (of the event loop's clock) at which it must be `is_ready`, and `silence` the seconds that
    may pass without a byte. `wanted`: once more bytes than that wait, it is ready although it is not over.
    """

    __slots__ = (
        "_body_bytes",
        "_connection",
        "_dry_bytes",
        "_has_head",
        "_parser",
        "_pieces",
        "_room",
        "_waiter",
        "deadline",
        "failure",
        "has_begun",
        "headers",
        "is_whole",
        "keeps_alive",
        "silence",
        "status",
        "waiting_bytes",
        "wanted",
    )

    def __init__(self, connection: Connection, *, deadline: float, silence: float, wanted: int) -> None:
        self.deadline, self.silence, self.wanted = deadline, silence, wanted
        self.status = 0
        # By their names in small letters.
        self.headers: dict[bytes, bytes] = {}
        self.has_begun = self.is_whole = self.keeps_alive = self._has_head = False
        self.failure: ExchangeFailure | None = None
        self.waiting_bytes = 0
        self._connection = connection
        self._pieces: list[bytes] = []
        self._room = wanted
        self._body_bytes = self._dry_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        # Knows this reply and is known by it: let go of at the end, as nobody looks for such circles.
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    # -- for whoever reads it --------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        return self.is_whole or self.failure is not None

    @property
    def is_ready(self) -> bool:
        return self.is_whole or self.failure is not None or self.waiting_bytes > self.wanted

    async def ready(self) -> None:
        """Wait until it is over, or more bytes wait than are wanted."""
        while not self.is_ready:
            await self.changed()

    async def changed(self) -> None:
        """Wait until something has happened to it, or its request can be sent further."""
        self._waiter = self._connection.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def take(self) -> bytes:
        """The bytes that wait. Those that come after them are read."""
        pieces, self._pieces, self.waiting_bytes = self._pieces, [], 0
        if not self.is_over:
            self._connection.resume()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def stream(self) -> None:
        """From now on it is ready with every byte, it may take as long as its bytes keep coming, and no more of them
        are read than fit here."""
        self.wanted, self._room, self.deadline = 0, STREAMED_BYTES, math.inf

    def abandon(self) -> None:
        """Nobody reads it any more: unless it is over, its connection is closed, which ends the query."""
        self._connection.leave(self)

    # -- for its connection ----------------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        return self.waiting_bytes > self._room

    def feed(self, data: bytes) -> None:
        """Take what came apart. Afterwards it may be whole, or have its failure."""
        assert self._parser is not None
        self.has_begun, body_bytes = True, self._body_bytes
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            # Also for what follows a whole answer: whoever sends that may have meant neither of the two.
            if self.failure is None:
                self.fail(AnswerBroke(b"" if self._has_head else data[:_QUOTED]))
        if self.is_whole:
            self._parser = None
        elif self._body_bytes != body_bytes:
            self._dry_bytes = 0
        elif self.failure is None:
            self._dry_bytes += len(data)
            if self._dry_bytes > LONGEST_HEAD:
                self.fail(AnswerBroke("too long a head"))

    def fail(self, failure: ExchangeFailure) -> None:
        """It does not become whole."""
        self.failure, self.is_whole, self._parser = failure, False, None
        self.wake()

    def wake(self) -> None:
        """Let whoever waits look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- for the parser --------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.is_whole:
            self._refuse(AnswerBroke("two answers"))

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # what comes later is a trailer, which nobody asked for
            self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        if sum(map(len, self.headers)) + sum(map(len, self.headers.values())) > LONGEST_HEAD:
            self._refuse(AnswerBroke("too long a head"))
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL and status != _SWITCHING:
            return  # something before the answer, which nobody asked for
        self.status, self._has_head = status, True
        if status == _OK and (reason := self._wrong_form()):
            self._refuse(WrongForm(reason))

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)
        self.waiting_bytes += len(data)
        self._body_bytes += len(data)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if not self._has_head:
            self.headers.clear()  # those of something before the answer
            return
        self.is_whole, self.keeps_alive = True, self._parser.should_keep_alive()

    def _wrong_form(self) -> str:
        """Without a length, the end of a connection would pass for the end of an answer."""
        headers = self.headers
        transfer = headers.get(b"transfer-encoding")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            return _ENCODED
        if transfer is None:
            return "" if b"content-length" in headers else _NO_LENGTH
        return "" if transfer.lower() == b"chunked" else _ENCODED

    def _refuse(self, failure: ExchangeFailure) -> None:
        """Take nothing more apart."""
        self.fail(failure)
        raise failure
