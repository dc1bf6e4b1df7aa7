"""Any bytes in any pieces: it never hangs, nobody gets another's bytes, and what was strange is never asked again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from query_api.engine.clickhouse.answer import HELD_BYTES
from query_api.engine.clickhouse.connection import Connection
from query_api.engine.clickhouse.exchange_failures import ExchangeFailure
from query_api.engine.clickhouse.pool import Pool
from query_api.engine.clickhouse.reply import Reply
from query_api.engine.clickhouse.request import Request
from tests.query_api.engine.clickhouse.own_loop import OwnLoop, own_loop
from tests.query_api.engine.clickhouse.scripted_server import OK, chunked, sized

pytestmark = pytest.mark.sockets

# As Python's parser says it.
HTTP_1_1 = 11
# Stands for the number of the request that the server has read last: whose bytes these are.
MINE = b"@"
PIECES = [
    OK,
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"\r\n",
    b"0\r\n\r\n",
]
PIECES += [b"5\r\n<@>ab\r\n", b"<@>ab", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 200 OK\r\n", b"A: b\r\n", b"\0"]
whole = st.sampled_from(
    [
        sized(b"<@>"),
        sized(b"<@>" * 40, b"A: b"),
        chunked(b"<@>", b"<@>ab"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + chunked(b"<@>"),
        sized(b"<@>", b"Connection: close"),
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n<@>",
    ]
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """An answer with some of its bytes gone, doubled or others."""
    answer = draw(whole)
    start = draw(st.integers(0, len(answer)))
    end = draw(st.integers(start, min(len(answer), start + 10)))
    return (
        answer[:start]
        + draw(st.one_of(st.just(b""), st.binary(max_size=5), st.just(answer[start:end] * 2)))
        + answer[end:]
    )


said = st.one_of(
    whole,
    whole,
    spoilt(),
    st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join),
    st.binary(max_size=40),
    st.lists(whole, min_size=2, max_size=2).map(b"".join),
)


@dataclass(frozen=True)
class Turn:
    """What a server says to one request: `cuts` are where it is cut into pieces, `unasked` what it says after a pause
    besides (too soon for the event loop to see it, or not), and whether it closes the connection then."""

    said: bytes
    cuts: tuple[int, ...]
    unasked: bytes
    is_seen: bool
    closes: bool


turns = st.builds(
    Turn,
    said,
    st.lists(st.integers(0, 150), max_size=6).map(lambda cuts: tuple(sorted(cuts))),
    st.one_of(st.just(b""), st.just(b""), said),
    st.booleans(),
    st.booleans(),
)


class Peer:
    """The other side of all connections; it takes turn after turn, on whatever connection it is asked."""

    def __init__(self, plan: list[Turn]) -> None:
        self._plan = plan
        self._sockets: dict[Connection, socket.socket] = {}
        # What was sent on each connection since its last request.
        self.sent: dict[Connection, bytes] = {}
        self.number = 0
        self.answered = asyncio.Event()
        # Those that were taken back and not asked since, those that said something then, and those of them that were
        # asked all the same.
        self.resting: set[Connection] = set()
        self.strange: set[Connection] = set()
        self.trusted_too_much: set[Connection] = set()

    async def dial(self, make: Callable[[], Connection]) -> Connection:
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(False)
        _, connection = await asyncio.get_running_loop().create_connection(make, sock=ours)
        self._sockets[connection] = theirs
        return connection

    async def take_turn(self) -> None:
        """Wait for a request, answer it as it is planned."""
        connection = self._connection = await self._asked()
        self.trusted_too_much |= {connection} & self.strange
        self.resting.discard(connection)
        turn = self._plan[self.number]
        self.number += 1
        self.sent[connection] = b""
        for start, end in zip((0, *turn.cuts), (*turn.cuts, None), strict=True):
            self._say(connection, turn.said[start:end])
            # Twice: the other side reads it in one turn of the event loop and does something with it in the next.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await self.answered.wait()

    async def rest(self) -> None:
        """Say and do what the last turn has for the time after its answer."""
        turn = self._plan[self.number - 1]
        self._say(self._connection, turn.unasked)
        if turn.closes:
            self._sockets[self._connection].close()
        if turn.is_seen:
            await asyncio.sleep(0.001)

    def _say(self, connection: Connection, data: bytes) -> None:
        # A digit for the placeholder, so that lengths stay right.
        data = data.replace(MINE, b"%d" % self.number)
        with suppress(OSError):
            self._sockets[connection].sendall(data)
        self.sent[connection] += data
        if data and connection in self.resting:
            self.strange.add(connection)

    async def _asked(self) -> Connection:
        while True:
            for connection, theirs in self._sockets.items():
                with suppress(OSError):
                    if theirs.recv(65_536):
                        return connection
            await asyncio.sleep(0)

    def close(self) -> None:
        for each in self._sockets.values():
            each.close()


class WatchedPool(Pool):
    """Remembers what had been said on a connection that it took back, to be asked again."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer.dial, most=1)
        self._peer = peer
        self.trusted: list[bytes] = []

    def give_back(self, connection: Connection) -> None:
        self.trusted.append(self._peer.sent[connection])
        self._peer.resting.add(connection)
        super().give_back(connection)


class Said(BytesIO):
    """Bytes as somebody else's parser reads them from a socket."""

    def makefile(self, *_: object) -> Said:
        return self

    def close(self) -> None:
        """What is behind an answer is looked at after the parser has closed it."""


def really_whole(sent: bytes, body: bytes) -> bool:
    """Whether somebody else's parser sees one answer in it, with this body, nothing behind it, and
    more to come on its connection."""
    said = Said(sent.lstrip(b"\r\n"))
    response = HTTPResponse(said)  # type: ignore[arg-type]  # all that it wants of a socket
    try:
        response.begin()
        return response.read() == body and not said.read().strip(b"\r\n") and not will_close(response)
    except (HTTPException, ValueError):
        return False


def will_close(response: HTTPResponse) -> bool:
    """Whether its connection ends with it: `close` must stand as a word of its own in the header (RFC 9110, 7.6.1),
    where Python's parser finds it in any other word too."""
    options = {option.strip().lower() for option in (response.getheader("Connection") or "").split(",")}
    has_end = response.chunked or response.getheader("Content-Length") is not None
    if response.version == HTTP_1_1 and has_end and "close" not in options:
        return False
    return response.will_close


async def ask(pool: Pool, peer: Peer) -> Reply | ExchangeFailure:
    peer.answered = asyncio.Event()
    deadline = asyncio.get_running_loop().time() + 10
    turn = asyncio.create_task(peer.take_turn())
    asking = asyncio.create_task(pool.ask(Request(b"R", b"", deadline, 10, HELD_BYTES)))
    for _ in range(400):
        await asyncio.sleep(0)
        if asking.done():
            break
    else:
        # It waits for more, and rightly so; at the deadline it does not.
        await own_loop().skip(11)
    assert asking.done()
    peer.answered.set()
    await turn
    try:
        return await asking
    except ExchangeFailure as failure:
        return failure


async def check(plan: list[Turn]) -> None:
    peer = Peer(plan)
    pool = WatchedPool(peer)
    try:
        while peer.number < len(plan):
            pool.trusted = []
            told = await ask(pool, peer)
            if isinstance(told, ExchangeFailure) or not told.is_whole:
                assert pool.trusted == []
            else:
                body = told.take()
                assert not any(b"<%d>" % number in body for number in range(10) if number != peer.number)
                assert [said for said in pool.trusted if not really_whole(said, body)] == []
            assert not peer.trusted_too_much
            await peer.rest()
    finally:
        await pool.close()
        peer.close()


@given(st.lists(turns, min_size=1, max_size=6))
@example([Turn(sized(b"<@>", b"Connection: onnection: close"), (), b"", False, False)])
def test_any_bytes_in_any_pieces(plan: list[Turn]) -> None:
    with asyncio.Runner(loop_factory=OwnLoop) as runner:
        runner.run(check(plan))
